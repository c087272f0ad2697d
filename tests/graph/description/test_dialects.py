"""Every example of the two dialects runs on its engine, and both have the same answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.commands import run

from followsuit.graph.description.dialects import Difference, differences, functions
from followsuit.graph.query import QueryError
from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.queries.runner import run_cypher
from followsuit.simulator import World, simulate
from followsuit.testing.places import Place

WORLD = World(customers=80, products=30, stores=5, friendships=200, purchases=900, days=120, seed=1)
BY_TOPIC = {one.topic: one for one in differences()}


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    simulate(WORLD, folder, file_format="parquet")
    return folder


@pytest.fixture(scope="module")
def reference(delivery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """The shop on the embedded engine, to compare both engines' answers with."""
    with Place(str(tmp_path_factory.mktemp("reference") / "store.lbug")).open() as store:
        load(store, str(delivery))
        yield store


@pytest.fixture(scope="module")
def store(module_place: Place, delivery: Path) -> Iterator[GraphStore]:
    """The shop on each engine in turn."""
    with module_place.open() as opened:
        load(opened, str(delivery))
        yield opened


def answer(store: GraphStore, query: str) -> list[dict[str, Any]]:
    """The rows of a query; what `collect` collects comes in any order."""
    rows = run_cypher(store, query).to_pylist()
    return [{k: sorted(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]


@pytest.mark.parametrize("topic", BY_TOPIC)
def test_each_example_runs_on_its_engine_with_the_same_answer(
    topic: str, store: GraphStore, reference: GraphStore, module_place: Place
) -> None:
    one = BY_TOPIC[topic]
    found = answer(store, one.on_neo4j if module_place.is_server else one.on_embedded)
    assert found
    assert any(value for row in found for value in row.values())
    assert found == answer(reference, one.on_embedded)


def test_a_refused_example_of_the_other_engine_says_what_to_write_here(
    store: GraphStore, module_place: Place
) -> None:
    def here(one: Difference) -> str:
        return one.neo4j if module_place.is_server else one.embedded

    advice = [f": write `{here(one)}`" for one in differences()]
    messages = []
    for one in differences():
        try:
            run_cypher(store, one.on_embedded if module_place.is_server else one.on_neo4j)
        except QueryError as error:
            messages.append(str(error))
    assert len(messages) >= 15
    assert [m for m in messages if "\n" in m or not any(a in m for a in advice)] == []


def test_the_queries_of_the_schema_run_on_both_engines(store: GraphStore, tmp_path: Path) -> None:
    done = run("schema", "--format", "cypher", folder=tmp_path)
    text = re.sub(r"//[^\n]*", "", done.out)
    queries = [query.strip() for query in text.split(";") if query.strip()]
    assert len(queries) > 30
    for query in queries:
        run_cypher(store, query)


def test_the_differences_are_complete() -> None:
    assert len(BY_TOPIC) == len(differences())
    for one in differences():
        assert one.on_neo4j != one.on_embedded
        assert one.neo4j != one.embedded
        for sign in (one.neo4j_sign, one.embedded_sign):
            re.compile(sign)


def test_functions_are_found_by_their_call() -> None:
    assert functions("date_part('day', b.at - a.at)") == {"date_part"}
    assert functions("duration.inDays(a.at, b.at).days") == {"duration.indays"}
