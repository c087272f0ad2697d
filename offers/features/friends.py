"""How strong the reason is that friends' recent interactions give."""

import numpy as np
from scipy import sparse

from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.triggers.friend_activity import FRIEND_BOUGHT, FRIEND_VISITED


class Friends(Feature):
    """log(1 + strength of the customer's reason for the item); see `triggers.friend_activity`."""

    name = "friends"
    part = "trigger"
    triggers = (FRIEND_BOUGHT, FRIEND_VISITED)
    direction = 1
    start = 1.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        live = grid.live[grid.live.trigger.isin(self.triggers)]
        shape = (len(grid.customers), len(grid.items))
        values = np.log1p(live.strength.to_numpy())
        self.matrix = sparse.csr_matrix((values, (live.row, live.column)), shape)

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        return self.matrix[rows].toarray()[:, columns]

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        return pick(self.matrix, rows, columns)
