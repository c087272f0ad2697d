"""What is sensitive: products, categories, event kinds, interests, programs and stores.

Sensitive rows never enter a trigger, feature, embedding, segment or reason.
"""

import ibis
import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.items import PRODUCT, STORE
from followsuit.graph.tables import Table
from followsuit.graph.views.snapshot import Snapshot


def is_sensitive(snapshot: Snapshot, table: Table, value: ir.StringValue) -> ir.BooleanValue:
    """Whether a value is one that `sensitive_values` names for a table.

    Case doesn't matter. A missing value isn't sensitive.
    """
    rows = snapshot.rows(t.SENSITIVE_VALUES)
    named = rows.filter(rows.table == table.name).select(value=rows["value"].lower())
    return value.lower().isin(named["value"]).fill_null(False)


def in_sensitive_category(snapshot: Snapshot, category: ir.StringValue) -> ir.BooleanValue:
    """Whether a category of products or stores is sensitive; a missing one isn't."""
    rows = snapshot.rows(t.CATEGORIES)
    marked = rows.filter(rows.sensitive).select("category")
    return category.isin(marked.category).fill_null(False)


def products(snapshot: Snapshot, rows: ir.Table) -> ir.BooleanValue:
    """Whether each row of `products` is sensitive, by itself or by its category."""
    return rows.sensitive.fill_null(False) | in_sensitive_category(snapshot, rows.category)


def stores(snapshot: Snapshot, rows: ir.Table) -> ir.BooleanValue:
    """Whether each row of `stores` is sensitive, by itself or by its category."""
    named = is_sensitive(snapshot, t.STORES, rows.store_id)
    return named | in_sensitive_category(snapshot, rows.category)


def sensitive_items(snapshot: Snapshot) -> ir.Table:
    """`item_kind, item_id` of the sensitive products and stores."""
    listed, places = snapshot.rows(t.PRODUCTS), snapshot.rows(t.STORES)
    hidden = listed.filter(products(snapshot, listed))
    closed = places.filter(stores(snapshot, places))
    return ibis.union(
        hidden.select(item_kind=ibis.literal(PRODUCT), item_id=hidden.product_id),
        closed.select(item_kind=ibis.literal(STORE), item_id=closed.store_id),
    )
