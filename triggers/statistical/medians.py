"""Medians of groups."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

NORMAL = 1.4826
"""The standard deviation of a normal distribution, in median absolute deviations."""


def medians(values: Doubles, group: Ints, count: int) -> tuple[Doubles, Doubles]:
    """The median of each group, and the number of its values.

    Args:
        values: (values,) finite values.
        group: (values,) their group, from 0.
        count: the number of groups.

    Returns:
        (count,) medians, 0 without a value; (count,) numbers of values.
    """
    number = np.bincount(group, minlength=count)
    ordered = np.append(values[np.lexsort((values, group))], 0.0)
    start = np.cumsum(number) - number
    low = np.where(number > 0, start + (number - 1) // 2, -1)
    high = np.where(number > 0, start + number // 2, -1)
    middle: Doubles = (ordered[low] + ordered[high]) / 2
    return middle, number.astype(np.float64)


def deviations(values: Doubles, group: Ints, middle: Doubles) -> tuple[Doubles, Doubles]:
    """The median absolute deviation of each group from its middle, scaled as a standard deviation.

    Args:
        values: (values,) finite values.
        group: (values,) their group, from 0.
        middle: (groups,) what they deviate from.

    Returns:
        (groups,) deviations, 0 without a value; (groups,) numbers of values.
    """
    deviation, number = medians(np.abs(values - middle[group]), group, len(middle))
    return NORMAL * deviation, number
