"""What all tests share: the two engines, and the surroundings of a command."""

import os
from collections.abc import Iterator
from pathlib import Path

import neo4j_server
import pytest
from support.places import Place, empty_database

ENGINES = ("embedded", "neo4j")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("FOLLOWSUIT_", "NEO4J_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def neo4j_server_place() -> Iterator[Place]:
    """A real Neo4j: the one that NEO4J_URI names, else one of our own for the session."""
    if uri := os.environ.get("NEO4J_URI"):
        yield Place(uri, None, os.environ.get("NEO4J_USERNAME"), os.environ.get("NEO4J_PASSWORD"))
        return
    require_neo4j()
    with neo4j_server.running() as (uri, _):
        yield Place(uri)


def require_neo4j() -> None:
    """Skip the test where no Neo4j can be started here; fail it in CI."""
    if lacks := neo4j_server.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(f"The tests against Neo4j must run in CI: {lacks}")
        pytest.skip(f"The tests against Neo4j need one: {lacks}")


@pytest.fixture
def embedded(tmp_path: Path) -> Place:
    """A place for a store in a file."""
    return Place(str(tmp_path / "store.lbug"))


@pytest.fixture
def server(neo4j_server_place: Place, tmp_path: Path) -> Place:
    """An empty database of a Neo4j server."""
    place = neo4j_server_place
    empty_database(place)
    return Place(place.name, tmp_path / "state", place.username, place.password)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest) -> Place:
    """A place for a store, on each engine in turn."""
    return request.getfixturevalue("embedded" if request.param == "embedded" else "server")
