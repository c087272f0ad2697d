"""Kinds of interactions that a definition may name, and what each kind has."""

from collections.abc import Mapping
from typing import Literal

from followsuit.graph import tables as t
from followsuit.graph.tables import Kind, Table

PURCHASE, VISIT, LIKE, JOIN, CONTACT = "purchase", "visit", "like", "join", "contact"
RESERVED: Mapping[str, Table] = {
    PURCHASE: t.PURCHASES,
    VISIT: t.VISITS,
    LIKE: t.LIKES,
    JOIN: t.MEMBERSHIPS,
    CONTACT: t.CONTACTS,
}
"""The tables of the kinds of interaction that aren't event kinds."""
_PREFIX = "event:"

Same = Literal["product", "category", "brand", "store"]
"""What several conditions, or the offer, are about."""
SAME_OF: Mapping[Table, tuple[Same, ...]] = {
    t.PURCHASES: ("product", "category", "brand", "store"),
    t.VISITS: ("store", "category"),
    t.EVENTS: ("product", "category", "brand", "store"),
}
"""What the interactions of a table can be about."""
WITH_CITY = (t.PURCHASES, t.VISITS, t.EVENTS)
"""The tables whose interactions happen in a city."""

OWNERS: Mapping[str, Table] = {"product": t.PRODUCTS, "store": t.STORES}
"""The tables of which `where` and `offer` may name a column alone: `product.category`."""


def table_of(kind: str) -> Table:
    """The table of a kind of interaction: a reserved name, else an event kind."""
    return RESERVED.get(kind, t.EVENTS)


def event_kind(kind: str) -> str:
    """The event kind that a name stands for: `event:purchase` is an event of kind `purchase`."""
    return kind.removeprefix(_PREFIX)


def fields_of(kind: str) -> dict[str, Kind]:
    """The columns that `where` may name for a kind of interaction, with their kinds.

    Columns of the interaction come first, then those of its product, then those of its store.
    """
    table = table_of(kind)
    names = {field.name for field in table.fields}
    tables = [table]
    if t.PRODUCTS.key[0] in names:
        tables.append(t.PRODUCTS)
    if t.STORES.key[0] in names:
        tables.append(t.STORES)
    columns: dict[str, Kind] = {}
    for each in tables:
        for field in each.fields:
            if field.kind is not Kind.ATTRIBUTES and field.name not in _HIDDEN:
                columns.setdefault(field.name, field.kind)
            if each is not table:
                columns.setdefault(f"{each.name[:-1]}.{field.name}", field.kind)
    return columns


_HIDDEN = {"sensitive"}


def has_attributes(kind: str) -> bool:
    """Whether `where` may name columns outside the contract for a kind of interaction."""
    return any(f.kind is Kind.ATTRIBUTES for f in table_of(kind).fields) or (
        t.PRODUCTS.key[0] in fields_of(kind)
    )
