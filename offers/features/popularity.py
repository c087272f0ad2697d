"""How popular an item has been recently."""

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import ALL, Feature, Select


class Popularity(Feature):
    """log(1 + customers who share activity and interacted with the item in the window)."""

    name = "popularity"
    unit = "log of customers"
    source = "purchases, visits"
    start = 1.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        self.values: np.ndarray = np.log1p(grid.popularity[grid.items])

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self.values[None, columns]
        return values

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self.values[columns]
        return values
