"""How popular an item has been recently in the customer's city."""

import numpy as np
import pandas as pd

from followsuit.graph.items import item_key
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.triggers.recent import recent_shared


class CityPopularity(Feature):
    """log(1 + customers of the city who share activity and had the item in the window).

    0 for customers whose city is unknown.
    """

    name = "city_popularity"
    unit = "log of customers"
    source = "purchases, visits, customers"
    start = 0.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        recent = recent_shared(grid.view, grid.window)
        people = grid.view.customers.filter(grid.view.customers.city.notnull())
        rows = recent.inner_join(people, "customer_id")
        counts = rows.group_by("city", item=item_key(rows)).aggregate(n=rows.count()).to_pyarrow()
        column = grid.columns(grid.view.item_list.codes.of(counts["item"]))
        self._city = grid.home
        values = np.zeros((grid.home.max(initial=-1) + 2, len(grid.items)), dtype=np.float32)
        codes = pd.Index(grid.cities).get_indexer(pd.Index(counts["city"].to_numpy(False)))
        here = (column >= 0) & (codes >= 0) & (codes < len(values) - 1)
        values[codes[here], column[here]] = np.log1p(counts["n"].to_numpy()[here])
        # The last row, of a city -1, stays 0.
        self._values = values

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self._values[self._city[rows]][:, columns]
        return values

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self._values[self._city[rows], columns].astype(float)
        return values
