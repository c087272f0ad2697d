"""Purchases as arrays are the rows of `purchase_rows`, as of every instant."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.snapshots import day, view_from
from support.worlds import end_of, view_of_world

from followsuit.graph.views.view import View
from followsuit.simulator import World

NOW = day(20)
WORLD = World(customers=60, products=20, stores=3, friendships=200, purchases=900, days=60, seed=3)


def rows_of(view: View, length: timedelta | None = None) -> list[tuple[Any, ...]]:
    """Customer, product and microseconds since 1970, in the order of the arrays."""
    rows = view.purchase_arrays(length)
    who, what = rows.customers.ids[rows.customer], rows.products.ids[rows.product]
    return list(zip(who, what, rows.at.tolist(), strict=True))


def wanted(view: View, length: timedelta | None = None) -> list[tuple[Any, ...]]:
    rows = view.purchase_rows
    table = (rows if length is None else view.within(rows, length)).to_pyarrow()
    columns = (table["customer_id"], table["product_id"], table["at"].cast("int64"))
    return sorted(zip(*(column.to_pylist() for column in columns), strict=True))


@pytest.mark.parametrize("assume_consent", [True, False])
def test_they_are_the_rows_of_a_view_and_of_those_who_share(
    tmp_path: Path, assume_consent: bool
) -> None:
    view = view_of_world(WORLD, tmp_path, assume_consent=assume_consent)
    for ago in (0, 10, 50, 300):
        then = view.at(end_of(WORLD) - timedelta(days=ago))
        for some in (then, then.shared):
            assert rows_of(some) == wanted(some)
            for length in (timedelta(days=7), timedelta(hours=36)):
                assert rows_of(some, length) == wanted(some, length)
    one = view.customer_codes.ids[0]
    assert rows_of(view.of(one)) == [row for row in rows_of(view) if row[0] == one]


def test_what_is_sensitive_returned_later_or_of_later_customers_is_not_in_them(
    tmp_path: Path,
) -> None:
    def bought(who: str, what: str, **more: Any) -> dict[str, Any]:
        return {"customer_id": who, "product_id": what, "at": NOW, **more}

    view: View = view_from(
        tmp_path,
        NOW,
        customers=[{"customer_id": "ann"}, {"customer_id": "bob", "joined_at": day(21)}],
        products=[
            {"product_id": "tea", "price": 250},
            {"product_id": "pill", "price": 100, "sensitive": True},
        ],
        purchases=[
            bought("ann", "tea", quantity=1.5),
            bought("ann", "tea", amount=90, currency="EUR"),
            bought("ann", "tea", quantity=-1),
            bought("ann", "tea", at=NOW + timedelta(microseconds=1)),
            bought("ann", "pill"),
            bought("bob", "tea"),
        ],
        assume_consent=True,
    )
    rows = view.purchase_arrays().only_used()
    assert rows.customers.ids.tolist() == ["ann"]
    assert rows.products.ids.tolist() == ["tea"]
    assert sorted(rows.amount) == [90, 375]
    assert sorted(rows.units) == [1000, 1500]
    assert sorted(rows.currency) == [-1, 0]


def test_day_0_is_the_24_hours_until_an_instant(tmp_path: Path) -> None:
    seconds = (0, 86_399, 86_400, 86_400 * 3 - 1)
    purchases = [
        {"customer_id": "ann", "product_id": "tea", "at": NOW - timedelta(seconds=ago)}
        for ago in seconds
    ]
    view: View = view_from(
        tmp_path,
        NOW,
        customers=[{"customer_id": "ann"}],
        products=[{"product_id": "tea"}],
        purchases=purchases,
        assume_consent=True,
    )
    days = view.purchase_arrays().days_until(int(NOW.timestamp()))
    assert np.array_equal(days, [-2, -1, 0, 0])
