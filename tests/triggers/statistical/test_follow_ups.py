"""What follows a purchase: counts by hand, shrinkage, and who counts."""

from pathlib import Path

import numpy as np
import pytest
from support.statistical_worlds import World

from followsuit.graph.views.view import View
from followsuit.triggers.statistical.follow_ups import FEWEST, follow_ups, lower_bound


def rules(view: View, *categories: str) -> dict[str, list[str]]:
    table = follow_ups(view.shared, categories)
    return {name: rows.follows.tolist() for name, rows in table.groupby("category")}


def followed(world: World, customers: int, after: int = 10) -> World:
    """Customers who buy from c after so many days of buying from h."""
    for number in range(customers):
        start = -200 + number
        world.add(f"f{number:03}", ["h0", "c0"], [start, start + after])
        world.add(f"f{number:03}", "a0", list(range(-340, -220, 10)))
    return world


def test_a_category_follows_that_others_buy_after(tmp_path: Path) -> None:
    view = followed(World(1).background(100), 40).view(tmp_path)
    assert rules(view, "h", "a")["h"][0] == "c"
    assert rules(view) == {}


def test_rules_of_a_category_do_not_depend_on_the_others_that_are_asked_for(tmp_path: Path) -> None:
    shared = followed(World(1).background(100), 40).view(tmp_path).shared
    alone, both = follow_ups(shared, ["h"]), follow_ups(shared, ["b", "h"])
    assert both[both.category == "h"].reset_index(drop=True).equals(alone)


def test_too_few_customers_and_too_long_after_are_no_rule(tmp_path: Path) -> None:
    few = followed(World(1), FEWEST - 1).view(tmp_path / "few")
    assert rules(few, "h") == {}
    enough = followed(World(1), FEWEST + 20).view(tmp_path / "enough")
    assert rules(enough, "h") == {"h": ["c"]}
    late = followed(World(1), FEWEST + 20, after=29).view(tmp_path / "late")
    assert rules(late, "h") == {}


def test_the_same_day_is_not_after_and_a_customer_counts_once(tmp_path: Path) -> None:
    world = World()
    for number in range(30):
        world.add(f"f{number:03}", ["h0", "c0"], [-100, -100])
        world.add(f"f{number:03}", ["a0", "b0"], [-300, -200])
    world.add("ann", ["h0"] * 20 + ["c0"] * 20, [*range(-300, -100, 10), *range(-299, -99, 10)])
    assert rules(world.view(tmp_path), "h") == {}


def test_a_lift_is_shrunk_the_more_the_fewer_customers_there_are() -> None:
    had = np.array([10.0, 1000.0])
    few, many = np.zeros((2, 2)), np.zeros((2, 2))
    few[0, 1], few[1, 0] = 10, 1
    many[0, 1], many[1, 0] = 1000, 100
    bounds = [lower_bound(counts, had * n)[0, 1] for counts, n in ((few, 1), (many, 100))]
    assert bounds[0] < bounds[1]
    one = lower_bound(np.array([[0.0, 50.0, 0], [0, 0, 0], [0, 50, 0]]), np.full(3, 100.0))
    # Half of all others' purchases are followed too: 50 of 100, and 100 of 200 expected.
    assert one[0, 1] == pytest.approx(0.80, abs=0.05)
    assert np.diag(one).tolist() == [0, 0, 0]
