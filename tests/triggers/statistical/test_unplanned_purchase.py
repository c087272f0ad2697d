"""Unplanned purchases: planted ones are found with what follows, and no season or chance is one."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from support.statistical_worlds import NOW, World, reasons_of

from followsuit.graph.views.view import View
from followsuit.triggers.statistical.found import TooLittleToLearn
from followsuit.triggers.statistical.unplanned_purchase import fitted_null

ALL = '[x]\nstatistic = "unplanned_purchase"\nmost = 1.0'


def with_follow_ups(world: World) -> World:
    """Customers who bought from h, then from c."""
    for number in range(40):
        world.add(f"f{number:02}", ["h0", "c0"], [-200 + number, -190 + number], 20_000)
        world.add(f"f{number:02}", "a1", list(range(-340, -220, 10)))
    return world


def splurge(world: World, name: str, cents: int = 300_000, at: int = -3) -> World:
    """Somebody who buys small things, and then a large one."""
    days = list(range(-330, -10, 8))
    world.add(name, "a0", days, (800 * np.exp(0.3 * world.random.standard_normal(40))).round())
    return world.add(name, "h3", at, cents)


def found(view: View, text: str | None = ALL) -> pd.DataFrame:
    return reasons_of(view, "unplanned_purchase" if text is None else "x", text)


def test_planted_purchases_are_the_first_with_what_follows(tmp_path: Path) -> None:
    world = with_follow_ups(World(1).background(250))
    for number in range(3):
        splurge(world, f"p{number}")
    rows = found(world.view(tmp_path), None)
    assert set(rows.customer_id[:3]) == {"p0", "p1", "p2"}
    assert set(rows.category[:3]) == {"c"}
    first = rows.iloc[0]
    assert first[["item_kind", "item_id", "brand", "store_ids"]].isna().all()
    assert first.fired_at == NOW - timedelta(days=3)
    assert first.until == first.fired_at + timedelta(days=7)
    assert first.strength == pytest.approx(3000, rel=0.02)  # In major units.


def test_only_recent_purchases_count_and_a_category_bought_since_is_left_out(
    tmp_path: Path,
) -> None:
    world = with_follow_ups(World(1).background(250))
    splurge(world, "new", at=-6)
    splurge(world, "old", at=-7)
    splurge(world, "has").add("has", "c1", -1)
    assert set(found(world.view(tmp_path)).customer_id) == {"new"}


def test_where_nothing_follows_there_is_no_reason(tmp_path: Path) -> None:
    view = splurge(World(1).background(250), "ann").view(tmp_path)
    assert "h" not in set(found(view).category)
    assert "ann" not in set(found(view).customer_id)


@pytest.mark.parametrize("seed", range(3))
def test_chance_is_not_unplanned(seed: int, tmp_path: Path) -> None:
    assert len(found(with_follow_ups(World(seed).background(300)).view(tmp_path))) <= 1


def test_a_season_in_which_all_spend_twice_as_much_flags_nobody(tmp_path: Path) -> None:
    world = with_follow_ups(World(2).background(300, season=[2.0] * 31))
    world.background(500, prefix="n", a_day=0.3, begins=-20)
    for rows in world.rows:
        rows.loc[rows.day > -31, "amount"] *= 2
    assert len(found(world.view(tmp_path), None)) <= 1


@pytest.mark.nightly
def test_false_discoveries_are_few_in_many_worlds(tmp_path: Path) -> None:
    found_any = []
    for number in range(60):
        world = with_follow_ups(World(100 + number).background(200))
        found_any.append(len(found(world.view(tmp_path / str(number)))) > 0)
    assert np.mean(found_any) <= 0.2


def test_units_count_where_amounts_are_unknown(tmp_path: Path) -> None:
    view = with_follow_ups(World(3).background(200, amounts=False)).view(tmp_path)
    assert found(view).empty, "everybody buys one"


def test_the_null_is_that_of_the_middle() -> None:
    random = np.random.default_rng(0)
    z = student.rvs(8, loc=0.3, scale=1.5, size=50_000, random_state=random)
    location, scale, freedom = fitted_null(np.append(z, np.full(200, 30.0)))
    assert location == pytest.approx(0.3, abs=0.03)
    assert scale == pytest.approx(1.5, abs=0.04)
    assert 5 < freedom < 12
    assert fitted_null(random.standard_normal(50_000))[2] > 20
    with pytest.raises(TooLittleToLearn, match="150 purchases"):
        fitted_null(z[:150])
    with pytest.raises(TooLittleToLearn, match="hardly differ"):
        fitted_null(np.zeros(300))


def test_with_too_few_purchases_there_is_no_reason(tmp_path: Path) -> None:
    assert found(splurge(World(), "ann").view(tmp_path)).empty
