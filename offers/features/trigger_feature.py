"""The base class of features that describe what triggers add."""

from abc import abstractmethod

import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.features.feature import ALL, Feature, Select


class TriggerFeature(Feature):
    """A feature of the reasons that a customer has for an item; 0 without any."""

    part = "trigger"
    direction = 1

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        live = grid.live
        first = ~live.duplicated(["row", "column"]).to_numpy()
        values = self.of(live, np.cumsum(first) - 1, int(first.sum()))
        shape = (len(grid.customers), len(grid.items))
        self.matrix = sparse.csr_matrix((values, (live.row[first], live.column[first])), shape)

    @classmethod
    @abstractmethod
    def of(cls, named: pd.DataFrame, pair: np.ndarray, n: int) -> np.ndarray:
        """(n,) the values of n pairs.

        Args:
            named: reasons that name an item, in the columns of `Grid.live`.
            pair: (reasons,) the number of each reason's pair, from 0.
            n: number of pairs.
        """

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        return self.matrix[rows].toarray()[:, columns]

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        return pick(self.matrix, rows, columns)
