"""How much a customer may like an item, by the taste model."""

import numpy as np

from followsuit.offers.features.feature import ALL, Feature, Select


class Affinity(Feature):
    """log(1 + 10 s), s being the taste model's score over the typical customer's best, see
    `offers.taste`; 0 where nothing was learned.
    """

    name = "affinity"
    part = "own"
    direction = 0
    start = 1.4

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        grid = self.grid
        return grid.taste.affinity(grid.customers.ids, grid.seen, grid.items, rows, columns)
