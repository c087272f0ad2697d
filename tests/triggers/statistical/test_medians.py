"""Medians of groups, as NumPy has them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from followsuit.triggers.statistical.medians import deviations, medians

GROUPS = 4
ROWS = st.lists(st.tuples(st.integers(0, GROUPS - 1), st.floats(-1e6, 1e6)), max_size=40)


@given(ROWS)
def test_they_are_those_of_numpy(rows: list[tuple[int, float]]) -> None:
    group = np.array([g for g, _ in rows], dtype=np.int64)
    values = np.array([v for _, v in rows], dtype=np.float64)
    middle, number = medians(values, group, GROUPS)
    spread, again = deviations(values, group, middle)
    for each in range(GROUPS):
        own = values[group == each]
        wanted = np.median(own) if len(own) else 0.0
        assert middle[each] == wanted
        assert number[each] == again[each] == len(own)
        around = np.median(np.abs(own - wanted)) if len(own) else 0.0
        assert spread[each] == 1.4826 * around
