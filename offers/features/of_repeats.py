"""Features of items that are due again."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.features.feature import ALL, Feature, Select


@dataclass(frozen=True)
class PairValues:
    """The values of pairs of customer and item; all of one length.

    Attributes:
        customers: ids of customers.
        items: keys of items, see `item_key`.
        values: their values.
    """

    customers: Any
    items: Any
    values: np.ndarray


class OfRepeats(Feature):
    """A value for each pair of `Grid.repeats`; 0 for all others."""

    start = 0.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        self._values = sparse.csr_matrix((len(grid.customers), len(grid.items)))
        again = np.diff(grid.repeats.indptr) > 0
        if not again.any():
            return
        found = self.found(grid.customers.ids[again])
        row = grid.customers.of(found.customers)
        column = grid.columns(grid.view.item_list.codes.of(found.items))
        here = np.flatnonzero((row >= 0) & (column >= 0))
        here = here[pick(grid.repeats, row[here], grid.items[column[here]])]
        cells = (found.values[here], (row[here], column[here]))
        self._values = sparse.csr_matrix(cells, self._values.shape)

    @abstractmethod
    def found(self, customers: np.ndarray) -> PairValues:
        """The values of pairs of some customers; those that aren't in `Grid.repeats` are dropped.

        Args:
            customers: the ids of the customers with repeats.
        """

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        some = self._values[rows]
        if not some.nnz:
            return np.zeros((1, 1))
        values: np.ndarray = some.toarray()[:, columns]
        return values

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        return pick(self._values, rows, columns).astype(float)
