"""How active a customer has been recently."""

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import CustomerFeature


class Activity(CustomerFeature):
    """log(1 + number of items that the customer interacted with in the window)."""

    name = "activity"
    unit = "log of items"
    source = "purchases, visits"
    start = 0.8

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        self.values = np.log1p(grid.people["items"].fillna(0).to_numpy())
