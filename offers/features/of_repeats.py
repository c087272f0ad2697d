"""Features of items that are due again."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.features.feature import SparseFeature


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


class OfRepeats(SparseFeature):
    """A value for each pair of `Grid.repeats`; 0 for all others."""

    start = 0.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        self.matrix = sparse.csr_matrix((len(grid.customers), len(grid.items)))
        again = np.diff(grid.repeats.indptr) > 0
        if not again.any():
            return
        pairs = self.pair_values(grid.customers.ids[again])
        row = grid.customers.of(pairs.customers)
        column = grid.columns(grid.view.item_list.codes.of(pairs.items))
        here = np.flatnonzero((row >= 0) & (column >= 0))
        here = here[pick(grid.repeats, row[here], grid.items[column[here]])]
        cells = (pairs.values[here], (row[here], column[here]))
        self.matrix = sparse.csr_matrix(cells, self.matrix.shape)

    @abstractmethod
    def pair_values(self, customers: np.ndarray) -> PairValues:
        """The values of pairs of some customers; those that aren't in `Grid.repeats` are dropped.

        Args:
            customers: the ids of the customers with repeats.
        """
