"""How many other reasons a customer has for an item."""

import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.offers.features.trigger_feature import TriggerFeature


class Reasons(TriggerFeature):
    """Number of the customer's live reasons that name the item and don't rest on friends."""

    name = "reasons"
    start = 1.0

    @classmethod
    def of(cls, named: pd.DataFrame, pair: np.ndarray, n: int) -> np.ndarray:  # noqa: D102
        others = named.friends.isna().to_numpy()
        return np.bincount(pair[others], minlength=n).astype(float)


class BroadReasons(Feature):
    """Number of the customer's live reasons that name no item and allow this one."""

    name = "broad_reasons"
    part = "trigger"
    direction = 1
    start = 0.3

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        broad = grid.broad
        shape = (len(grid.customers), len(grid.allowed))
        self._sets = sparse.csr_matrix((np.ones(len(broad)), (broad.row, broad.allowed)), shape)

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self._sets[rows] @ self.grid.allowed[:, columns].astype(float)
        return values

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        total = np.zeros(len(rows))
        for number, allowed in enumerate(self.grid.allowed):
            reasons = self._sets[:, [number]].toarray().ravel()
            total += reasons[rows] * allowed[columns]
        return total
