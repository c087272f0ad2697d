"""What all tests share: the two engines, and the surroundings of a command."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import neo4j_server
import pytest
from support.servers import require_neo4j

from followsuit.offers.replay import replay
from followsuit.testing.places import Place, empty_database

# Ibis makes trees of many objects and few cycles: seldom looking for these spares 7 % of the time.
gc.set_threshold(200_000, 50, 100)

ENGINES = ("embedded", "neo4j")
LONGEST = ("test_kill.py", "test_privacy.py", "test_gain.py", "test_docs.py", "test_score.py")
"""They and files with long tests begin first. Else one worker would still be busy with one of them
when all else is done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    first = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path.name not in LONGEST and item.path not in first)


@pytest.fixture(scope="session", autouse=True)
def _quick_affinity() -> Iterator[None]:
    """Training takes a while: only the tests of the blend itself ask for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOLLOWSUIT_AFFINITY", "linear")
        yield


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("FOLLOWSUIT_", "NEO4J_")) and name != "FOLLOWSUIT_AFFINITY":
            monkeypatch.delenv(name)


@pytest.fixture
def few_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are fitted to one earlier day and calibrated on another, to save time.

    For tests of what doesn't depend on the days, each of which is treated alike.
    """
    monkeypatch.setattr(replay, "TRAINING_DAYS", 1)
    monkeypatch.setattr(replay, "CALIBRATION_DAYS", 1)


@pytest.fixture(scope="session")
def neo4j_server_place() -> Iterator[Place]:
    """A real Neo4j: the one that NEO4J_URI names, else one of our own for the session."""
    if uri := os.environ.get("NEO4J_URI"):
        yield Place(uri, None, os.environ.get("NEO4J_USERNAME"), os.environ.get("NEO4J_PASSWORD"))
        return
    require_neo4j()
    with neo4j_server.running(brief=True) as (uri, _):
        yield Place(uri)


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


@pytest.fixture(scope="module", params=ENGINES)
def module_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place for a store that the tests of a module share, on each engine in turn."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        return Place(str(folder / "store.lbug"))
    server: Place = request.getfixturevalue("neo4j_server_place")
    empty_database(server)
    return Place(server.name, folder / "state", server.username, server.password)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest) -> Place:
    """A place for a store, on each engine in turn."""
    return request.getfixturevalue("embedded" if request.param == "embedded" else "server")
