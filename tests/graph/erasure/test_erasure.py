"""Erasing customers from the graph deletes what is theirs, and nothing else, on both engines."""

from pathlib import Path
from typing import Any

import pytest
from support.forgetting import others
from support.hand_made import hand_made
from support.loading import MEMORY

from followsuit.graph import schema as g
from followsuit.graph.erasure.erasure import erase, mentions
from followsuit.graph.erasure.search import Wanted
from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.testing.places import Place

RUN = {
    "run_id": "r",
    "kind": "score",
    "active": True,
    "parameters": '{"customers": ["ana", "ben"], "kept": [{"customers": ["ana"], "top": 3}]}',
}


@pytest.fixture
def store(place: Place, tmp_path: Path) -> GraphStore:
    opened = place.open()
    load(opened, str(hand_made(tmp_path / "shop")), memory=MEMORY)
    with opened.writing():
        opened.write(
            g.RUN,
            g.RUN.arrow_schema().empty_table().from_pylist([RUN], schema=g.RUN.arrow_schema()),
        )
        opened.note(blocked_customers=["ana", "eve"])
    return opened


def hits(store: GraphStore, *customers: str) -> int:
    return mentions(store, Wanted.of(store, customers)).hits


def keys(store: GraphStore, node: g.NodeType) -> set[Any]:
    return set(store.read(node)[node.key].to_pylist())


def test_all_of_a_customer_goes_and_all_else_stays(store: GraphStore) -> None:
    before = others(store, "ana")
    assert hits(store, "ana") > 15
    revision = store.meta.revision
    with store.writing():
        erase(store, ["ana"])
    assert hits(store, "ana") == 0
    assert others(store) == before
    assert keys(store, g.EVENT) == set()
    assert store.meta.blocked_customers == ["eve"]
    assert store.meta.revision == revision + 1
    (run,) = store.read(g.RUN).to_pylist()
    assert run["parameters"] == '{"customers": ["ben"], "kept": [{"customers": [], "top": 3}]}'
    store.close()


def test_values_that_nobody_else_has_go_too(store: GraphStore) -> None:
    with store.writing():
        erase(store, ["cem", "eve", "fay", "gus", "zoë-😀", "ana"])
    assert keys(store, g.CITY) == {"Porto", "Lyon"}  # a store is in Lyon
    assert keys(store, g.INTEREST) == {"Hiking"}  # an offer is for it
    assert keys(store, g.PURPOSE) == {"social_use"}
    assert len(keys(store, g.PRODUCT)) == 5  # they were delivered
    store.close()


def test_erasing_again_and_erasing_nobody_we_know_does_no_harm(store: GraphStore) -> None:
    with store.writing():
        erase(store, ["ana"])
        before = others(store)
        erase(store, ["ana", "nobody"])
    assert others(store) == before
    store.close()
