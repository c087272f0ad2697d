"""Which store's associates speak to which customer, and the names of their files."""

import hashlib
from urllib.parse import quote

import ibis
import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.views.view import View
from followsuit.offers.handoff.forms import ANY_STORE, FOLDER

_LONGEST = 120
"""Characters of an id in a file's name."""


def by_store(view: View, rows: ir.Table) -> ir.Table:
    """Add `store_id`: a row for each store where the offer can be redeemed.

    If it can be redeemed in any store, that is the one where the customer has most often bought or
    been, else the only one in the customer's city. It is null if there is none.

    Args:
        view: the view as of the hand-off.
        rows: offers with `customer_id` and `store_ids`.
    """
    named = rows.store_ids.length().fill_null(0) > 0
    given = rows.filter(named).mutate(store_id=rows.store_ids.unnest())
    rest = rows.filter(~named)
    own = _own_stores(view, rest.select("customer_id").distinct())
    rest = rest.left_join(own, "customer_id").drop("customer_id_right")
    return given.union(rest.select(given.columns))


def _own_stores(view: View, customers: ir.Table) -> ir.Table:
    """`customer_id, store_id` of these customers."""
    tables = [view.interactions_in(table) for table in (t.PURCHASES, t.VISITS)]
    seen = ibis.union(*(rows.select("customer_id", "store_id", "at") for rows in tables))
    seen = seen.filter(seen.store_id.notnull()).semi_join(customers, "customer_id")
    counts = seen.group_by("customer_id", "store_id").aggregate(
        n=seen.count(), last=seen["at"].max()
    )
    order = [counts.n.desc(), counts["last"].desc(), counts.store_id]
    place = ibis.row_number().over(group_by="customer_id", order_by=order)
    usual = counts.mutate(place=place).filter(lambda rows: rows.place == 0)
    usual = usual.select("customer_id", "store_id")
    cities = view.stores.group_by("city").aggregate(
        n=lambda rows: rows.count(), store_id=lambda rows: rows.store_id.min()
    )
    homes = view.customers.semi_join(customers, "customer_id")
    home = homes.inner_join(cities.filter(cities.n == 1), "city").select("customer_id", "store_id")
    return usual.union(home.anti_join(usual, "customer_id"))


def file_of(store_id: str | None) -> str:
    """The file of a store: its id, where all but letters, digits, `-` and `_` is encoded.

    A part of a long id, and a digest of it, stand for the whole.
    """
    if store_id is None:
        return f"{FOLDER}/{ANY_STORE}.csv"
    name = "".join(c if c.isalnum() or c in "-_" else _encoded(c) for c in store_id)
    if store_id == ANY_STORE:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > _LONGEST or len(name.encode()) > 2 * _LONGEST:
        digest = hashlib.sha256(store_id.encode()).hexdigest()[:16]
        name = f"{name[: _LONGEST // 3]}~{digest}"
    return f"{FOLDER}/{name}.csv"


def _encoded(letter: str) -> str:
    return f"%{ord(letter):02X}" if letter in "." else quote(letter, safe="")
