"""How long ago a customer last bought or visited anything."""

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import ALL, Feature, Select

_LONGEST = 365.0
"""Days; customers without interactions have this value too."""


class Recency(Feature):
    """log(1 + days since the customer's last interaction), at most that of a year."""

    name = "recency"
    unit = "log of days"
    source = "purchases, visits"
    start = 0.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        days = grid.people.days.fillna(_LONGEST).to_numpy()
        self.values: np.ndarray = np.log1p(np.clip(days, 0, _LONGEST))

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self.values[rows, None]
        return values

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self.values[rows]
        return values
