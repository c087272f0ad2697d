"""What offers are for and where to use them, by `offers` and `offer_items`, on each engine."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from support.deliveries import Rows, deliver
from support.snapshots import day

from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import view_of
from followsuit.loaders.load import load
from followsuit.offers.candidates.catalogue import catalogue
from followsuit.queries.runner import run_query

NOW = day(20)
PRODUCTS = {"mug": "acme", "pan": "zeta", "saw": "acme", "jam": None, "tea": None}
STORES = ("mall", "port", "town", "jam")
NAMED = ("product", "category", "brand")

Things = list[tuple[str | None, str | None, str | None]]
CASES: dict[str, tuple[dict[str, Any], list[tuple[str | None, str | None]], Things]] = {
    "everything": ({}, [], [(None, None, None)]),
    "only items": (
        {},
        [("mug", None), ("pan", None)],
        [("product", "mug", None), ("product", "pan", None)],
    ),
    "both": (
        {"category": "kitchen"},
        [("saw", None)],
        [("category", "kitchen", None), ("product", "saw", None)],
    ),
    "twice": ({"product_id": "mug"}, [("mug", None)], [("product", "mug", None)]),
    "store of the offer": (
        {"product_id": "mug", "store_id": "mall"},
        [("pan", None)],
        [("product", "mug", "mall"), ("product", "pan", "mall")],
    ),
    "stores in items": (
        {"product_id": "mug", "store_id": "mall"},
        [(None, "port"), (None, "mall")],
        [("product", "mug", "mall"), ("product", "mug", "port")],
    ),
    "own stores": (
        {"brand": "acme", "store_id": "mall"},
        [("pan", "port"), ("pan", "town"), ("pan", None), ("saw", None)],
        [
            ("brand", "acme", "mall"),
            ("product", "pan", "port"),
            ("product", "pan", "town"),
            ("product", "saw", "mall"),
        ],
    ),
    "own store of its product": (
        {"product_id": "mug", "store_id": "mall"},
        [("mug", "port")],
        [("product", "mug", "port")],
    ),
    "visits": (
        {"store_id": "mall"},
        [(None, "port")],
        [(None, None, "mall"), (None, None, "port")],
    ),
    "visits by items": ({}, [(None, "port")], [(None, None, "port")]),
    "items and a store": ({"store_id": "mall"}, [("mug", None)], [("product", "mug", "mall")]),
    "members": (
        {"program": "gold"},
        [("mug", "port"), (None, "mall")],
        [("product", "mug", "port"), ("program", "gold", "mall")],
    ),
}


def random_offers() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Offers that name at most one of product, category and brand, and their items."""
    rng = np.random.default_rng(7)

    def some(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    offers, items = [], []
    for n in range(60):
        thing = {"product_id": None, "category": None, "brand": None}
        thing |= some(
            {},
            {},
            {"product_id": some(*PRODUCTS)},
            {"category": some("kitchen", "tools")},
            {"brand": "acme"},
        )
        store, program = some(None, *STORES), some(None, None, "gold")
        offers.append({"offer_id": f"r{n:02}", **thing, "store_id": store, "program": program})
        for _ in range(int(rng.integers(4))):
            row = {"product_id": some(None, *PRODUCTS), "store_id": some(None, *STORES)}
            if any(row.values()):
                items.append({"offer_id": f"r{n:02}", **row})
    return offers, items


@pytest.fixture(scope="module")
def shop(store: GraphStore, tmp_path_factory: pytest.TempPathFactory) -> GraphStore:
    offers, items = random_offers()
    columns = dict.fromkeys(("product_id", "category", "brand", "store_id", "program"))
    for name, (offer, listed, _) in CASES.items():
        offers.append({"offer_id": name, **columns, **offer})
        items += [{"offer_id": name, "product_id": p, "store_id": s} for p, s in listed]
    folder = tmp_path_factory.mktemp("shop") / "delivery"
    deliver(
        folder,
        customers=[{"customer_id": "ann"}],
        products=[
            {"product_id": p, "category": "kitchen" if brand else "tools", "brand": brand}
            for p, brand in PRODUCTS.items()
        ],
        stores=[{"store_id": s} for s in STORES],
        memberships=[{"customer_id": "ann", "program": "gold"}],
        offers=offers,
        offer_items=items,
    )
    report = load(store, str(folder))
    assert not report.reasons
    return store


def in_force(store: GraphStore) -> Rows:
    """All rows of the query."""
    rows: Rows = run_query(store, "offers-in-force", now=NOW).to_pylist()
    return rows


@pytest.mark.parametrize("name", CASES)
def test_an_offer_is_for_what_offers_and_offer_items_name(name: str, shop: GraphStore) -> None:
    rows = [row for row in in_force(shop) if row["offer_id"] == name]
    assert [(row["for_kind"], row["for_id"], row["store_id"]) for row in rows] == CASES[name][2]


def test_rows_are_cut_in_the_same_order(shop: GraphStore) -> None:
    everything = in_force(shop)
    for limit in (1, 7, 40):
        rows = run_query(shop, "offers-in-force", {"limit": limit}, now=NOW).to_pylist()
        assert rows == everything[:limit]


def test_the_rows_cover_what_the_catalogue_covers(shop: GraphStore) -> None:
    covered, stores = spelt_out([row for row in in_force(shop) if row["offer_id"][0] == "r"])
    active = catalogue(view_of(shop, NOW))
    assert active is not None
    expected = active.coverage.filter(active.coverage.offer_id.startswith("r"))
    places = active.stores.filter(active.stores.offer_id.startswith("r"))
    assert covered == {tuple(row.values()) for row in expected.to_pyarrow().to_pylist()}
    assert stores == {tuple(row.values()) for row in places.to_pyarrow().to_pylist()}
    assert len(covered) > 100
    assert len(stores) > 60


def spelt_out(rows: Rows) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """The items that the rows mean: `offer_id, item_kind, item_id`, and the same with a store."""
    offers: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        offers[str(row["offer_id"])].append(row)
    covered, stores = set(), set()
    for offer, mine in offers.items():
        named = [row for row in mine if row["for_kind"] in NAMED]
        own = {row["for_id"] for row in named if row["for_kind"] == "product"}
        for row in named or mine:
            if not named and row["store_id"]:
                items = [("store", row["store_id"])]
            else:
                items = [("product", p) for p in products(row, own)]
            covered |= {(offer, *item) for item in items}
            if row["store_id"]:
                stores |= {(offer, *item, row["store_id"]) for item in items}
    return covered, stores


def products(row: Any, own: set[str]) -> list[str]:
    """The products of a row; `own` have rows of their own, which say where to use the offer."""
    if row["for_kind"] == "product":
        return [row["for_id"]]
    kinds = {"category": lambda brand: "kitchen" if brand else "tools", "brand": lambda b: b}
    kind = kinds.get(row["for_kind"], lambda _: row["for_id"])
    return [p for p, brand in PRODUCTS.items() if p not in own and kind(brand) == row["for_id"]]
