"""How much a customer may like an item, by the taste model."""

import numpy as np

from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.offers.features.row_values import Dense, RowValues, Sparse


class Affinity(Feature):
    """log(1 + 10 s); s is the taste model's score divided by the typical customer's best score.

    0 without a fitted model; see `offers.taste`.
    """

    name = "affinity"
    unit = "log of typical best scores"
    source = "purchases, visits"
    start = 1.4

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        grid = self.grid
        return grid.taste.affinity(grid.customers.ids, grid.seen, grid.items, rows, columns)

    def of_rows(self, rows: np.ndarray) -> RowValues:  # noqa: D102
        grid = self.grid
        few = grid.taste.sparse_affinity(grid.customers.ids, grid.seen, grid.items, rows)
        return Dense(self.block(rows)) if few is None else Sparse(few)

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        grid = self.grid
        pairs = grid.taste.affinity_of_pairs(
            grid.customers.ids, grid.seen, grid.items, rows, columns
        )
        return pairs.astype(float)
