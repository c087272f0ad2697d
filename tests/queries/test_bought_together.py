"""Support and lift of products with common buyers, against plain Python."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from support.deliveries import deliver
from support.snapshots import day

from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.loaders.mapping import Mapping
from followsuit.queries.runner import run_query

BESTSELLER, PAIR, RARE = "best", ("bread", "butter"), "rare"
SENSITIVE = {"pill", "knife"}
RETURNS = Mapping.model_validate({"tables": {"purchases": {"returns": True}}})

Row = dict[str, Any]


def random_purchases() -> list[Row]:
    """Everybody buys the bestseller; some buy bread and butter; few a rare product."""
    rng = np.random.default_rng(4)
    rows: list[Row] = []

    def buy(customer: int, product: str, at: int, order: str | None = None, n: int = 1) -> None:
        rows.append(
            {
                "purchase_id": f"u{len(rows)}",
                "order_id": order,
                "customer_id": f"c{customer}",
                "product_id": product,
                "at": day(at).isoformat(),
                "quantity": n,
            }
        )

    for c in range(80):
        if c < 75:
            buy(c, BESTSELLER, 1 + c % 7)
        for product in ("bun", "tea", "jam", *SENSITIVE):
            if rng.random() < 0.3:
                buy(c, product, 1 + int(rng.integers(4)), None if c % 2 else f"o{c}")
        if c % 4 == 0:
            buy(c, PAIR[0], 10, f"basket{c}")
            buy(c, PAIR[1], 10 if c % 8 else 11, f"basket{c}" if c % 8 else None)
            buy(c, PAIR[1], 12)
            buy(c, PAIR[0], 12)
    buy(0, RARE, 20)
    buy(4, RARE, 20)
    buy(1, PAIR[0], 21, n=-1)
    return rows


PURCHASES = random_purchases()


def expected(product: str, at_least: int) -> list[Row]:
    bought = [p for p in PURCHASES if p["quantity"] > 0]
    buyers, orders = defaultdict(set), defaultdict(set)
    for p in bought:
        buyers[p["product_id"]].add(p["customer_id"])
        key = (p["customer_id"], p["order_id"] or p["at"], p["order_id"] is None)
        orders[p["product_id"]].add(key)
    everybody = len({p["customer_id"] for p in bought})
    rows = []
    for other in set(buyers) - {product} - SENSITIVE:
        both = len(buyers[product] & buyers[other])
        if both >= at_least:
            share, other_share = len(buyers[product]) / everybody, len(buyers[other]) / everybody
            rows.append(
                {
                    "product_id": other,
                    "product_name": other.upper(),
                    "customers": both,
                    "orders": len(orders[product] & orders[other]),
                    "support": pytest.approx(both / everybody, abs=1e-12),
                    "lift": pytest.approx(both / everybody / share / other_share, abs=1e-12),
                }
            )
    return rows


@pytest.fixture(scope="module")
def shop(store: GraphStore, tmp_path_factory: pytest.TempPathFactory) -> GraphStore:
    products = {p["product_id"] for p in PURCHASES}
    delivery = deliver(
        tmp_path_factory.mktemp("shop") / "delivery",
        customers=[{"customer_id": f"c{n}"} for n in range(90)],
        products=[
            {
                "product_id": p,
                "name": p.upper(),
                "category": "Pharmacy" if p == "pill" else None,
                "sensitive": p == "knife",
            }
            for p in sorted(products)
        ],
        categories=[{"category": "Pharmacy", "sensitive": True}],
        purchases=PURCHASES,
    )
    load(store, str(delivery), RETURNS)
    return store


def ask(shop: GraphStore, **parameters: Any) -> list[Row]:
    rows: list[Row] = run_query(shop, "bought-together", parameters).to_pylist()
    return rows


@pytest.mark.parametrize("at_least", [1, 10])
@pytest.mark.parametrize("product", ["bun", BESTSELLER, *PAIR, RARE])
def test_support_and_lift_are_those_of_plain_python(
    shop: GraphStore, product: str, at_least: int
) -> None:
    rows = ask(shop, product_id=product, at_least=at_least)
    by_id = sorted(rows, key=lambda row: str(row["product_id"]))
    assert by_id == sorted(expected(product, at_least), key=lambda row: str(row["product_id"]))
    keys = [(-row["lift"], -row["customers"], row["product_id"]) for row in rows]
    assert keys == sorted(keys)


def test_neither_the_bestseller_nor_a_rare_product_comes_first(shop: GraphStore) -> None:
    rows = ask(shop, product_id="bread")
    assert rows[0]["product_id"] == "butter"
    assert max(rows, key=lambda row: int(row["customers"]))["product_id"] in (BESTSELLER, "butter")
    assert RARE not in [row["product_id"] for row in rows], "fewer than ten customers"
    assert ask(shop, product_id="bread", at_least=1)[0]["product_id"] in ("butter", RARE)


def test_orders_are_those_that_hold_both(shop: GraphStore) -> None:
    (butter,) = [r for r in ask(shop, product_id="bread") if r["product_id"] == "butter"]
    assert butter["customers"] == 20
    assert butter["orders"] == 10 + 20, "ten baskets, and one instant of each customer"


def test_a_sensitive_product_has_no_rows(shop: GraphStore) -> None:
    for product in SENSITIVE:
        assert ask(shop, product_id=product, at_least=1) == []
