"""Features of the live reasons that customers have: each trigger's strength.

The age of a reason is no feature of its own. Tried as one, it stood for what is popular these days,
and friends seemed to help in three of eight shops in which nobody follows a friend.
"""

from abc import abstractmethod

import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.offers.features.row_values import OfSets, RowValues

PREFIX = "trigger_"
"""Prefix of the names of triggers' features. Without it, a trigger could be called like another
feature."""


def feature_of(trigger: str) -> str:
    """The name of a trigger's feature."""
    return f"{PREFIX}{trigger}"


def strengths(reasons: pd.DataFrame) -> np.ndarray:
    """(reasons,) log2(1 + strength): 1 for a reason of strength 1."""
    values: np.ndarray = np.log2(1 + reasons.strength.to_numpy(float))
    return values


class OfReasons(Feature):
    """The largest value of a pair's live reasons; 0 without any.

    Reasons that name an item count for it, and broad ones for each item that they allow.
    """

    part = "trigger"
    direction = 1

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        named, broad = self.chosen(grid.live), self.chosen(grid.broad)
        shape = (len(grid.customers), len(grid.items))
        self.matrix = _largest(named.row, named.column, self.values(named), shape)
        sets = (len(grid.customers), len(grid.allowed))
        self._broad = _largest(broad.row, broad.allowed, self.values(broad), sets)
        self._sets = np.unique(self._broad.indices)

    @abstractmethod
    def chosen(self, reasons: pd.DataFrame) -> pd.DataFrame:
        """The reasons that count, of those in `Grid.live` or `Grid.broad`."""

    @abstractmethod
    def values(self, reasons: pd.DataFrame) -> np.ndarray:
        """(reasons,) positive values of reasons."""

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self.matrix[rows].toarray()[:, columns]
        broad = self._broad[rows]
        for number in self._sets if broad.nnz else ():
            here = broad[:, [number]].toarray()
            if here.any():
                allowed = self.grid.allowed[number, columns]
                np.maximum(values, here * allowed[None, :], out=values)
        return values

    def of_rows(self, rows: np.ndarray) -> RowValues:  # noqa: D102
        return OfSets(self.matrix[rows], self._broad[rows], self.grid.allowed)

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        values = pick(self.matrix, rows, columns)
        for number in self._sets:
            here = self._broad[:, [number]].toarray().ravel()[rows]
            values = np.maximum(values, here * self.grid.allowed[number, columns])
        return values


class Strength(OfReasons):
    """log2(1 + strength) of the strongest live reason of one trigger.

    Args:
        grid: the customers and items.
        trigger: the name of the trigger.
    """

    unit = "log2 of strengths"
    source = "reasons"
    start = 0.7

    def __init__(self, grid: Grid, trigger: str) -> None:
        self._trigger = trigger
        super().__init__(grid)

    def chosen(self, reasons: pd.DataFrame) -> pd.DataFrame:  # noqa: D102
        return reasons[reasons.trigger == self._trigger]

    def values(self, reasons: pd.DataFrame) -> np.ndarray:  # noqa: D102
        return strengths(reasons)


def _largest(
    row: pd.Series, column: pd.Series, values: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_matrix:
    """A matrix with the largest value of each cell."""
    cells = pd.DataFrame({"row": row.to_numpy(), "column": column.to_numpy(), "value": values})
    most = cells.groupby(["row", "column"], sort=True).value.max().reset_index()
    parts = (most.value.to_numpy(float), (most.row.to_numpy(int), most.column.to_numpy(int)))
    return sparse.csr_matrix(parts, shape)
