"""Category: how much more often a customer chooses it than what is popular now."""

import math
from pathlib import Path

import numpy as np
import pytest
from support.grids import grid_of, items_of, tea_shop
from support.snapshots import day

from followsuit.offers.features.category import Category


def test_it_is_the_lift_of_the_category_smoothed_by_what_is_popular(tmp_path: Path) -> None:
    hats = {"customer_id": "cas", "product_id": "hat", "at": day(19)}
    # Popular now: kitchen 3 of 4, bath 1; the hat has no category. Ann's own: kitchen 2, bath 1.
    grid = grid_of(tea_shop(tmp_path, hats))
    assert items_of(grid) == ["hat", "pan", "soap", "tea"]
    kitchen = math.log((2 + 10 * 0.75) / 13 / 0.75)
    bath = math.log((1 + 10 * 0.25) / 13 / 0.25)
    lift = Category(grid).block(slice(None))
    assert lift[0].tolist() == pytest.approx([0, kitchen, bath, kitchen])
    assert lift[0, 0] == 0


def test_pairs_of_a_customer_may_come_in_any_order(tmp_path: Path) -> None:
    friend = {"customer_id": "cas", "friend_id": "bob"}
    bought = {"customer_id": "bob", "product_id": "pan", "at": day(19)}
    grid = grid_of(
        tea_shop(tmp_path, bought, friendships=[friend, {"customer_id": "ann", "friend_id": "bob"}])
    )
    assert len(grid.customers) >= 2
    feature = Category(grid)
    rows, columns = np.array([1, 0, 1]), np.array([2, 0, 1])
    assert np.array_equal(feature.pairs(rows, columns), feature.block(slice(None))[rows, columns])
