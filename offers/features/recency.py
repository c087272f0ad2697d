"""How long ago a customer last bought or visited anything."""

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import CustomerFeature

_LONGEST = 365.0
"""Days; customers without interactions have this value too."""


class Recency(CustomerFeature):
    """log(1 + days since the customer's last interaction), at most that of a year."""

    name = "recency"
    unit = "log of days"
    source = "purchases, visits"
    start = 0.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        days = grid.people.days.fillna(_LONGEST).to_numpy()
        self.values = np.log1p(np.clip(days, 0, _LONGEST))
