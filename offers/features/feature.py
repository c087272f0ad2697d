"""The base classes of features."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from scipy import sparse

from followsuit.offers.candidates.grid import Grid, blocks, pick
from followsuit.offers.features.row_values import Dense, RowValues, Sparse

Select = slice | np.ndarray
ALL = slice(None)


class Feature(ABC):
    """A number for each pair of customer and item in a grid.

    A subclass sets the class variables and computes the values. Add it to `declared.FEATURES`.

    Args:
        grid: the customers and items.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    """The unit of the values."""
    source: ClassVar[str]
    """The tables that it is computed from."""
    part: ClassVar[Literal["own", "trigger"]] = "own"
    """`own` if it describes the customer's own interest; `trigger` if it describes what triggers
    add. A trigger's feature is 0 for pairs without a reason from that trigger."""
    direction: ClassVar[int] = 0
    """1 if a higher value never makes acceptance less likely, 0 if it may."""
    start: ClassVar[float]
    """The default weight, used if there is too little data to fit the model."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    @abstractmethod
    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:
        """(rows, columns) values of some customers and items, or an array that broadcasts to it."""

    def of_rows(self, rows: np.ndarray) -> RowValues:
        """The values of some customers and all items; a subclass may give a faster form."""
        return Dense(self.block(rows))

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(pairs,) float64: the value of each pair of row and column."""
        values = np.empty(len(rows))
        wanted, position = np.unique(rows, return_inverse=True)
        for some in blocks(len(wanted), len(self.grid.items)):
            here = np.flatnonzero((position >= some.start) & (position < some.stop))
            shape = (some.stop - some.start, len(self.grid.items))
            block = np.broadcast_to(self.block(wanted[some]), shape)
            values[here] = block[position[here] - some.start, columns[here]]
        return values


class CustomerFeature(Feature):
    """A feature that is the same for all items: a subclass sets `values`, (n,)."""

    values: np.ndarray

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self.values[rows, None]
        return values

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self.values[rows]
        return values


class SparseFeature(Feature):
    """A feature that is 0 for most pairs: a subclass sets `matrix`, (n, k)."""

    matrix: sparse.csr_matrix

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        some = self.matrix[rows]
        if not some.nnz:
            return np.zeros((1, 1))
        values: np.ndarray = some.toarray()[:, columns]
        return values

    def of_rows(self, rows: np.ndarray) -> RowValues:  # noqa: D102
        return Sparse(self.matrix[rows])

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        return pick(self.matrix, rows, columns).astype(float)
