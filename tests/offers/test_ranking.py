"""Scores of customers: in blocks, and as probabilities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from followsuit.offers.moment import blocks
from followsuit.offers.ranking import probability


@given(st.integers(0, 5_000_000), st.integers(0, 3_000_000))
def test_blocks_cover_every_row_once(size: int, width: int) -> None:
    covered = 0
    for number, block in enumerate(blocks(size, width)):
        assert block.start == covered
        assert block.stop > block.start
        assert (block.stop - block.start) * width <= max(1_000_000, width)
        covered = block.stop
        if number > 50:
            return
    assert covered == size


def test_the_probability_is_the_logistic_of_the_log_odds() -> None:
    found = probability(np.array([0.0, np.log(3), -np.log(3)]))
    assert found.tolist() == [0.5, 0.75, 0.25]
