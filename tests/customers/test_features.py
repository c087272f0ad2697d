"""What describes a customer: recency, recent items, price level, orders and spend."""

import math
from pathlib import Path
from typing import Any

import pytest
from support.grids import FORTNIGHT
from support.snapshots import day, view_from

from followsuit.customers.features import customer_features, spending
from followsuit.graph.views.view import View

Row = dict[str, Any]


def shop(folder: Path) -> View:
    bought = [
        ("ann", "tea", day(3), 2, 800),
        ("ann", "cup", day(20), 1, 100),
        ("ann", "cup", day(21), 1, 100),
        ("bob", "tea", day(21), -1, -400),
        ("ann", "cup", day(40), 1, 100),
    ]
    return view_from(
        folder,
        day(22),
        assume_consent=True,
        customers=[{"customer_id": c} for c in ("ann", "bob")],
        products=[{"product_id": "tea", "price": 400}, {"product_id": "cup", "price": 100}],
        purchases=[
            {"customer_id": c, "product_id": p, "at": at, "quantity": n, "amount": amount}
            for c, p, at, n, amount in bought
        ],
    )


def by_customer(rows: Any) -> dict[str, Row]:
    return {row.pop("customer_id"): row for row in rows.to_pyarrow().to_pylist()}


def test_a_customer_has_a_row_of_their_own_interactions_up_to_the_instant(tmp_path: Path) -> None:
    rows = by_customer(customer_features(shop(tmp_path), FORTNIGHT))
    assert set(rows) == {"ann"}, "a return is no interaction"
    expected = {"days": 1.0, "items": 1, "log_price": (math.log(400) + math.log(100)) / 2}
    assert rows["ann"] == pytest.approx(expected)


def test_only_some_customers_may_be_asked_for(tmp_path: Path) -> None:
    view = shop(tmp_path).at(day(30))
    everybody = by_customer(customer_features(view, FORTNIGHT))
    for chosen in (["ann"], ["bob"], ["ann", "zoe"], []):
        expected = {name: row for name, row in everybody.items() if name in chosen}
        assert by_customer(customer_features(view, FORTNIGHT, chosen)) == expected


def test_orders_and_spend_are_those_of_a_year(tmp_path: Path) -> None:
    view = shop(tmp_path)
    assert by_customer(spending(view)) == {"ann": {"days": 1.0, "orders": 3, "spend": 1_000}}
    assert by_customer(spending(view.at(day(367)))) == {
        "ann": {"days": 327.0, "orders": 4, "spend": 1_100}
    }
    assert by_customer(spending(view.at(day(370)))) == {
        "ann": {"days": 330.0, "orders": 3, "spend": 300}
    }
