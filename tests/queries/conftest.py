"""A store for a whole module of queries, which only read, on each engine in turn."""

from collections.abc import Iterator

import pytest
from support.places import Place, empty_database

from followsuit.graph.store import GraphStore


@pytest.fixture(scope="module", params=("embedded", "neo4j"))
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GraphStore]:
    """An empty store for the module to load into once."""
    folder = tmp_path_factory.mktemp(request.param)
    place = Place(str(folder / "store.lbug"))
    if request.param == "neo4j":
        server: Place = request.getfixturevalue("neo4j_server_place")
        empty_database(server)
        place = Place(server.name, folder / "state", server.username, server.password)
    with place.open() as opened:
        yield opened
