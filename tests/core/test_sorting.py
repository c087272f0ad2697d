"""Rows are sorted by several columns as `numpy.lexsort` does."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from followsuit.core.sorting import order_by

SMALL, LARGE = st.integers(0, 3), st.integers(0, 2**40)
ROWS = st.lists(st.tuples(SMALL, st.booleans(), SMALL, SMALL | LARGE), max_size=20)


@given(ROWS)
def test_the_order_is_that_of_lexsort(rows: list[tuple[int, bool, int, int]]) -> None:
    types = (np.int64, bool, np.int32, np.int64)
    columns = [np.array([row[i] for row in rows], dtype=kind) for i, kind in enumerate(types)]
    assert order_by(*columns).tolist() == np.lexsort(columns[::-1]).tolist()


def test_columns_that_fit_into_no_number_are_sorted_too() -> None:
    large = np.array([2**40, 0, 2**40, 1])
    assert order_by(large, large[::-1]).tolist() == [1, 3, 2, 0]
