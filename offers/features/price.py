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
        self._usual = grid.people.log_price.to_numpy()
        self._price = prices[grid.items]

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        return self._distance(self._price[None, columns], self._usual[rows, None])

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        return self._distance(self._price[columns], self._usual[rows])

    def _distance(self, price: np.ndarray, usual: np.ndarray) -> np.ndarray:
        distance: np.ndarray = np.nan_to_num(np.abs(price - usual), nan=0.0, copy=False)
        return distance
