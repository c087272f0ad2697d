"""Items: products and stores, and the columns that name them."""

from dataclasses import dataclass
from functools import cached_property

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.core.codes import Codes
from followsuit.graph.schema import Col

PRODUCT = "product"
STORE = "store"
ITEM = ("item_kind", "item_id")
"""The columns that name an item: a product and a store may have the same id."""
PAIR = (Col.CUSTOMER_ID.value, *ITEM)
"""The columns that name a customer and an item."""


@dataclass(frozen=True)
class Items:
    """The items of a view as arrays of one length, by id and kind."""

    kind: np.ndarray
    """`product` or `store`."""
    id: np.ndarray
    category: np.ndarray
    """Name of the category, None where unknown; so are the brand and a store's city."""
    brand: np.ndarray
    city: np.ndarray

    @cached_property
    def codes(self) -> Codes:
        """Positions by `item_key`."""
        keys = [f"{kind}:{item}" for kind, item in zip(self.kind, self.id, strict=True)]
        return Codes(np.array(keys, dtype=object))

    def __len__(self) -> int:
        return len(self.id)


def item_keys(rows: pd.DataFrame) -> pd.Series:
    """The same as `item_key`, of rows in memory."""
    keys: pd.Series = rows.item_kind + ":" + rows.item_id
    return keys


def item_key(rows: ir.Table) -> ir.Value:
    """`kind:id` of each row's item: the text that `Items.codes` knows."""
    return rows.item_kind.concat(":", rows.item_id)
