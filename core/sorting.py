"""Sorts rows by several columns."""

import math

import numpy as np


def order_by(*columns: np.ndarray) -> np.ndarray:
    """The order that sorts rows by whole numbers, by the first column first; equal rows stay.

    It is several times as fast as `numpy.lexsort` where the columns fit into one number.

    Args:
        columns: (rows,) whole numbers from 0, or bool.

    Returns:
        (rows,) positions.
    """
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    if math.prod(sizes) > np.iinfo(np.int64).max:
        return np.lexsort(columns[::-1])
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column, size in zip(columns, sizes, strict=True):
        key *= size
        key += column
    return np.argsort(key, kind="stable")
