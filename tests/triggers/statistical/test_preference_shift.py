"""Shifts of preference: planted ones are found, and neither season nor chance is one."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.statistical_worlds import NOW, World, reasons_of

from followsuit.graph.views.view import View

ALL = '[x]\nstatistic = "preference_shift"\nmost = 1.0'


def shifted(world: World, name: str, new: str = "h1") -> None:
    """Somebody who bought from a and b, and lately buys from another category."""
    world.add(name, "a0", list(range(-300, -60, 8)))
    world.add(name, "b0", list(range(-297, 0, 12)))
    world.add(name, new, list(range(-48, 0, 5)))


def test_planted_shifts_are_the_first_with_the_category_that_gained(tmp_path: Path) -> None:
    world = World(1).background(250)
    for name in ("s1", "s2", "s3"):
        shifted(world, name)
    rows = reasons_of(world.view(tmp_path), "preference_shift")
    assert set(rows.customer_id[:3]) == {"s1", "s2", "s3"}
    assert set(rows.category[:3]) == {"h"}
    first = rows.iloc[0]
    assert first[["item_kind", "item_id", "brand", "store_ids"]].isna().all()
    assert first.fired_at == NOW - timedelta(days=3)
    assert first.until == first.fired_at + timedelta(days=56)
    assert 5 < first.strength < 10


def found(view: View, text: str | None = ALL) -> pd.DataFrame:
    return reasons_of(view, "preference_shift" if text is None else "x", text)


@pytest.mark.parametrize("a_day", [0.06, 0.15, 0.3])
@pytest.mark.parametrize("seed", range(2))
def test_chance_is_no_shift(seed: int, a_day: float, tmp_path: Path) -> None:
    assert len(found(World(seed).background(250, a_day=a_day).view(tmp_path))) <= 1


def season(world: World, customers: int, category: str, rate: float = 0.1) -> None:
    """Many buy from one category in the last weeks."""
    for number in range(customers):
        days = np.flatnonzero(world.random.random(56) < rate) - 55
        world.add(f"c{number:04}", f"{category}0", days.tolist())


def test_what_the_shop_sells_more_of_is_no_shift(tmp_path: Path) -> None:
    world = World(3).background(250)
    season(world, 250, "h")
    shifted(world, "ann", "g1")
    rows = found(world.view(tmp_path))
    assert rows.customer_id.iloc[0] == "ann"
    assert len(rows) <= 3


def test_a_doubled_season_and_new_customers_flag_nobody(tmp_path: Path) -> None:
    world = World(4).background(200, season=[2.0] * 31)
    world.background(1000, prefix="n", a_day=0.3, begins=-20)
    assert len(found(world.view(tmp_path), None)) <= 1


@pytest.mark.nightly
def test_false_discoveries_are_few_in_many_worlds(tmp_path: Path) -> None:
    found_any = [
        len(found(World(100 + n).background(200).view(tmp_path / str(n)))) > 0 for n in range(60)
    ]
    assert np.mean(found_any) <= 0.2


def test_the_share_of_false_ones_among_planted_shifts_is_small(tmp_path: Path) -> None:
    planted, false = 0, 0
    for seed in range(4):
        world = World(seed).background(200)
        for number in range(20):
            shifted(world, f"s{number:02}", f"{'fgh'[number % 3]}1")
        rows = found(world.view(tmp_path / str(seed)))
        is_planted = rows.customer_id.str.startswith("s")
        planted, false = planted + is_planted.sum(), false + (~is_planted).sum()
    assert planted == 80
    assert false <= 0.1 * (planted + false)


def test_with_too_few_purchases_there_is_no_reason(tmp_path: Path) -> None:
    world = World()
    shifted(world, "ann")
    assert found(world.view(tmp_path)).empty
