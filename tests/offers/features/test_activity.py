"""Activity: the customer's own items in the window."""

from pathlib import Path

import numpy as np
from support.grids import grid_of, tea_shop
from support.snapshots import day

from followsuit.offers.features.activity import Activity


def test_it_counts_the_customers_own_items_in_the_window(tmp_path: Path) -> None:
    # Soap and cup were bought before it began.
    activity = Activity(grid_of(tea_shop(tmp_path / "one"))).block(slice(None))
    assert np.allclose(activity, [[np.log(2)]], rtol=0, atol=1e-14)
    bought = [
        {"customer_id": "ann", "product_id": p, "at": day(d)}
        for p, d in (("pan", 9), ("cup", 10), ("hat", 11))
    ]
    activity = Activity(grid_of(tea_shop(tmp_path / "more", *bought))).block(slice(None))
    assert np.allclose(activity, [[np.log(4)]], rtol=0, atol=1e-14)


def test_it_counts_what_the_customer_does_who_does_not_share(tmp_path: Path) -> None:
    refuses = {"customer_id": "ann", "purpose": "social_use", "granted": False, "at": day(1)}
    activity = Activity(grid_of(tea_shop(tmp_path, consents=[refuses]))).block(slice(None))
    assert np.allclose(activity, [[np.log(2)]], rtol=0, atol=1e-14)
