"""Affinity: the taste model's score, by a grid's customers and items."""

from pathlib import Path

import numpy as np
from support.grids import NOW, grid_of, tea_shop

from followsuit.gnn.data.from_view import dataset
from followsuit.gnn.models.ease import DampedEase
from followsuit.offers.features.affinity import Affinity
from followsuit.offers.taste import Taste


def test_it_is_what_taste_says_of_the_grids_customers_and_items(tmp_path: Path) -> None:
    view = tea_shop(tmp_path)
    data = dataset(view.shared.at(NOW))
    taste = Taste(DampedEase(l2=1.0).fit(data))
    grid = grid_of(view, taste=taste)
    user = list(data.users).index("ann")
    wanted = taste.affinity(
        data.users, data.seen, np.arange(len(data.items)), slice(None), slice(None)
    )[user, grid.items]
    affinity = Affinity(grid).block(slice(None))
    assert affinity.any()
    np.testing.assert_allclose(affinity, [wanted], atol=1e-6)


def test_where_nothing_was_learned_it_is_zero(tmp_path: Path) -> None:
    grid = grid_of(tea_shop(tmp_path))
    assert not Affinity(grid).block(slice(None)).any()
    assert Affinity(grid).pairs(np.array([0]), np.array([2])).tolist() == [0.0]
