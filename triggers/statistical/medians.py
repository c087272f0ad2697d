"""Medians of groups."""

import numpy as np
from numpy.typing import NDArray

from followsuit.core.compiled import compiled

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
    middle: Doubles = _medians(values, group, number)
    return middle, number.astype(np.float64)


@compiled
def _medians(values: Doubles, group: Ints, number: Ints) -> Doubles:
    # Put the values in order of their groups: sorting them all takes ten times as long.
    start = np.zeros(len(number) + 1, dtype=np.int64)
    start[1:] = np.cumsum(number)
    place, ordered = start[:-1].copy(), np.empty(len(values))
    for i in range(len(values)):
        ordered[place[group[i]]] = values[i]
        place[group[i]] += 1
    middle = np.zeros(len(number))
    for g in range(len(number)):
        if number[g]:
            middle[g] = np.median(ordered[start[g] : start[g + 1]])
    return middle


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
