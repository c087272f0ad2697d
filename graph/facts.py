"""What a snapshot knows of interactions, items and ties, coded in whole numbers and made once.

`Facts` has the rows of all customers, for each customer's own offers. `Facts.shared` has only the
rows of those who share their activity: whatever one customer's rows may change for another
(triggers, popularity, taste, tie weights, learned weights, influence, embeddings) is computed from
these. This is the one place where that line is drawn.

Every day that is scored, learned from or judged uses the same facts, up to its own instant.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Self

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.core.errors import FollowsuitError
from followsuit.graph import tables as t
from followsuit.graph.people import people
from followsuit.graph.snapshot import Snapshot

PRODUCT = "product"
STORE = "store"


class NobodyShares(FollowsuitError):
    """No customer has agreed that others' results use their activity."""


NONE = -1
"""The code of what is unknown: a category or city that nobody named."""


@dataclass(frozen=True)
class Items:
    """Products and stores; arrays of one length, by item code."""

    kind: np.ndarray
    """`product` or `store`."""
    id: np.ndarray
    category: np.ndarray
    """Code of the category in `categories`, -1 where unknown."""
    city: np.ndarray
    """Code of a store's city in `Facts.cities`, -1 for products and where unknown."""
    brand: np.ndarray
    """Name of the brand, None where unknown."""
    margin: np.ndarray
    """Minor units of money a sale brings, NaN where unknown."""
    categories: np.ndarray
    """Names of the categories, by code."""

    def category_names(self, items: np.ndarray) -> np.ndarray:
        """(items,) the name of each item's category, None where unknown."""
        names = np.concatenate([self.categories, np.array([None], dtype=object)])
        found: np.ndarray = names[self.category[items]]
        return found


class Facts:
    """Interactions, ties and people of a snapshot.

    Interactions (`acts`) are purchases that are not returns, and visits. Sensitive products are not
    items here: they never trigger, never count, and are never offered. An item exists where its
    table lists it; without such a table, where somebody who shares has interacted with it.

    Attributes:
        snapshot: the source; its instant decides who shares.
        assume_consent: as the last load said.
        customers: customer ids by code.
        codes: the same as an Ibis table `customer, id`.
        city: codes of the customers' cities, -1 where unknown.
        items: products and stores; the same codes in `shared`.
        acts: Ibis table `customer, item, at`.
        firsts: Ibis table `customer, item, at`: each customer's first act on each item.
        ties: Ibis table `customer, friend, since, strength`: whose acts (`friend`) reach whom.
    """

    _all_customers = True

    def __init__(self, snapshot: Snapshot, *, interactions: bool = True) -> None:
        """Code the facts of a snapshot.

        Args:
            snapshot: the files.
            interactions: whether a tie is stronger for more `interactions`, which carry no date
                and so must be left out where the past is judged.
        """
        self.snapshot = snapshot
        self.assume_consent = snapshot.meta.assume_consent
        self._interactions = interactions
        self._people: tuple[datetime, ir.Table] | None = None
        sharing = people(snapshot, self.assume_consent)
        self._sharing = self._keep(sharing.filter(sharing.shares).select("customer_id"))
        rows = self._all(t.CUSTOMERS)
        if not self._all_customers:
            rows = rows.semi_join(self._sharing, "customer_id")
        rows = rows.order_by("customer_id").select("customer_id", "city").execute()
        items = self._items().execute()
        cities = pd.Index(pd.concat([rows.city, items.city]).dropna().unique()).sort_values()
        self.customers = rows.customer_id.to_numpy(dtype=object)
        self.city = cities.get_indexer(rows.city)
        category = pd.Index(items.category.dropna().unique()).sort_values()
        self.items = Items(
            kind=items.kind.to_numpy(dtype=object),
            id=items.item_id.to_numpy(dtype=object),
            category=category.get_indexer(items.category),
            city=cities.get_indexer(items.city),
            brand=items.brand.to_numpy(dtype=object, na_value=None),
            margin=items.margin.to_numpy(dtype=float, na_value=np.nan),
            categories=category.to_numpy(dtype=object),
        )
        self.codes = self._keep(_coded("customer", id=self.customers))
        self._item_codes = self._keep(_coded("item", kind=self.items.kind, id=self.items.id))
        self.acts = self._keep(self._acts())
        self.firsts = self._keep(
            self.acts.group_by("customer", "item").aggregate(at=self.acts["at"].min())
        )
        self.ties = self._keep(self._ties(interactions))

    @cached_property
    def shared(self) -> "SharedFacts":
        """The same of those who share their activity."""
        if isinstance(self, SharedFacts):
            return self
        return SharedFacts(self.snapshot, interactions=self._interactions)

    def require_sharing(self) -> Self:
        """These facts.

        Raises:
            NobodyShares: there are customers, and none of them shares their activity.
        """
        if not len(self.shared.customers) and self._all(t.CUSTOMERS).count().execute():
            raise NobodyShares(
                f"No customer shares their activity as of {self.snapshot.as_of:%Y-%m-%d}, so there "
                "is nothing to learn from. Choose a later day, load consents for the purpose "
                "social_use (and birth dates: minors don't share), or load with --assume-consent "
                "where the data has no consents."
            )
        return self

    def _all(self, table: t.Table) -> ir.Table:
        return self.snapshot.connection.table(table.name)

    def _keep(self, rows: ir.Table) -> ir.Table:
        name = ibis.util.gen_name("facts")
        return self.snapshot.connection.create_table(name, rows, temp=True)

    def _items(self) -> ir.Table:
        products = self._existing(t.PRODUCTS, t.PURCHASES, "product_id")
        products = products.filter(~products.sensitive.fill_null(False))
        stores = self._existing(t.STORES, t.VISITS, "store_id")
        rows = ibis.union(
            products.select(
                "category",
                "brand",
                "margin",
                kind=ibis.literal(PRODUCT),
                item_id=products.product_id,
                city=ibis.null(str),
            ),
            stores.select(
                "category",
                kind=ibis.literal(STORE),
                item_id=stores.store_id,
                city=stores.city,
                brand=ibis.null(str),
                margin=ibis.null("int64"),
            ).select("category", "brand", "margin", "kind", "item_id", "city"),
        )
        return rows.order_by("item_id", "kind")

    def _existing(self, listed: t.Table, mentions: t.Table, key: str) -> ir.Table:
        """The rows of a table of items; without a delivery, those that anybody who shares mentions.

        An item that only other customers mention would reveal their activity.
        """
        rows = self._all(listed)
        if listed.name in self.snapshot.meta.delivered:
            return rows
        return rows.semi_join(self._all(mentions).semi_join(self._sharing, "customer_id"), key)

    def _acts(self) -> ir.Table:
        bought = self._all(t.PURCHASES)
        bought = without_returns(bought).select("customer_id", "at", id=bought.product_id)
        visited = self._all(t.VISITS)
        visited = visited.select("customer_id", "at", id=visited.store_id)
        rows = ibis.union(self._on_items(bought, PRODUCT), self._on_items(visited, STORE))
        codes = self.codes
        rows = rows.inner_join(codes, rows.customer_id == codes.id)
        return rows.select("customer", "item", "at")

    def _on_items(self, rows: ir.Table, kind: str) -> ir.Table:
        """Acts by the code of the item; on what is none (it is sensitive) they are left out."""
        items = self._item_codes
        items = items.filter(items.kind == kind).select("item", "id")
        return rows.inner_join(items, "id").select("customer_id", "at", "item")

    def _ties(self, interactions: bool) -> ir.Table:
        rows = self._all(t.FRIENDSHIPS)
        strength = (
            1 + (1 + rows.interactions.fill_null(0)).ln() if interactions else ibis.literal(1.0)
        )
        rows = rows.mutate(strength=strength.cast("float64"))
        mine = self.codes.rename(customer_id="id")
        friends = self.codes.rename(friend_id="id", friend="customer")
        rows = rows.inner_join(mine, "customer_id").inner_join(friends, "friend_id")
        directed = rows.directed.fill_null(False)
        back = rows.filter(~directed).select(
            "since", "strength", customer="friend", friend="customer"
        )
        ties = ibis.union(rows.select("since", "strength", "customer", "friend"), back)
        if not directed.any().execute():
            return ties
        # Two directed rows and an undirected one may say the same: one tie, the oldest, strongest.
        return ties.group_by("customer", "friend").aggregate(
            since=ties.since.isnull().any().ifelse(None, ties.since.min()),
            strength=ties.strength.max(),
        )

    def named(self, rows: ir.Table) -> ir.Table:
        """Rows with ids in the place of the codes `customer`, `friend` and `item`."""
        for code in ("customer", "friend"):
            if code in rows.columns:
                codes = self.codes.rename({code: "customer", f"{code}_id": "id"})
                rows = rows.inner_join(codes, code).drop(code)
        if "item" in rows.columns:
            items = self._item_codes.rename(item_kind="kind", item_id="id")
            rows = rows.inner_join(items, "item").drop("item")
        return rows

    def among(self, people: ir.Table) -> np.ndarray:
        """(customers) bool: who is in a table with their codes, `customer`."""
        found = np.zeros(len(self.customers), dtype=bool)
        found[people.customer.execute()] = True
        return found

    def people(self, as_of: datetime) -> ir.Table:
        """`people` as of an instant by code: `customer, adult, shares, barrier, channel`.

        The last answer is kept: each step of a ranking asks about the same instant.
        """
        if self._people is None or self._people[0] != as_of:
            rows = people(self.snapshot.at(as_of), self.assume_consent)
            codes = self.codes
            joined = rows.inner_join(codes, rows.customer_id == codes.id)
            columns = joined.select("customer", "adult", "shares", "barrier", "channel")
            self._people = as_of, columns.cache()
        return self._people[1]


class SharedFacts(Facts):
    """The facts of those who share their activity as of the snapshot's instant: all others' rows,
    ties included, don't exist here. Its customer codes are its own.
    """

    _all_customers = False


def without_returns(purchases: ir.Table) -> ir.Table:
    """Purchases less returns: those of a negative quantity or amount."""
    kept = (purchases.quantity.fill_null(0) >= 0) & (purchases.amount.fill_null(0) >= 0)
    return purchases.filter(kept)


def whole_seconds(at: ir.Value) -> ir.Value:
    """Whole seconds since 1970, rounded down (`epoch_seconds` keeps fractions on DuckDB)."""
    return at.cast("timestamp('UTC')").epoch_seconds().floor().cast("int64")


def _coded(code: str, **columns: np.ndarray) -> ir.Table:
    """Columns of text beside their place; their type is named, as no value tells it of none."""
    types = {code: "int32"} | dict.fromkeys(columns, "string")
    places = np.arange(len(next(iter(columns.values()))), dtype=np.int32)
    return ibis.memtable(pd.DataFrame({code: places, **columns}), schema=types)
