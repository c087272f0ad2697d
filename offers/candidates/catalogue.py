"""Which offers are active, which items each covers, and who each is for.

An offer covers the items that match its product, category and brand in `offers`, and the products
that `offer_items` names for it. If it names only stores, in either table, it covers a visit to one
of them. If it names none of these, it covers every product. An offer with a program is only for
customers who hold it, and one with an interest only for those who like it. Stores restrict where to
use it, see `View.offer_stores`.
Without a table of offers, each item is its own offer, for everybody.
"""

from dataclasses import dataclass
from functools import cached_property

import ibis
import ibis.expr.types as ir

from followsuit.graph.items import ITEM, PAIR, PRODUCT, STORE
from followsuit.graph.views.view import View


@dataclass(frozen=True)
class Catalogue:
    """The active offers of a view, as tables."""

    offers: ir.Table
    """`offer_id, value, cost, program, interest, targeted`: `value` and `cost` of an acceptance in
    minor units of money, null if unknown; `targeted` offers, with a program or an interest, are
    only for their audience."""
    coverage: ir.Table
    """`offer_id, item_kind, item_id`."""
    audience: ir.Table
    """`offer_id, customer_id`: the customers whom each targeted offer is for."""
    offer_stores: ir.Table
    """`offer_id, product_id, store_id`: where to use each offer, see `View.offer_stores`."""

    def only(self, offer_id: str) -> "Catalogue":
        """The catalogue restricted to one offer."""
        tables = (self.offers, self.coverage, self.audience, self.offer_stores)
        return Catalogue(*(rows.filter(rows.offer_id == offer_id) for rows in tables))

    @cached_property
    def covered(self) -> ir.Table:
        """`item_kind, item_id`: the items that at least one offer covers."""
        return self.coverage.select(*ITEM).distinct()

    @cached_property
    def for_everybody(self) -> ir.Table:
        """`item_kind, item_id`: the items that at least one offer without an audience covers."""
        untargeted = self.offers.filter(~self.offers.targeted)
        return self.coverage.semi_join(untargeted, "offer_id").select(*ITEM).distinct()

    @property
    def stores(self) -> ir.Table:
        """`offer_id, item_kind, item_id, store_id`: where to use each offer for each item.

        An item without a row can be had anywhere; a visit is to the item itself. There may be many
        rows: join them with the pairs in question.
        """
        listed, visits = self.offer_stores, self.coverage.filter(self.coverage.item_kind == STORE)
        products = self.coverage.filter(self.coverage.item_kind == PRODUCT)
        own = listed.filter(listed.product_id.notnull()).rename(item_id="product_id")
        others = products.anti_join(own, ["offer_id", "item_id"])
        of_offer = listed.filter(listed.product_id.isnull()).select("offer_id", "store_id")
        columns = ("offer_id", *ITEM, "store_id")
        return ibis.union(
            products.inner_join(own, ["offer_id", "item_id"]).select(*columns),
            others.inner_join(of_offer, "offer_id").select(*columns),
            visits.mutate(store_id=visits.item_id).select(*columns),
        )

    def allowed(self, pairs: ir.Table) -> ir.Table:
        """`customer_id, item_kind, item_id`: the pairs that at least one offer is for."""
        offers = self.coverage.inner_join(self.offers.select("offer_id", "targeted"), "offer_id")
        everybody = pairs.semi_join(offers.filter(~offers.targeted), list(ITEM))
        targeted = pairs.inner_join(offers.filter(offers.targeted), list(ITEM))
        targeted = targeted.semi_join(self.audience, ["offer_id", "customer_id"])
        return ibis.union(everybody.select(*PAIR), targeted.select(*PAIR), distinct=True)


def catalogue(view: View) -> Catalogue | None:
    """The active offers that cover at least one item; None if there is no table of offers."""
    if view.offers is None:
        return None
    keep = view.snapshot.keep
    offers = keep(view.offers)
    coverage = keep(_coverage(offers, view.offer_items, view.items))
    offers = offers.semi_join(coverage, "offer_id")
    targeted = offers.program.notnull() | offers.interest.notnull()
    return Catalogue(
        keep(offers.select("offer_id", "value", "cost", "program", "interest", targeted=targeted)),
        coverage,
        keep(_audience(offers, view)),
        view.offer_stores.semi_join(offers, "offer_id"),
    )


def _coverage(offers: ir.Table, offer_items: ir.Table, items: ir.Table) -> ir.Table:
    listed = offer_items.semi_join(offers, "offer_id")
    products = listed.filter(listed.product_id.notnull())
    stores = listed.filter(listed.product_id.isnull()).anti_join(products, "offer_id")
    named = offers.product_id.notnull() | offers.category.notnull() | offers.brand.notnull()
    stores = stores.semi_join(offers.filter(~named), "offer_id")
    names_nothing = ~named & offers.store_id.isnull()
    # Its items say what such an offer covers.
    by_items = ~named & offers.offer_id.isin(products.offer_id)
    by_items = by_items | (names_nothing & offers.offer_id.isin(stores.offer_id))
    return ibis.union(
        _named_in_offers(offers.filter(~by_items), items),
        _existing(products.select("offer_id", item_id="product_id"), PRODUCT, items),
        _existing(stores.select("offer_id", item_id="store_id"), STORE, items),
        distinct=True,
    )


def _existing(rows: ir.Table, kind: str, items: ir.Table) -> ir.Table:
    """`offer_id, item_kind, item_id` of the rows whose item the view has."""
    known = rows.mutate(item_kind=ibis.literal(kind)).semi_join(items, list(ITEM))
    return known.select("offer_id", *ITEM)


def _named_in_offers(offers: ir.Table, items: ir.Table) -> ir.Table:
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
