"""Friends: the strength of the customer's reason for the item."""

import math
from pathlib import Path

import numpy as np
from support.grids import grid_of, tea_shop

from followsuit.offers.features.friends import Friends


def test_it_is_the_log_of_the_reasons_strength_and_zero_without_a_reason(tmp_path: Path) -> None:
    friends = Friends(grid_of(tea_shop(tmp_path))).block(slice(None))
    strength = 2 ** (-1 / 3.5)
    assert np.allclose(friends, [[0, 0, math.log1p(strength)]], atol=1e-8)
    assert friends[0, :2].tolist() == [0, 0]
