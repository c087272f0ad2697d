"""How far a product's price is from what a customer usually pays."""

import numpy as np

from followsuit.graph.items import item_key
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.feature import ALL, Feature, Select


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

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        known = self._has_price[columns] * self._has_usual[rows]
        values: np.ndarray = np.abs(self._price[columns] - self._usual[rows]) * known
        return values.astype(float)


def _filled(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values with 0 for those that are missing, and 1 where they aren't; both float32."""
    known = np.isfinite(values)
    return np.where(known, values, 0).astype(np.float32), known.astype(np.float32)
