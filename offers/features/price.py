"""How far a product's price is from what a customer usually pays."""

from dataclasses import dataclass

import numpy as np
from numba import prange

from followsuit.core.compiled import compiled_parallel
from followsuit.graph.items import item_key
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.offers.features.row_values import RowValues


class Price(Feature):
    """|log(price / geometric mean price of the customer's products)|; 0 where either is unknown."""

    name = "price"
    unit = "log of ratios"
    source = "purchases, products"
    start = 0.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        items = grid.view.items
        listed = items.filter(items.price > 0)
        table = listed.select(key=item_key(listed), price="price").to_pyarrow()
        prices = np.log(grid.view.item_list.codes.lay_out(table["key"], table["price"], np.nan))
        self._usual, self._has_usual = _filled(grid.people.log_price.to_numpy())
        self._price, self._has_price = _filled(prices[grid.items])

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        distance: np.ndarray = np.abs(self._price[None, columns] - self._usual[rows, None])
        distance *= self._has_price[None, columns]
        distance *= self._has_usual[rows, None]
        return distance

    def of_rows(self, rows: np.ndarray) -> RowValues:  # noqa: D102
        return _Distance(self._price, self._has_price, self._usual[rows], self._has_usual[rows])

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        known = self._has_price[columns] * self._has_usual[rows]
        values: np.ndarray = np.abs(self._price[columns] - self._usual[rows]) * known
        return values.astype(float)


@dataclass(frozen=True)
class _Distance(RowValues):
    """Distances of items (columns) from customers (rows), 0 where either isn't known (0)."""

    price: np.ndarray
    has_price: np.ndarray
    usual: np.ndarray
    has_usual: np.ndarray

    def add_to(self, sums: np.ndarray, weight: float) -> None:
        _add_distances(sums, self.price, self.has_price, self.usual, self.has_usual, weight)

    def at(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        known = self.has_price[column] * self.has_usual[row]
        values: np.ndarray = np.abs(self.price[column] - self.usual[row]) * known
        return values


@compiled_parallel
def _add_distances(
    sums: np.ndarray,
    price: np.ndarray,
    has_price: np.ndarray,
    usual: np.ndarray,
    has_usual: np.ndarray,
    weight: float,
) -> None:
    rows, columns = sums.shape
    for r in prange(rows):
        if has_usual[r]:
            for c in range(columns):
                distance = abs(price[c] - usual[r]) * has_price[c]
                sums[r, c] += weight * np.float64(distance)


def _filled(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values with 0 for those that are missing, and 1 where they aren't; both float32."""
    known = np.isfinite(values)
    return np.where(known, values, 0).astype(np.float32), known.astype(np.float32)
