"""Customers at risk: planted ones are found soon, and nobody where nobody leaves."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.statistical_worlds import NOW, World, reasons_of

from followsuit.graph.views.view import View

ALL = '[x]\nstatistic = "churn_risk"\nmost = 1.0\n'
SLOWER = [*range(-350, -130, 4), -125, -111, -91, -61, -21]


def leaving(seed: int, customers: int = 300) -> World:
    """A shop that customers leave after a purchase with a chance of their own, as BG/NBD says."""
    world = World(seed)
    random = world.random
    for number in range(customers):
        rate, chance = random.gamma(2.0, 0.05), random.beta(1, 12)
        at, days = -360 + random.uniform(0, 60), []
        while at < 0:
            days.append(int(at))
            at = 1.0 if random.random() < chance else at + random.exponential(1 / rate)
        world.add(f"c{number:03}", "a1", days)
    return world


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> View:
    world = leaving(1)
    world.add("stops", "a1", list(range(-350, -60, 5)))
    world.add("slows", "a1", SLOWER)
    world.add("once", "a1", -200)
    world.add("stays", "a1", list(range(-350, 0, 5)))
    return world.view(tmp_path_factory.mktemp("planted"))


def found(view: View, number: int, text: str | None = None) -> list[str]:
    now = view.at(NOW + timedelta(days=number))
    return list(reasons_of(now, "churn_risk" if text is None else "x", text).customer_id)


def test_who_stops_is_among_the_first_within_six_weeks(planted: View) -> None:
    assert "stops" not in found(planted, -62)
    assert "stops" in found(planted, -65 + 42)[:3]


def test_who_slows_down_is_found_before_the_end(planted: View) -> None:
    days = [n for n in range(-100, SLOWER[-1], 4) if "slows" in found(planted, n)]
    assert days
    assert max(days) < SLOWER[-1]


def test_a_reason_is_broad_and_begins_when_leaving_becomes_likely(planted: View) -> None:
    now = planted.at(NOW - timedelta(days=24))
    row = reasons_of(now, "churn_risk").set_index("customer_id").loc["stops"]
    assert row[["item_kind", "item_id", "category", "brand", "store_ids"]].isna().all()
    assert not row["repeat"]
    assert NOW - timedelta(days=64) < row.fired_at <= now.as_of
    assert row.until == row.fired_at + timedelta(days=30)
    earlier = planted.at(row.fired_at.to_pydatetime() - timedelta(days=2))
    assert "stops" not in set(reasons_of(earlier, "churn_risk").customer_id)


def test_who_left_long_ago_has_a_reason_only_without_lasts(planted: View) -> None:
    text = ALL + 'lasts = "30d"'
    assert "stops" not in found(planted, 0, text)
    assert "stops" in found(planted, 0, ALL)


def test_who_never_bought_again_or_still_comes_has_no_reason(planted: View) -> None:
    assert not {"once", "stays"} & set(found(planted, 0, ALL))


@pytest.mark.parametrize("seed", range(3))
def test_where_nobody_leaves_nobody_is_at_risk(seed: int, tmp_path: Path) -> None:
    view = World(seed).background(250).view(tmp_path)
    assert len(found(view, 0, ALL)) <= 2


def test_after_a_season_and_with_many_new_customers_the_budget_is_kept(tmp_path: Path) -> None:
    world = World(5).background(200, a_day=0.2, season=[2.0] * 31 + [0.3] * 21)
    world.background(500, prefix="n", a_day=0.3, begins=-20)
    view = world.view(tmp_path)
    assert len(found(view, 0)) <= 0.02 * 700


def test_with_too_few_repeats_there_is_no_reason(tmp_path: Path) -> None:
    view = World().add("ann", "a1", [-99, -9]).view(tmp_path)
    assert found(view, 0) == []
