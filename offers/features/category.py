"""How much more often a customer chooses an item's category than others do."""

import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.offers.features.row_values import LookUp, RowValues

_PRIOR = 10.0
"""Strength of the smoothing: this many items, spread like the popular ones, are added."""


class Category(Feature):
    """log(category's share of the customer's items / its share of recent popularity).

    The customer's share is smoothed with ten items that are spread like the popular ones. 0 for an
    unknown category.
    """

    name = "category"
    unit = "log of shares"
    source = "purchases, visits, products, stores"
    start = 0.2

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        names = pd.Index(grid.view.item_list.category)
        known = names.dropna().unique().sort_values()
        codes = known.get_indexer(names)
        member = np.flatnonzero(codes >= 0)
        of_item = sparse.csr_matrix(
            (np.ones(len(member)), (member, codes[member])), shape=(len(names), len(known))
        )
        popular = of_item.T @ grid.popularity
        self._share = popular / max(popular.sum(), 1.0)
        self._owned = grid.seen.astype(float) @ of_item
        self._category = codes[grid.items]

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        lift: np.ndarray = self._lift(rows)[:, self._category[columns]]
        return lift

    def of_rows(self, rows: np.ndarray) -> RowValues:  # noqa: D102
        lift = self._lift(rows)
        return LookUp(lift, np.arange(len(rows)), self._category % lift.shape[1])

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        wanted, position = np.unique(rows, return_inverse=True)
        lift: np.ndarray = self._lift(wanted)[position, self._category[columns]]
        return lift

    def _lift(self, rows: Select) -> np.ndarray:
        """(rows, categories + 1) values by category; the last column, for unknown ones, is 0."""
        own = self._owned[rows].toarray()
        share = (own + _PRIOR * self._share) / (own.sum(axis=1, keepdims=True) + _PRIOR)
        known = self._share > 0
        lift = np.zeros((own.shape[0], own.shape[1] + 1), dtype=np.float32)
        lift[:, :-1][:, known] = np.log(share[:, known] / self._share[known])
        return lift
