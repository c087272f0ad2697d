"""Rewriting a store changes no row, and leaves no byte of what was deleted."""

from pathlib import Path

import pytest

from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore
from followsuit.testing.graph_rows import rows, sample, stored
from followsuit.testing.places import Place

SECRET = "a text that is long enough to be found in a file"


@pytest.fixture
def store(embedded: Place) -> GraphStore:
    """A store with three rows of everything, and one that was deleted."""
    opened = embedded.open()
    elements = [*map(g.with_results, g.NODES), *g.RELATIONSHIPS]
    with opened.writing():
        for element in elements:
            opened.write(element, rows(element, *(sample(element, n) for n in range(3))))
        opened.write(g.CUSTOMER, rows(g.CUSTOMER, {"customer_id": SECRET}))
        opened.delete(g.CUSTOMER, "customer_id", [SECRET])
        opened.changed()
    return opened


def test_all_rows_and_notes_stay_and_deleted_bytes_go(store: GraphStore) -> None:
    elements = [*map(g.with_results, g.NODES), *g.RELATIONSHIPS]
    path = Path(store.name)
    before = [stored(store, element) for element in elements]
    entries = store.meta.entries
    assert SECRET.encode() in path.read_bytes()
    assert store.rewrite() == [path]
    assert SECRET.encode() not in path.read_bytes()
    assert [stored(store, element) for element in elements] == before
    assert store.meta.entries == entries
    assert path.stat().st_mode & 0o077 == 0
    assert store.offline_step() == []


def test_a_file_that_a_killed_rewrite_left_is_replaced(store: GraphStore) -> None:
    left = Path(f"{store.name}.new")
    left.write_bytes(b"half of a file")
    assert left in store.files
    store.rewrite()
    assert store.files == [Path(store.name)]
