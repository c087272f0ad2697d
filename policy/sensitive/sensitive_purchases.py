"""Who bought something sensitive.

Only the privacy audit and the rule `reveals_sensitive` may read this.
"""

import pandas as pd

from followsuit.graph import tables as t
from followsuit.graph.items import PRODUCT
from followsuit.graph.views.sensitive import sensitive_items
from followsuit.graph.views.view import View


def sensitive_purchases(view: View) -> pd.DataFrame:
    """The customers with sensitive purchases up to the view's instant.

    Args:
        view: the view, of whose snapshot all rows are read.

    Returns:
        `customer_id, kind`, sorted, each once; `kind` is the products' category, or the product's
        id without one.
    """
    snapshot = view.snapshot
    hidden = sensitive_items(snapshot)
    hidden = hidden.filter(hidden.item_kind == PRODUCT).select(product_id="item_id")
    products = snapshot.rows(t.PRODUCTS).semi_join(hidden, "product_id")
    kinds = products.select("product_id", kind=products.category.fill_null(products.product_id))
    purchases = snapshot.rows(t.PURCHASES)
    purchases = purchases.filter(purchases["at"] <= view.as_of)
    rows = purchases.inner_join(kinds, "product_id").select("customer_id", "kind").distinct()
    buyers: pd.DataFrame = rows.order_by("kind", "customer_id").to_pandas()
    return buyers
