"""Purchases by category and day: amounts, units, time and what is left out."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from support.snapshots import day, view_from

from followsuit.graph.views.view import View
from followsuit.triggers.statistical.category_days import category_days

NOW = day(20)


def bought(who: str, what: str, at: Any = NOW, **more: Any) -> dict[str, Any]:
    return {"customer_id": who, "product_id": what, "at": at, **more}


def rows_of(folder: Path, *purchases: dict[str, Any]) -> list[tuple[Any, ...]]:
    view: View = view_from(
        folder,
        NOW,
        customers=[{"customer_id": c} for c in ("ann", "bob")],
        products=[
            {"product_id": "tea", "category": "food", "price": 250},
            {"product_id": "rye", "category": "food"},
            {"product_id": "hat", "category": "wear"},
            {"product_id": "odd"},
        ],
        purchases=list(purchases),
        assume_consent=True,
    )
    days = category_days(view)
    return [
        (
            days.customers.ids[who],
            days.categories.ids[what],
            int(at),
            None if np.isnan(amount) else float(amount),
            float(units),
        )
        for who, what, at, amount, units in zip(
            days.customer, days.category, days.day, days.amount, days.units, strict=True
        )
    ]


def test_purchases_of_a_day_and_category_are_one_row(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path,
        bought("bob", "hat", amount=900),
        bought("ann", "tea", amount=100, quantity=2),
        bought("ann", "rye", amount=30, quantity=0.5, currency="EUR"),
        bought("ann", "tea", NOW - timedelta(days=1), amount=70),
    )
    assert rows == [
        ("ann", "food", -1, 70, 1),
        ("ann", "food", 0, 130, 2.5),
        ("bob", "wear", 0, 900, 1),
    ]


def test_an_amount_is_else_the_price_and_unknown_in_another_currency(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path,
        bought("ann", "tea", quantity=3, currency="EUR"),
        bought("ann", "hat", currency="EUR"),
        bought("bob", "tea", amount=7, currency="USD"),
    )
    assert rows == [
        ("ann", "food", 0, 750, 3),
        ("ann", "wear", 0, None, 1),
        ("bob", "food", 0, None, 1),
    ]


def test_what_is_old_later_returned_or_without_a_category_is_left_out(tmp_path: Path) -> None:
    year = timedelta(days=365)
    rows = rows_of(
        tmp_path,
        bought("ann", "hat", NOW - year),
        bought("ann", "hat", NOW + timedelta(seconds=1)),
        bought("ann", "hat", quantity=-1),
        bought("ann", "odd"),
    )
    assert rows == []
