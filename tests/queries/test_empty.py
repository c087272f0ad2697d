"""Why a query has no rows, on both engines, and which query an unknown name may mean."""

from datetime import timedelta
from typing import Any

import pytest

from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore
from followsuit.queries.empty import why_empty
from followsuit.queries.library import UnknownQuery, find
from followsuit.testing.graph_rows import NOON, nodes, rows

STEPS: dict[str, tuple[dict[str, Any], str]] = {
    "current-recommendations": ({}, "There are no offers yet. Run `followsuit score "),
    "nearest": (
        {"node_kind": "product", "node_id": "tea"},
        "There are no embeddings yet. Run `followsuit gnn embed ",
    ),
    "influencers-of": (
        {"customer_id": "ana"},
        "There are no influence edges yet. Run `followsuit influence learn ",
    ),
    "top-influencers": ({}, "There are no influence edges yet. "),
}
STRANGERS: list[tuple[str, dict[str, Any], str]] = [
    ("two-hop-reach", {"customer_id": "zzz"}, "There is no customer zzz."),
    ("friends-in-common", {"customer_id": "ana", "other_id": "zzz"}, "There is no customer zzz."),
    ("influence-evidence", {"customer_id": "ana", "friend_id": "z"}, "There is no customer z."),
    ("bought-together", {"product_id": "ana"}, "There is no product ana."),
    ("nearest", {"node_kind": "store", "node_id": "tea"}, "There is no store tea."),
]


@pytest.fixture(scope="module")
def shop(store: GraphStore) -> GraphStore:
    with store.writing():
        store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ana", "ben"))
        store.write(g.PRODUCT, nodes(g.PRODUCT, "tea"))
        store.note(revision=1)
    return store


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_has_not_been_run(name: str, shop: GraphStore) -> None:
    given, said = STEPS[name]
    assert str(why_empty(shop, name, given)).startswith(said)


@pytest.mark.parametrize(("name", "given", "said"), STRANGERS)
def test_an_id_that_the_store_does_not_know(
    name: str, given: dict[str, Any], said: str, shop: GraphStore
) -> None:
    assert why_empty(shop, name, given) == said


def test_a_rule_of_the_query_that_leaves_rows_out(shop: GraphStore) -> None:
    assert why_empty(shop, "bought-together", {"product_id": "tea", "at_least": "4"}) == (
        "Nothing reaches at_least=4, the minimum number of customers who bought both. Lower it."
    )
    for name, given in (
        ("friends-recent-purchases", {}),
        ("two-hop-reach", {}),
        ("friends-in-common", {"other_id": "ben"}),
    ):
        said = why_empty(shop, name, {"customer_id": "ana", **given})
        assert said is not None
        assert said.startswith("The query leaves out customers who don't share their activity: ")


def test_nothing_is_missing(shop: GraphStore) -> None:
    assert why_empty(shop, "top-customers", {}) is None
    run = {"kind": "score", "run_id": "now", "active": True, "parameters": "{}"}
    times = {"as_of": NOON, "created_at": NOON + timedelta(hours=1)}
    with shop.writing():
        shop.write(g.RUN, rows(g.RUN, run | times | {"customers": 0, "offers": 0}))
    assert why_empty(shop, "current-recommendations", {}) is None


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownQuery, match=r"comon\. Did you mean friends-in-common\?"):
        find("friends-in-comon")
    with pytest.raises(UnknownQuery, match="there are bought-after-a-friend, "):
        find("xyz")
