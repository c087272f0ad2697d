"""The friend trigger: whose acts reach whom, when, and how strongly."""

import math
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.snapshots import Rows, day, snapshot_from

from followsuit.graph.facts import Facts
from followsuit.offers.triggers import HALF_LIFE, Window, friend_acted, recent_acts, ties_at

NOW = day(20)
FORTNIGHT = timedelta(days=14)


def people(*ids: str, born: date = date(1980, 1, 1)) -> list[dict[str, Any]]:
    return [{"customer_id": i, "birth_date": born} for i in ids]


def bought(customer: str, product: str, at: datetime, **more: Any) -> dict[str, Any]:
    return {"customer_id": customer, "product_id": product, "at": at, **more}


def friends(one: str, other: str, **more: Any) -> dict[str, Any]:
    return {"customer_id": one, "friend_id": other, **more}


def live(
    folder: Path,
    *,
    as_of: datetime = NOW,
    assume: bool = True,
    interactions: bool = True,
    **rows: Rows,
) -> dict[tuple[str, str], pd.Series]:
    """The live triggers, by customer and item."""
    rows.setdefault("customers", people("ann", "bob", "cas"))
    facts = Facts(
        snapshot_from(folder, day(40), assume_consent=assume, **rows), interactions=interactions
    )
    window = Window(as_of, FORTNIGHT)
    who = facts.people(as_of)
    taken = facts.firsts.filter(facts.firsts["at"] <= as_of)
    found = friend_acted(
        ties_at(facts, as_of), recent_acts(facts, window, who), who, taken, window
    ).to_pandas()
    return {
        (facts.customers[row.customer], facts.items.id[row["item"]]): row
        for _, row in found.iterrows()
    }


@pytest.fixture
def products() -> list[dict[str, Any]]:
    return [{"product_id": "tea"}, {"product_id": "pot"}]


def test_a_friends_purchase_reaches_both_ways_of_an_undirected_friendship(
    tmp_path: Path, products: Rows
) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[friends("ann", "bob")],
        purchases=[bought("ann", "tea", day(18)), bought("bob", "pot", day(19))],
    )
    assert set(found) == {("bob", "tea"), ("ann", "pot")}


def test_a_directed_friendship_passes_acts_from_the_friend_to_the_customer_alone(
    tmp_path: Path, products: Rows
) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[friends("ann", "bob", directed=True)],
        purchases=[bought("ann", "tea", day(18)), bought("bob", "pot", day(19))],
    )
    assert set(found) == {("ann", "pot")}


def test_exposure_adds_up_strength_halved_with_every_half_life(
    tmp_path: Path, products: Rows
) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[friends("ann", "bob", interactions=9.0), friends("ann", "cas")],
        purchases=[bought("bob", "tea", NOW), bought("cas", "tea", NOW - 2 * HALF_LIFE)],
    )
    row = found["ann", "tea"]
    assert row.exposure == pytest.approx((1 + math.log(10)) + 1 / 4, abs=1e-8)
    assert row.friends == 2
    assert row.oldest == NOW - 2 * HALF_LIFE
    assert row.latest == NOW


def test_interactions_are_left_out_where_the_past_is_judged(tmp_path: Path, products: Rows) -> None:
    found = live(
        tmp_path,
        interactions=False,
        products=products,
        friendships=[friends("ann", "bob", interactions=9.0)],
        purchases=[bought("bob", "tea", NOW)],
    )
    assert found["ann", "tea"].exposure == pytest.approx(1.0)


def test_of_several_acts_of_one_friend_the_last_counts_once(tmp_path: Path, products: Rows) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[friends("ann", "bob")],
        purchases=[bought("bob", "tea", day(10)), bought("bob", "tea", NOW)],
    )
    assert found["ann", "tea"].exposure == pytest.approx(1.0)
    assert found["ann", "tea"].friends == 1


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
    tmp_path: Path, products: Rows, at: datetime, seen: bool
) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[friends("ann", "bob")],
        purchases=[bought("bob", "tea", at)],
    )
    assert (("ann", "tea") in found) == seen


@pytest.mark.parametrize(("since", "seen"), [(NOW, True), (day(21), False), (None, True)])
def test_a_friendship_counts_from_its_beginning(
    tmp_path: Path, products: Rows, since: datetime | None, seen: bool
) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[friends("ann", "bob", since=since)],
        purchases=[bought("bob", "tea", day(19))],
    )
    assert (("ann", "tea") in found) == seen


def test_two_rows_of_one_friendship_are_one_tie(tmp_path: Path, products: Rows) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[
            friends("ann", "bob", interactions=1.0),
            friends("bob", "ann", directed=True, interactions=2.0),
        ],
        purchases=[bought("bob", "tea", NOW)],
    )
    assert found["ann", "tea"].friends == 1
    assert found["ann", "tea"].exposure == pytest.approx(1 + math.log(2))


def test_what_the_customer_has_taken_before_is_no_news(tmp_path: Path, products: Rows) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[friends("ann", "bob")],
        purchases=[bought("ann", "tea", day(1)), bought("bob", "tea", day(19))],
    )
    assert not found


@pytest.mark.parametrize("returned", [{"quantity": -1.0}, {"amount": -100}])
def test_a_return_is_no_act(tmp_path: Path, products: Rows, returned: dict[str, Any]) -> None:
    found = live(
        tmp_path,
        products=products,
        friendships=[friends("ann", "bob")],
        purchases=[bought("bob", "tea", day(19), **returned)],
    )
    assert not found


def test_a_sensitive_product_never_triggers(tmp_path: Path) -> None:
    found = live(
        tmp_path,
        products=[
            {"product_id": "tea", "sensitive": False},
            {"product_id": "pill", "sensitive": True},
        ],
        friendships=[friends("ann", "bob")],
        purchases=[bought("bob", "tea", day(19)), bought("bob", "pill", day(19))],
    )
    assert set(found) == {("ann", "tea")}


def test_a_visit_to_a_store_triggers_too(tmp_path: Path) -> None:
    found = live(
        tmp_path,
        stores=[{"store_id": "mall"}],
        friendships=[friends("ann", "bob")],
        visits=[{"customer_id": "bob", "store_id": "mall", "at": day(19)}],
    )
    assert set(found) == {("ann", "mall")}


def yes(customer: str, *purposes: str) -> list[dict[str, Any]]:
    return [
        {"customer_id": customer, "purpose": p, "granted": True, "at": day(1)} for p in purposes
    ]


def test_only_consenting_adults_lend_and_only_the_reachable_are_reached(
    tmp_path: Path, products: Rows
) -> None:
    child = people("kid", born=date(2015, 1, 1))
    found = live(
        tmp_path,
        assume=False,
        customers=people("ann", "bob", "cas", "dan") + child,
        products=products,
        friendships=[friends(a, b) for a in ("ann", "dan") for b in ("bob", "cas", "kid")],
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
    assert set(found) == {("ann", "tea")}
    assert found["ann", "tea"].friends == 1
