"""Places: the largest first, ties by item, what is barred never."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from followsuit.offers.moment import blocks
from followsuit.offers.ranking import first_places, probability

VALUES = st.sampled_from([-np.inf, -2.0, 0.0, 0.5, 1.0])


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, int, np.ndarray | None]:
    rows, columns = draw(st.integers(0, 5)), draw(st.integers(0, 8))
    values = np.array(
        [[draw(VALUES) for _ in range(columns)] for _ in range(rows)], dtype=float
    ).reshape(rows, columns)
    tie = None
    if draw(st.booleans()):
        tie = np.array(
            [[draw(st.integers(0, 3)) for _ in range(columns)] for _ in range(rows)], dtype=int
        ).reshape(rows, columns)
    return values, draw(st.integers(1, 10)), tie


@given(cases())
def test_places_are_those_of_a_full_sort(case: tuple[np.ndarray, int, np.ndarray | None]) -> None:
    values, k, tie = case
    found = first_places(values, k, tie)
    assert found.shape == (len(values), k)
    for row, places in enumerate(found):
        shown = [c for c in range(values.shape[1]) if values[row, c] > -np.inf]
        order = sorted(shown, key=lambda c: (-values[row, c], c if tie is None else tie[row, c], c))
        expected = (order + [-1] * k)[:k]
        assert places.tolist() == expected


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
