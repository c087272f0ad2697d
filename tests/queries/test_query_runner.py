"""The runner: time limits and types of answers."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from support.hand_made import MAPPING, hand_made

from followsuit.graph import schema as g
from followsuit.graph.query import QueryError, QueryTimeout
from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.loaders.mapping import read_mapping
from followsuit.queries.runner import run_cypher, run_query


@pytest.fixture(scope="module")
def loaded(store: GraphStore, tmp_path_factory: pytest.TempPathFactory) -> GraphStore:
    folder = tmp_path_factory.mktemp("delivery")
    (folder / "mapping.toml").write_text(MAPPING)
    load(store, str(hand_made(folder / "shop")), read_mapping(str(folder / "mapping.toml")))
    return store


ENDLESS = """
UNWIND range(1, 3000) AS a UNWIND range(1, 3000) AS b UNWIND range(1, 3000) AS c
WITH a + b + c AS s WHERE s % 7 = 3 RETURN count(s) AS n
"""


def test_a_query_that_takes_too_long_is_ended(loaded: GraphStore) -> None:
    began = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"past its limit of 0\.5 seconds\. Narrow it, or raise"):
        run_cypher(loaded, ENDLESS, timeout=0.5)
    assert time.monotonic() - began < 30


def test_the_limit_of_one_query_is_not_that_of_the_next(loaded: GraphStore) -> None:
    with pytest.raises(QueryTimeout):
        run_cypher(loaded, ENDLESS, timeout=0.2)
    assert run_cypher(loaded, "RETURN 1 AS x", timeout=None).to_pylist() == [{"x": 1}]
    assert run_query(loaded, "counts", timeout=60).num_rows == 35


def one(store: GraphStore, expression: str, **parameters: Any) -> tuple[pa.DataType, Any]:
    """The type and value of an expression over the nodes `c`."""
    query = f"MATCH (c:Customer)-[b:PURCHASED]->(p:Product) RETURN {expression} AS x"
    answer = run_cypher(store, query, parameters)
    return answer["x"].type, answer["x"].to_pylist()[0]


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("sum(b.amount)", g.WHOLE, 8150),
        ("sum(1)", g.WHOLE, 14),
        ("count(*)", g.WHOLE, 14),
        ("max(b.amount)", g.WHOLE, 2000),
        ("sum(b.quantity)", g.NUMBER, 12.0),
        ("avg(b.quantity)", g.NUMBER, 12 / 13),
        ("min(p.name)", g.TEXT, "Black tea"),
        ("max(b.at) > min(b.at)", g.BOOLEAN, True),
        ("count(DISTINCT c.customer_id)", g.WHOLE, 7),
    ],
)
def test_answers_have_the_same_arrow_type_on_both_engines(
    expression: str, kind: pa.DataType, value: Any, loaded: GraphStore
) -> None:
    assert one(loaded, expression) == (kind, pytest.approx(value))


def test_times_and_dates_come_out_as_such(loaded: GraphStore) -> None:
    kind, at = one(loaded, "min(b.at)")
    assert pa.types.is_timestamp(kind)
    assert at == datetime(2025, 3, 1, 10, tzinfo=UTC)
    assert one(loaded, "min(c.birth_date)") == (g.DATE, date(1990, 5, 5))


@pytest.mark.parametrize(
    ("condition", "given", "n"),
    [
        ("c.customer_id = $p", "ana", 4),
        ("b.amount = $p", 2000, 1),
        ("b.quantity < $p", 0.5, 1),
        ("b.at >= $p", datetime(2025, 6, 1, tzinfo=UTC), 2),
        ("b.at >= $p", datetime(2025, 6, 1, 2, tzinfo=timezone(timedelta(hours=2))), 2),
        ("c.birth_date <= $p", date(1990, 5, 5), 4),
        ("min_at + $p >= b.at", timedelta(days=4), 4),
        ("c.customer_id IN $p", ["ana", "ben"], 8),
        ("coalesce($p, false)", True, 14),
    ],
)
def test_parameters_of_every_type_reach_the_engine(
    condition: str, given: Any, n: int, loaded: GraphStore
) -> None:
    query = (
        "MATCH ()-[first:PURCHASED]->() WITH min(first.at) AS min_at "
        f"MATCH (c:Customer)-[b:PURCHASED]->() WHERE {condition} RETURN count(*) AS n"
    )
    assert run_cypher(loaded, query, {"p": given})["n"].to_pylist() == [n]


def test_a_parameter_that_is_not_given_is_named(loaded: GraphStore) -> None:
    with pytest.raises(QueryError, match=r"needs a value for \$customer: --param customer="):
        run_cypher(loaded, "MATCH (c:Customer {customer_id: $customer}) RETURN c.name AS name")


def test_a_parameter_that_no_engine_takes_is_named(loaded: GraphStore) -> None:
    for value in (10**30, object(), [1, "a"], "\udcff"):
        with pytest.raises(QueryError, match="parameter"):
            run_cypher(loaded, "RETURN $odd AS x", {"odd": value})


def test_two_columns_of_one_name_are_refused(loaded: GraphStore) -> None:
    with pytest.raises(QueryError):
        run_cypher(loaded, "RETURN 1 AS a, 2 AS a")


def test_a_syntax_error_is_one_line(loaded: GraphStore) -> None:
    for wrong in ("MATCH (c:Customer RETURN c", "RETURN nothing", "RETURN 'open", "MATCH (c)\n\nX"):
        with pytest.raises(QueryError, match=r"^The query was refused: .+\.$") as refused:
            run_cypher(loaded, wrong)
        assert "\n" not in str(refused.value)


def test_nodes_relationships_and_paths_can_be_returned(loaded: GraphStore) -> None:
    answer = run_cypher(
        loaded,
        "MATCH p = (c:Customer {customer_id: 'ana'})-[r:LIVES_IN]->(x:City) "
        "RETURN c, r, x, p, c.customer_id AS id",
    )
    row = answer.to_pylist()[0]
    assert answer.column_names == ["c", "r", "x", "p", "id"]
    assert row["c"]["name"] == "Ana"
    assert row["x"]["city"] == "Porto"


def test_no_rows_keep_their_columns(loaded: GraphStore) -> None:
    answer = run_cypher(loaded, "MATCH (c:Customer {customer_id: 'x'}) RETURN c.name AS name")
    assert (answer.column_names, answer.num_rows) == (["name"], 0)
