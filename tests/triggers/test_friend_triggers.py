"""The triggers about friends: which interactions give whom a reason, when, and how strong."""

import math
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pytest
from support.grids import friends_did
from support.snapshots import Rows, day, view_from

from followsuit.graph.views.view import View
from followsuit.triggers.compiler.conditions import HALF_LIFE
from followsuit.triggers.defined import FRIEND_BOUGHT, FRIEND_VISITED
from followsuit.triggers.recent import recent_shared
from followsuit.triggers.trigger import EVIDENCE, REASONS, reasons_of

NOW = day(20)
FORTNIGHT = timedelta(days=14)
PRODUCTS = [{"product_id": "tea"}, {"product_id": "pot"}]


def people(*ids: str, born: date = date(1980, 1, 1)) -> list[dict[str, Any]]:
    return [{"customer_id": i, "birth_date": born} for i in ids]


def bought(customer: str, product: str, at: datetime, **more: Any) -> dict[str, Any]:
    return {"customer_id": customer, "product_id": product, "at": at, **more}


def friends(one: str, other: str, **more: Any) -> dict[str, Any]:
    return {"customer_id": one, "friend_id": other, **more}


def yes(customer: str, *purposes: str) -> list[dict[str, Any]]:
    return [
        {"customer_id": customer, "purpose": p, "granted": True, "at": day(1)} for p in purposes
    ]


def view_with(folder: Path, *, as_of: datetime = NOW, assume: bool = True, **rows: Rows) -> View:
    rows = {"customers": people("ann", "bob", "cas"), "products": PRODUCTS, **rows}
    return view_from(folder, as_of, assume_consent=assume, **rows)


def reasons(folder: Path, **options: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The live reasons, by customer and item."""
    view = view_with(folder, **options)
    table = reasons_of(friends_did(view), view).to_pyarrow().to_pylist()
    by_pair = {(row["customer_id"], row["item_id"]): row for row in table}
    assert len(by_pair) == len(table)
    return by_pair


def test_it_gives_the_columns_of_every_trigger_and_its_own(tmp_path: Path) -> None:
    view = view_with(
        tmp_path, friendships=[friends("ann", "bob")], purchases=[bought("bob", "tea", day(18))]
    )
    table = reasons_of(friends_did(view), view)
    assert list(table.columns) == [*REASONS, *EVIDENCE]
    for name, kind in REASONS.items():
        wanted = ibis.dtype(kind)
        has = table.schema()[name]
        assert has.is_timestamp() if wanted.is_timestamp() else has == wanted, name
    (row,) = table.to_pyarrow().to_pylist()
    assert (row["trigger"], row["item_kind"]) == (FRIEND_BOUGHT, "product")
    assert row["first_at"] == row["fired_at"] == day(18)
    assert row["until"] == day(18) + FORTNIGHT
    assert row["category"] is row["brand"] is row["store_ids"] is None


def test_a_friends_purchase_counts_both_ways_of_an_undirected_friendship(tmp_path: Path) -> None:
    rows = reasons(
        tmp_path,
        friendships=[friends("ann", "bob")],
        purchases=[bought("ann", "tea", day(18)), bought("bob", "pot", day(19))],
    )
    assert set(rows) == {("bob", "tea"), ("ann", "pot")}


def test_a_directed_friendship_passes_from_the_friend_to_the_customer_alone(tmp_path: Path) -> None:
    rows = reasons(
        tmp_path,
        friendships=[friends("ann", "bob", directed=True)],
        purchases=[bought("ann", "tea", day(18)), bought("bob", "pot", day(19))],
    )
    assert set(rows) == {("ann", "pot")}


def test_strength_adds_up_tie_weights_halved_with_every_half_life(tmp_path: Path) -> None:
    row = reasons(
        tmp_path,
        friendships=[friends("ann", "bob", interactions=9.0), friends("ann", "cas")],
        purchases=[bought("bob", "tea", NOW), bought("cas", "tea", NOW - 2 * HALF_LIFE)],
    )["ann", "tea"]
    assert row["strength"] == pytest.approx((1 + math.log(10)) + 1 / 4, abs=1e-8)
    assert row["recorded_strength"] == row["strength"]
    assert row["friends"] == 2
    assert row["first_at"] == NOW - 2 * HALF_LIFE
    assert row["fired_at"] == NOW


def test_of_several_interactions_of_one_friend_the_last_counts_once(tmp_path: Path) -> None:
    row = reasons(
        tmp_path,
        friendships=[friends("ann", "bob")],
        purchases=[bought("bob", "tea", day(10)), bought("bob", "tea", NOW)],
    )["ann", "tea"]
    assert row["strength"] == pytest.approx(1.0)
    assert row["friends"] == 1


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        (NOW, True),
        (NOW + timedelta(microseconds=1), False),
        (NOW - FORTNIGHT, False),
        (NOW - FORTNIGHT + timedelta(microseconds=1), True),
    ],
)
def test_the_window_is_open_at_its_start_and_closed_at_the_instant(
    tmp_path: Path, at: datetime, seen: bool
) -> None:
    rows = reasons(
        tmp_path, friendships=[friends("ann", "bob")], purchases=[bought("bob", "tea", at)]
    )
    assert (("ann", "tea") in rows) == seen


@pytest.mark.parametrize(("since", "seen"), [(NOW, True), (day(21), False), (None, True)])
def test_a_friendship_counts_from_its_beginning(
    tmp_path: Path, since: datetime | None, seen: bool
) -> None:
    rows = reasons(
        tmp_path,
        friendships=[friends("ann", "bob", since=since)],
        purchases=[bought("bob", "tea", day(19))],
    )
    assert (("ann", "tea") in rows) == seen


def test_two_rows_of_one_friendship_are_one_tie(tmp_path: Path) -> None:
    row = reasons(
        tmp_path,
        friendships=[
            friends("ann", "bob", interactions=1.0),
            friends("bob", "ann", directed=True, interactions=2.0),
        ],
        purchases=[bought("bob", "tea", NOW)],
    )["ann", "tea"]
    assert row["friends"] == 1
    assert row["strength"] == pytest.approx(1 + math.log(2))


@pytest.mark.parametrize("returned", [{"quantity": -1.0}, {"amount": -100}])
def test_a_return_is_no_interaction(tmp_path: Path, returned: dict[str, Any]) -> None:
    assert not reasons(
        tmp_path,
        friendships=[friends("ann", "bob")],
        purchases=[bought("bob", "tea", day(19), **returned)],
    )


def test_a_sensitive_product_is_never_brought_up(tmp_path: Path) -> None:
    rows = reasons(
        tmp_path,
        products=[
            {"product_id": "tea", "sensitive": False},
            {"product_id": "pill", "sensitive": True},
        ],
        friendships=[friends("ann", "bob")],
        purchases=[bought("bob", "tea", day(19)), bought("bob", "pill", day(19))],
    )
    assert set(rows) == {("ann", "tea")}


def test_a_visit_to_a_store_is_a_reason_too(tmp_path: Path) -> None:
    rows = reasons(
        tmp_path,
        stores=[{"store_id": "mall"}],
        friendships=[friends("ann", "bob")],
        visits=[{"customer_id": "bob", "store_id": "mall", "at": day(19)}],
    )
    assert set(rows) == {("ann", "mall")}
    assert rows["ann", "mall"]["trigger"] == FRIEND_VISITED


def mixed(folder: Path) -> View:
    """Ann, Dan and Kid are friends of Bob, who shares, of Cas, who doesn't, and of a minor."""
    return view_with(
        folder,
        assume=False,
        customers=people("ann", "bob", "cas", "dan") + people("kid", born=date(2015, 1, 1)),
        friendships=[friends(a, b) for a in ("ann", "dan") for b in ("bob", "cas", "kid")]
        + [friends("kid", "bob")],
        purchases=[
            bought("bob", "tea", day(19)),
            bought("cas", "pot", day(19)),
            bought("kid", "pot", day(19)),
        ],
        consents=[
            *yes("ann", "contact"),
            *yes("bob", "social_use"),
            *yes("kid", "social_use", "contact"),
        ],
    )


def test_only_interactions_of_adults_who_share_count_for_anybody(tmp_path: Path) -> None:
    view = mixed(tmp_path)
    rows = reasons_of(friends_did(view), view).to_pyarrow().to_pylist()
    # Rules, not the trigger, decide whether Dan and Kid may have an offer.
    assert {(row["customer_id"], row["item_id"], row["friends"]) for row in rows} == {
        (customer, "tea", 1) for customer in ("ann", "dan", "kid")
    }
    recent = recent_shared(view, FORTNIGHT).to_pyarrow().to_pylist()
    assert [(row["customer_id"], row["item_id"]) for row in recent] == [("bob", "tea")]


def test_drivers_say_whose_interaction_brings_up_what_for_whom(tmp_path: Path) -> None:
    view = mixed(tmp_path)
    bought, _ = friends_did(view)
    drivers = bought.drivers(view, bought.reasons(view)).to_pyarrow().to_pylist()
    assert {(row["customer_id"], row["friend_id"], row["item_id"]) for row in drivers} == {
        (customer, "bob", "tea") for customer in ("ann", "dan", "kid")
    }


def test_what_lies_in_the_future_changes_nothing(tmp_path: Path) -> None:
    later = NOW + timedelta(microseconds=1)
    shop: dict[str, Any] = {
        "friendships": [friends("ann", "bob", since=day(1))],
        "purchases": [bought("bob", "tea", day(19))],
    }
    planted: dict[str, Any] = {
        "friendships": [*shop["friendships"], friends("ann", "cas", since=later)],
        "purchases": [*shop["purchases"], bought("bob", "pot", later), bought("bob", "tea", later)],
    }
    assert reasons(tmp_path / "before", **shop) == reasons(tmp_path / "after", **planted)
