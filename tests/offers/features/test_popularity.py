"""Popularity: who shares and interacted with the item in the window."""

from pathlib import Path

import numpy as np
from support.grids import grid_of, items_of, tea_shop
from support.snapshots import day

from followsuit.offers.features.popularity import Popularity

REFUSES = {"customer_id": "cas", "purpose": "social_use", "granted": False, "at": day(1)}


def test_it_counts_customers_not_interactions(tmp_path: Path) -> None:
    again = {"customer_id": "bob", "product_id": "tea", "at": day(18)}
    grid = grid_of(tea_shop(tmp_path, again))
    assert items_of(grid) == ["pan", "soap", "tea"]
    # log(1 + n) has another last digit on processors without AVX-512.
    popularity = Popularity(grid).block(slice(None))
    assert np.allclose(popularity, np.log([[2, 2, 3]]), rtol=0, atol=1e-14)


def test_customers_who_do_not_share_do_not_count(tmp_path: Path) -> None:
    grid = grid_of(tea_shop(tmp_path, consents=[REFUSES]))
    assert items_of(grid) == ["pan", "tea"]
    popularity = Popularity(grid).block(slice(None))
    assert np.allclose(popularity, np.log([[2, 2]]), rtol=0, atol=1e-14)
