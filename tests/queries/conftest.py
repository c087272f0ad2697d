"""A store on each engine for a whole module of read-only queries."""

from collections.abc import Iterator

import pytest

from followsuit.graph.store import GraphStore
from followsuit.testing.places import Place


@pytest.fixture(scope="module")
def store(module_place: Place) -> Iterator[GraphStore]:
    """An empty store for the module to load into once."""
    with module_place.open() as opened:
        yield opened
