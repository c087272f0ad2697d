"""Which offers are active, which items each covers, and for whom.

An offer covers the items that match all of its product, category and brand; one that names only a
store covers the visit to it; one that names none of these covers every product. With a program or
an interest it is for the customers who hold the one and like the other. Without a table of offers
each item is its own offer, for everybody.
"""

from dataclasses import dataclass
from functools import cached_property

import ibis
import ibis.expr.types as ir

from followsuit.graph.items import ITEM, PAIR, PRODUCT, STORE
from followsuit.graph.view import View


@dataclass(frozen=True)
class Catalogue:
    """The active offers of a view, as tables."""

    offers: ir.Table
    """`offer_id, value, targeted`: `value` in minor units, missing where unknown; `targeted`
    offers are for their audience alone."""
    coverage: ir.Table
    """`offer_id, item_kind, item_id`."""
    audience: ir.Table
    """`offer_id, customer_id`: whom targeted offers are for."""

    def only(self, offer_id: str) -> "Catalogue":
        """One of the offers alone."""
        tables = (self.offers, self.coverage, self.audience)
        return Catalogue(*(rows.filter(rows.offer_id == offer_id) for rows in tables))

    @cached_property
    def covered(self) -> ir.Table:
        """`item_kind, item_id` of the items that an offer covers."""
        return self.coverage.select(*ITEM).distinct()

    def allowed(self, pairs: ir.Table) -> ir.Table:
        """`customer_id, item_kind, item_id` of the pairs for which there is an offer."""
        offers = self.coverage.inner_join(self.offers.select("offer_id", "targeted"), "offer_id")
        everybody = pairs.semi_join(offers.filter(~offers.targeted), list(ITEM))
        targeted = pairs.inner_join(offers.filter(offers.targeted), list(ITEM))
        targeted = targeted.semi_join(self.audience, ["offer_id", "customer_id"])
        return ibis.union(everybody.select(*PAIR), targeted.select(*PAIR), distinct=True)


def catalogue(view: View) -> Catalogue | None:
    """The active offers that cover an item; None where there is no table of offers."""
    if view.offers is None:
        return None
    keep = view.snapshot.keep
    offers = keep(view.offers)
    coverage = keep(_coverage(offers, view.items))
    offers = offers.semi_join(coverage, "offer_id")
    targeted = offers.program.notnull() | offers.interest.notnull()
    return Catalogue(
        keep(offers.select("offer_id", "value", targeted=targeted)),
        coverage,
        keep(_audience(offers, view)),
    )


def _coverage(offers: ir.Table, items: ir.Table) -> ir.Table:
    names = offers.select(
        "offer_id", "product_id", "store_id", of_category="category", of_brand="brand"
    )
    rows = names.cross_join(items.select(*ITEM, "category", "brand"))
    product, store = rows.item_kind == PRODUCT, rows.item_kind == STORE
    named = rows.product_id.notnull() | rows.of_category.notnull() | rows.of_brand.notnull()
    matches = (
        (rows.product_id.isnull() | (product & (rows.item_id == rows.product_id)))
        & (rows.of_category.isnull() | (rows.category == rows.of_category).fill_null(False))
        & (rows.of_brand.isnull() | (rows.brand == rows.of_brand).fill_null(False))
    )
    visit = rows.store_id.isnull().ifelse(product, store & (rows.item_id == rows.store_id))
    return rows.filter(named.ifelse(matches, visit)).select("offer_id", *ITEM)


def _audience(offers: ir.Table, view: View) -> ir.Table:
    held = view.memberships.select("customer_id", "program").distinct()
    liked = view.likes.select("customer_id", "interest").distinct()
    holders = offers.inner_join(held, "program").select("offer_id", "customer_id", "interest")
    likers = offers.inner_join(liked, "interest").select("offer_id", "customer_id", "program")
    both = holders.filter(holders.interest.notnull()).semi_join(likers, ["offer_id", "customer_id"])
    columns = ("offer_id", "customer_id")
    return ibis.union(
        holders.filter(holders.interest.isnull()).select(*columns),
        likers.filter(likers.program.isnull()).select(*columns),
        both.select(*columns),
    )
