"""Refills: planted rhythms are due when their gap has passed, and chance is never due."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from support.snapshots import day
from support.statistical_worlds import NOW, World, reasons_of

from followsuit.graph.views.view import View

EVERY_28 = range(-28 * 9, 1, 28)


def rhythm(world: World, name: str, product: str, gap: float, *, spread: float = 0.15) -> None:
    """Somebody who buys a product every so many days, about."""
    days, at = [], -350 + int(world.random.integers(gap))
    while at <= 0:
        days.append(at)
        at += max(1, round(gap * np.exp(spread * world.random.standard_normal())))
    world.add(name, product, days)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Ann buys b0 every 28 days, last on day 0; a few others have rhythms, and most have none."""
    world = World(1).background(250)
    for number in range(15):
        rhythm(world, f"r{number:02}", "b0", 28)
        rhythm(world, f"q{number:02}", "b1", 60)
    world.add("ann", "b0", list(EVERY_28))
    return world.view(tmp_path_factory.mktemp("planted"))


def at(view: View, number: int) -> View:
    return view.at(NOW + timedelta(days=number))


def test_a_product_is_offered_within_3_days_of_day_28(planted: View) -> None:
    due = {}
    for elapsed in (5, 14, 20, 26, 27):
        rows = reasons_of(at(planted, elapsed - 28), "refill_due")
        due[elapsed] = rows[rows.customer_id == "ann"].item_id.tolist()
    assert due == {5: [], 14: [], 20: [], 26: ["b0"], 27: ["b0"]}
    bought_again = reasons_of(planted, "refill_due")
    assert "ann" not in set(bought_again.customer_id)


def test_a_reason_says_what_to_buy_again_since_when_and_how_likely(planted: View) -> None:
    now = at(planted, -1)
    rows = reasons_of(now, "refill_due").set_index("customer_id")
    ann = rows.loc["ann"]
    assert (ann.trigger, ann["item_kind"], ann.item_id, ann["repeat"]) == (
        "refill_due",
        "product",
        "b0",
        True,
    )
    assert ann.fired_at == NOW - timedelta(days=2)  # Day 26 of 28.
    assert ann.until == ann.fired_at + timedelta(days=14)
    assert 0 < ann.strength < 1
    assert ann.recorded_strength == ann.strength
    assert ann[["category", "brand", "store_ids", "friends"]].isna().all()


def test_reasons_keep_to_the_rhythms_and_to_the_budget(planted: View) -> None:
    reasons = [reasons_of(at(planted, -n), "refill_due") for n in range(0, 28, 4)]
    people = [name for rows in reasons for name in rows.customer_id]
    assert len(people) > 5
    by_chance = [name for name in people if name.startswith("c")]
    assert len(by_chance) <= 0.2 * len(people)
    assert all(rows.customer_id.nunique() <= 0.05 * 281 for rows in reasons)
    text = '[x]\nstatistic = "refill_due"\nmost = 0.004'
    (only,) = reasons_of(at(planted, -1), "x", text).customer_id.unique()
    assert only == reasons_of(at(planted, -1), "refill_due").customer_id.iloc[0]


def test_who_bought_a_product_twice_has_a_reason_where_everybody_has_a_rhythm(
    tmp_path: Path,
) -> None:
    world = World(2)
    for number in range(60):
        rhythm(world, f"r{number:02}", "b0", 28)
    world.add("ann", "b0", [-56, -28])
    rows = reasons_of(world.view(tmp_path), "x", '[x]\nstatistic = "refill_due"\nmost = 1.0')
    assert "ann" in set(rows.customer_id)


def test_what_is_bought_more_often_than_the_horizon_is_left_to_a_shorter_one(
    tmp_path: Path,
) -> None:
    world = World(3)
    for number in range(40):
        rhythm(world, f"r{number:02}", "a0", 7)
    view, text = world.view(tmp_path), '[x]\nstatistic = "refill_due"\nmost = 1.0\n'
    assert reasons_of(view, "x", text).empty
    assert not reasons_of(view, "x", text + 'ahead = "3d"').empty
    assert not reasons_of(view, "x", text, window=timedelta(days=3)).empty, "the run's window"


@pytest.mark.parametrize("seed", range(4))
def test_chance_is_never_due(seed: int, tmp_path: Path) -> None:
    """So at most one world in ten may have any, and these have none."""
    view = World(seed).background(250, a_day=0.15).view(tmp_path)
    text = '[x]\nstatistic = "refill_due"\nmost = 1.0'
    assert len(reasons_of(view, "x", text)) <= 1


@pytest.mark.nightly
def test_false_discoveries_are_few_in_many_worlds(tmp_path: Path) -> None:
    text = '[x]\nstatistic = "refill_due"\nmost = 1.0'
    shares = [
        len(reasons_of(World(100 + n).background(200).view(tmp_path / str(n)), "x", text)) > 0
        for n in range(60)
    ]
    assert np.mean(shares) <= 0.2


def test_with_too_few_refills_there_is_no_reason(tmp_path: Path) -> None:
    view = World().add("ann", "b0", list(EVERY_28)).view(tmp_path, day(1))
    assert reasons_of(view, "refill_due").empty
