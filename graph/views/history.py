"""The rows of all times that computations may use. Views filter them by time."""

from collections.abc import Sequence
from functools import cached_property

import ibis
import ibis.expr.types as ir
import numpy as np

from followsuit.core.codes import Codes
from followsuit.graph import tables as t
from followsuit.graph.items import ITEM, PAIR, PRODUCT, STORE
from followsuit.graph.schema import Col
from followsuit.graph.tables import Table
from followsuit.graph.views.contract_view import ContractView
from followsuit.graph.views.people import answers, people
from followsuit.graph.views.purchase_arrays import PurchaseArrays, purchase_arrays
from followsuit.graph.views.sensitive import is_sensitive, sensitive_items

_WORDS: dict[str, str] = {
    t.EVENTS.name: Col.KIND,
    t.LIKES.name: Col.INTEREST,
    t.MEMBERSHIPS.name: Col.PROGRAM,
}
"""The column of each table whose values `sensitive_values` may name."""


class History:
    """The rows of all times that computations may use, computed once for all views.

    `known_at` is when a row came to be known: its own date, or the later one on which its customers
    joined or its item came to be known. It is missing if none of them has a date. `shares` is
    whether the customers of a row share their activity.
    """

    def __init__(self, decided: ContractView) -> None:
        """Start with nothing computed.

        Args:
            decided: the tables as of the instant that decides who shares.
        """
        self._decided = decided
        self._snapshot = decided.snapshot
        self.remembered: dict[tuple[str, ...], ir.Table] = {}
        """Temporary tables that views of it have made, see `View.remember`."""

    def chosen(self, rows: ir.Table) -> ir.Table:
        """The rows of the customers that this history is of: all of them."""
        return rows

    @cached_property
    def answers(self) -> ir.Table:
        """See `people.answers`."""
        blocked = self._snapshot.meta.blocked_customers
        return self._snapshot.keep(answers(self.chosen(self._snapshot.rows(t.CONSENTS)), blocked))

    def people(self, view: ContractView) -> ir.Table:
        """See `people.people`, as of the instant of a view."""
        return people(
            self.chosen(view.table(t.CUSTOMERS)),
            self.answers,
            view.as_of.date(),
            view.is_past,
            view.assume_consent,
        )

    @cached_property
    def members(self) -> ir.Table:
        """`customer_id, city, joined_at, shares`."""
        states = self.people(self._decided)
        sharing = states.filter(states.shares).select("customer_id", shares=ibis.literal(True))
        rows = self.chosen(self._snapshot.rows(t.CUSTOMERS)).left_join(sharing, "customer_id")
        return self._snapshot.keep(
            rows.select("customer_id", "city", "joined_at", shares=rows.shares.fill_null(False))
        )

    @cached_property
    def items(self) -> ir.Table:
        """The columns of `View.items`, and `known_at`."""
        return self._snapshot.keep(self._items())

    @cached_property
    def event_kinds(self) -> frozenset[str]:
        """The kinds of all events, of any time."""
        kinds = self._snapshot.rows(t.EVENTS).select("kind").distinct()
        return frozenset(kinds.to_pyarrow()["kind"].to_pylist())

    @cached_property
    def purchases(self) -> int:
        """The number of purchases and returns of all times and customers."""
        return int(self._snapshot.rows(t.PURCHASES).count().execute())

    @cached_property
    def sensitive_items(self) -> ir.Table:
        """`item_kind, item_id` of the sensitive products and stores."""
        return self._snapshot.keep(sensitive_items(self._snapshot))

    def without_sensitive(self, table: Table, rows: ir.Table) -> ir.Table:
        """The rows of a table of interactions that nothing sensitive is in.

        Args:
            table: the table of the contract: purchases, visits, events, likes or memberships.
            rows: rows of it.
        """
        if (word := _WORDS.get(table.name)) is not None:
            rows = rows.filter(~is_sensitive(self._snapshot, table, rows[word]))
        for kind, column in ((PRODUCT, Col.PRODUCT_ID), (STORE, Col.STORE_ID)):
            if column in rows.columns:
                items = self.sensitive_items
                hidden = items.filter(items.item_kind == kind)
                rows = rows.filter(~rows[column].isin(hidden.item_id).fill_null(False))
        return rows

    @cached_property
    def interactions(self) -> ir.Table:
        """`customer_id, item_kind, item_id, at, known_at, shares`."""
        return self._snapshot.keep(self._interactions())

    @cached_property
    def first_interactions(self) -> ir.Table:
        """The same columns: each customer's first interaction with an item."""
        rows = self.interactions
        first_rows = rows.group_by(*PAIR, "shares").aggregate(
            at=rows["at"].min(), known_at=rows.known_at.min()
        )
        return self._snapshot.keep(first_rows)

    @cached_property
    def friendships(self) -> ir.Table:
        """`customer_id, friend_id, since, interactions, known_at, shares`."""
        return self._snapshot.keep(self._friendships())

    @cached_property
    def purchase_arrays(self) -> PurchaseArrays:
        """The purchases of all times and customers, without returns and what is sensitive."""
        rows = without_returns(self._snapshot.rows(t.PURCHASES))
        rows = self.without_sensitive(t.PURCHASES, rows)
        rows = rows.semi_join(self.members, "customer_id")
        products = self._snapshot.rows(t.PRODUCTS)
        return purchase_arrays(rows, products.select("product_id", "price"))

    @cached_property
    def directed(self) -> bool:
        """Whether any friendship is directed.

        Two rows of `friendships` may then be equal in customer and friend.
        """
        rows = self._snapshot.rows(t.FRIENDSHIPS)
        return bool(rows.filter(rows.directed).count().execute())

    def _items(self) -> ir.Table:
        products = self._existing(t.PRODUCTS, without_returns(self._snapshot.rows(t.PURCHASES)))
        stores = self._existing(t.STORES, self._snapshot.rows(t.VISITS))
        rows = ibis.union(
            products.select(
                "category",
                "brand",
                "margin",
                "price",
                "known_at",
                item_kind=ibis.literal(PRODUCT),
                item_id=products.product_id,
                city=ibis.null(str),
            ),
            stores.select(
                "category",
                "city",
                "known_at",
                item_kind=ibis.literal(STORE),
                item_id=stores.store_id,
                brand=ibis.null(str),
                margin=ibis.null("int64"),
                price=ibis.null("int64"),
            ),
        ).select(*ITEM, "category", "brand", "city", "margin", "price", "known_at")
        return rows.anti_join(self.sensitive_items, ITEM)

    def _existing(self, listed: Table, mentions: ir.Table) -> ir.Table:
        """The rows of an item table; if it was not delivered, the items that shared rows mention.

        An item that only other rows mention would reveal their customers' activity.
        """
        rows = self._snapshot.rows(listed)
        if listed.name in self._snapshot.meta.delivered:
            return rows.mutate(known_at=ibis.null(mentions["at"].type()))
        key = listed.key[0]
        shared = mentions.inner_join(self.members.filter(self.members.shares), "customer_id")
        known_at = ibis.greatest(shared["at"], shared.joined_at)
        return rows.inner_join(shared.group_by(key).aggregate(known_at=known_at.min()), key)

    def _interactions(self) -> ir.Table:
        bought = without_returns(self._snapshot.rows(t.PURCHASES))
        bought = self.without_sensitive(t.PURCHASES, bought)
        visited = self._snapshot.rows(t.VISITS)
        rows = ibis.union(
            bought.select(
                "customer_id", "at", item_kind=ibis.literal(PRODUCT), item_id="product_id"
            ),
            visited.select("customer_id", "at", item_kind=ibis.literal(STORE), item_id="store_id"),
        )
        members = self.members.select("customer_id", "joined_at", "shares")
        items = self.items.select(*ITEM, item_known_at="known_at")
        rows = rows.inner_join(members, "customer_id").inner_join(items, list(ITEM))
        known_at = ibis.greatest(rows["at"], rows.joined_at, rows.item_known_at)
        return rows.select(*PAIR, "at", "shares", known_at=known_at)

    def _friendships(self) -> ir.Table:
        rows = self._snapshot.rows(t.FRIENDSHIPS)
        rows = rows.filter(rows.customer_id != rows.friend_id)
        mine = self.members.select("customer_id", "joined_at", "shares")
        friends = self.members.select(
            friend_id="customer_id", friend_joined_at="joined_at", friend_shares="shares"
        )
        rows = rows.inner_join(mine, "customer_id").inner_join(friends, "friend_id")
        rows = rows.select(
            "customer_id",
            "friend_id",
            "since",
            "interactions",
            known_at=ibis.greatest(rows.since, rows.joined_at, rows.friend_joined_at),
            shares=rows.shares & rows.friend_shares,
            directed=rows.directed.fill_null(False),
        )
        back = rows.filter(~rows.directed)
        back = back.mutate(customer_id=back.friend_id, friend_id=back.customer_id)
        return ibis.union(rows, back.select(rows.columns)).drop("directed")


class _SomeHistory(History):
    """The rows of some customers; `items` are those of all customers."""

    def __init__(self, history: History) -> None:
        super().__init__(history._decided)
        self._all = history

    @cached_property
    def items(self) -> ir.Table:
        """The columns of `View.items`, and `known_at`."""
        return self._all.items

    @cached_property
    def sensitive_items(self) -> ir.Table:
        """`item_kind, item_id` of the sensitive products and stores."""
        return self._all.sensitive_items


class OwnHistory(_SomeHistory):
    """The rows of one customer."""

    def __init__(self, history: History, customer: str) -> None:
        super().__init__(history)
        self._customer = customer

    def chosen(self, rows: ir.Table) -> ir.Table:
        """The rows of the customer."""
        return rows.filter(rows.customer_id == self._customer)


class SampleHistory(_SomeHistory):
    """The rows of a sample of customers."""

    def __init__(self, history: History, customers: Sequence[str]) -> None:
        super().__init__(history)
        self._customers = customers

    def chosen(self, rows: ir.Table) -> ir.Table:
        """The rows of the sample."""
        ids = ibis.memtable({"customer_id": self._customers}, schema={"customer_id": "string"})
        return rows.semi_join(ids, "customer_id")

    @cached_property
    def members(self) -> ir.Table:
        """`customer_id, city, joined_at, shares`."""
        return self._snapshot.keep(self.chosen(self._all.members))

    @cached_property
    def purchase_arrays(self) -> PurchaseArrays:
        """The purchases of all times, without returns and what is sensitive."""
        rows = self._all.purchase_arrays
        wanted = Codes(np.array(self._customers, dtype=object)).of(rows.customers.ids) >= 0
        return rows.only(wanted[rows.customer])


def is_return(purchases: ir.Table) -> ir.BooleanValue:
    """Whether each purchase is a return: its quantity or amount is negative."""
    return (purchases.quantity.fill_null(0) < 0) | (purchases.amount.fill_null(0) < 0)


def without_returns(purchases: ir.Table) -> ir.Table:
    """Purchases without returns."""
    return purchases.filter(~is_return(purchases))
