"""The snapshot as of an instant, in the tables that computations use.

A `View` holds what was known at its instant: no later rows, no customers who joined later, no
returns, nothing sensitive. It has the rows of all customers, for each customer's own offers.
`View.shared` has only the rows of customers who share their activity. Whatever one customer's rows
may change for another (triggers, popularity, taste, tie weights, influence, embeddings) is computed
from it. The types `View` and `SharedView` say which of the two a function takes.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Self, TypeVar

import ibis
import ibis.expr.types as ir
import networkx as nx
import pandas as pd

from followsuit.core.codes import Codes
from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.graph import tables as t
from followsuit.graph.items import PAIR, PRODUCT, Items
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import Table
from followsuit.graph.views.contract_view import ContractView
from followsuit.graph.views.history import History, OwnHistory, SampleHistory, without_returns
from followsuit.graph.views.people import opt_ins
from followsuit.graph.views.purchase_arrays import PurchaseArrays
from followsuit.graph.views.snapshot import Snapshot, take_snapshot

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NobodyShares(FollowsuitError):
    """No customer has agreed that others' results use their activity."""


class View(ContractView):
    """What was known at an instant; see `ContractView` for its attributes."""

    def __init__(
        self, snapshot: Snapshot, as_of: datetime, *, history: History | None = None
    ) -> None:
        """Show a snapshot as of an instant.

        Args:
            snapshot: the tables.
            as_of: the instant; without a time zone it is in UTC. Its consents and ages decide who
                shares, in this view and in all views that `at` makes of it.
            history: rows to reuse; `at`, `of` and `shared` pass theirs.
        """
        super().__init__(snapshot, as_of)
        self._history = history or History(ContractView(snapshot, as_of))
        self._drawn_from: View | None = None

    def at(self, as_of: datetime) -> Self:
        """The same snapshot as of another instant; the same customers share."""
        return type(self)(self.snapshot, as_of, history=self._history)

    def keeping(self, events: timedelta | None, contacts: timedelta | None) -> "View":
        """This view without rows that are older than a shop keeps them.

        Args:
            events: how long purchases, visits and events are used; None for always.
            contacts: the same for contacts.
        """
        kept = {t.PURCHASES: events, t.VISITS: events, t.EVENTS: events, t.CONTACTS: contacts}
        oldest = {
            table.name: self.as_of - length for table, length in kept.items() if length is not None
        }
        return View(self.snapshot.without_older(oldest), self.as_of) if oldest else self

    def once(self, name: Hashable, compute: Callable[[], _T]) -> _T:
        """Compute something once for this view; it is kept until `release`.

        Args:
            name: says what it is.
            compute: computes it.
        """
        kept: dict[Hashable, _T] = self.__dict__.setdefault("_kept", {})
        if name not in kept:
            kept[name] = compute()
        return kept[name]

    def release(self) -> None:
        """Drop what `once` has computed, here and for those who share, to free memory."""
        for view in (self, self.shared):
            view.__dict__.pop("_kept", None)

    def forget(self) -> None:
        """Drop the temporary tables that this view alone has made, when it is no longer needed."""
        for name in ("people", "known_since"):
            if (rows := self.__dict__.pop(name, None)) is not None:
                self.snapshot.drop(rows)

    def remember(self, name: str, rows: Callable[[], ir.Table]) -> ir.Table:
        """Compute rows once for all views of this kind as of this instant.

        Args:
            name: says what the rows are.
            rows: gives the rows.

        Returns:
            A temporary table, kept as long as the snapshot.
        """
        key = (type(self).__name__, self.as_of.isoformat(), name)
        kept = self._history.remembered
        if key not in kept:
            kept[key] = self.snapshot.keep(rows())
        return kept[key]

    def of(self, customer: str) -> "View":
        """This view with the rows of one customer only, which are faster to compute."""
        return View(self.snapshot, self.as_of, history=OwnHistory(self._history, customer))

    def among(self, customers: tuple[str, ...]) -> Self:
        """This view as if there were no other customers than these; made once until `release`."""
        view = self.once(
            ("among", customers),
            lambda: type(self)(
                self.snapshot, self.as_of, history=SampleHistory(self._history, customers)
            ),
        )
        view._drawn_from = self
        return view

    @property
    def whole(self) -> "View":
        """The view that this one was made of by `among`; else this one."""
        return self if self._drawn_from is None else self._drawn_from

    @cached_property
    def shared(self) -> "SharedView":
        """The same view of the customers who share their activity."""
        return SharedView(self.snapshot, self.as_of, history=self._history)

    def require_sharing(self) -> Self:
        """Return this view if anybody shares.

        Raises:
            NobodyShares: there are customers, and none of them shares their activity.
        """
        members = self._history.members
        counts = members.aggregate(all=members.count(), shared=members.shares.sum()).execute()
        if counts["all"].iloc[0] and not counts["shared"].iloc[0]:
            raise NobodyShares(
                f"No customer shares their activity as of {self.as_of:%Y-%m-%d}, so there "
                "is nothing to learn from. Choose a later day, load consents for the purpose "
                "social_use (and birth dates: minors don't share), or load with --assume-consent "
                "where the data has no consents."
            )
        return self

    # What computations use: filtered by time, without rows that they may not use.

    def friends(self) -> nx.Graph:
        """The friend graph: all customers as nodes, `friendships` as edges with their attributes.

        A `networkx.DiGraph` if any friendship is directed (edges run from `customer_id` to
        `friend_id`, and an undirected friendship is two edges), else a `networkx.Graph`.
        """
        stored = self.table(t.FRIENDSHIPS)
        directed = stored.filter(stored.directed).count().execute() > 0
        rows = self.friendships
        if not directed:
            rows = rows.filter(rows.customer_id < rows.friend_id)
        graph = nx.from_pandas_edgelist(
            rows.to_pandas(),
            Col.CUSTOMER_ID,
            Col.FRIEND_ID,
            [Col.SINCE, Col.INTERACTIONS],
            nx.DiGraph if directed else nx.Graph,
        )
        graph.add_nodes_from(self.customers.customer_id.execute())
        return graph

    @cached_property
    def customers(self) -> ir.Table:
        """`customer_id, city` of the customers who had joined."""
        rows = self._usable(self._history.members)
        return rows.filter(self._known(rows.joined_at)).select("customer_id", "city")

    @cached_property
    def items(self) -> ir.Table:
        """`item_kind, item_id, category, brand, city, margin, price` of what can be offered.

        They are the products that are not sensitive, and the stores. If no table of products (or
        stores) was delivered, they are those that a customer who shares had bought (or visited).
        `margin` and `price` are in minor units of money per unit sold.
        """
        rows = self._history.items
        return rows.filter(self._known(rows.known_at)).drop("known_at")

    @cached_property
    def interactions(self) -> ir.Table:
        """`customer_id, item_kind, item_id, at`: purchases without returns, and visits."""
        return self._cut(self._history.interactions).select(*PAIR, "at")

    @cached_property
    def first_interactions(self) -> ir.Table:
        """`customer_id, item_kind, item_id, at`: each customer's first interaction with an item."""
        return self._cut(self._history.first_interactions).select(*PAIR, "at")

    @cached_property
    def friendships(self) -> ir.Table:
        """`customer_id, friend_id, since, interactions`: whose interactions (`friend_id`) a
        customer may follow.

        An undirected friendship is two rows. Nobody is their own friend. `interactions` counts
        contacts between the two; it carries no date and is missing where unknown. If a directed
        and an undirected friendship give the same row, one remains, with the earliest `since` and
        the most interactions.
        """
        rows = self._cut(self._history.friendships)
        if self._history.directed:
            rows = rows.group_by("customer_id", "friend_id").aggregate(
                since=rows.since.isnull().any().ifelse(None, rows.since.min()),
                interactions=rows.interactions.max(),
            )
        return rows.select("customer_id", "friend_id", "since", "interactions")

    @cached_property
    def memberships(self) -> ir.Table:
        """`customer_id, program, since` of the programs that customers held at the instant.

        Sensitive programs aren't in it.
        """
        held = self._history.without_sensitive(t.MEMBERSHIPS, self._held)
        return self._of_customers(held).select("customer_id", "program", "since")

    @cached_property
    def likes(self) -> ir.Table:
        """`customer_id, interest, at`, without sensitive interests."""
        rows = self._history.without_sensitive(t.LIKES, self.table(t.LIKES))
        return self._of_customers(rows).select("customer_id", "interest", "at")

    def interactions_in(self, table: Table, *, returns: bool = False) -> ir.Table:
        """Dated rows of a table of interactions in the contract's columns, and their time in `at`.

        Nothing sensitive is in them. Memberships are also those that ended, by their beginning.

        Args:
            table: purchases, visits, events, likes, memberships or contacts.
            returns: whether returned purchases are in it too.
        """
        rows = self.table(table)
        if table is t.PURCHASES and not returns:
            rows = without_returns(rows)
        rows = self._history.without_sensitive(table, rows)
        if Col.PRODUCT_ID in rows.columns:
            usable = rows.product_id.isin(self._products.product_id)
            rows = rows.filter(rows.product_id.isnull() | usable)
        clock = rows[str(table.clock)]
        return self._of_customers(rows.mutate(at=clock).filter(clock.notnull()))

    @cached_property
    def purchase_rows(self) -> ir.Table:
        """Purchases in the contract's columns, without returns and sensitive products and stores.

        A missing `order_id` is made of the customer and the instant: what a customer buys at one
        instant is one order.
        """
        rows = self.interactions_in(t.PURCHASES)
        made = rows.customer_id.concat("@", rows["at"].cast("string"))
        return rows.mutate(order_id=rows.order_id.fill_null(made))

    def purchase_arrays(self, length: timedelta | None = None) -> PurchaseArrays:
        """The rows of `purchase_rows` as arrays.

        Args:
            length: only the purchases in (as_of - length, as_of]; None for all.
        """
        rows = self._history.purchase_arrays
        now = _microseconds(self.as_of - _EPOCH)
        known = rows.at <= now
        if length is not None:
            known &= rows.at > now - _microseconds(length)
        customers = self.customer_codes.of(rows.customers.ids) >= 0
        products = Codes(self._products.to_pyarrow()["product_id"]).of(rows.products.ids) >= 0
        return rows.only(known & customers[rows.customer] & products[rows.product])

    @property
    def event_rows(self) -> ir.Table:
        """Events in the contract's columns, without sensitive kinds, products and stores."""
        return self.interactions_in(t.EVENTS)

    @property
    def event_kinds(self) -> frozenset[str]:
        """The kinds of events that the store has ever seen, later ones too.

        Use it only to save work and in messages.
        """
        return self._history.event_kinds

    @property
    def purchases_ever(self) -> int:
        """The number of purchases and returns that the store has ever seen, later ones too.

        Use it only to save work.
        """
        return self._history.purchases

    @property
    def stores(self) -> ir.Table:
        """The stores in the contract's columns, without sensitive ones."""
        return self._history.without_sensitive(t.STORES, self.table(t.STORES))

    @cached_property
    def known_since(self) -> ir.Table:
        """`customer_id, known_since`: when each customer joined, else their first interaction."""
        people = self.table(t.CUSTOMERS).select("customer_id", "joined_at")
        undated = people.filter(people.joined_at.isnull())
        if not undated.count().execute():  # Else the first interaction is looked for.
            known = people.rename(known_since="joined_at")
            return self.snapshot.keep(self._of_customers(known))
        kinds = (t.PURCHASES, t.VISITS, t.EVENTS, t.LIKES, t.MEMBERSHIPS, t.CONTACTS)
        dated = [self.interactions_in(each).select("customer_id", "at") for each in kinds]
        rows = ibis.union(*(each.semi_join(undated, "customer_id") for each in dated))
        first = rows.group_by("customer_id").aggregate(first_at=rows["at"].min())
        people = people.left_join(first, "customer_id")
        known = people.select(
            "customer_id", known_since=people.joined_at.fill_null(people.first_at)
        )
        return self.snapshot.keep(self._of_customers(known.filter(known.known_since.notnull())))

    @cached_property
    def offers(self) -> ir.Table | None:
        """The offers that were valid at the instant; None if no table of offers was delivered."""
        if t.OFFERS.name not in self.snapshot.meta.delivered:
            return None
        rows = self.table(t.OFFERS)
        started = self._known(rows.valid_from)
        return rows.filter(started, self._is_open(rows.valid_until))

    @cached_property
    def offer_items(self) -> ir.Table:
        """`offer_id, product_id, store_id`: what offers cover beside what `offers` names."""
        return self.table(t.OFFER_ITEMS)

    @cached_property
    def offer_stores(self) -> ir.Table:
        """`offer_id, product_id, store_id`: where to use offers, by `offers` and `offer_items`.

        A row with a product holds for this product of the offer: it counts only at the stores of
        its own rows, whatever other stores the offer names. A row without one holds for all other
        products of the offer. What has no row can be used anywhere. Sensitive stores are among
        them: without them, an offer that names no other store could be used anywhere.
        """
        columns = ("offer_id", "product_id", "store_id")
        of_offers = self.table(t.OFFERS).mutate(product_id=ibis.null("string")).select(*columns)
        rows = ibis.union(of_offers, self.offer_items.select(*columns), distinct=True)
        return rows.filter(rows.store_id.notnull())

    @cached_property
    def people(self) -> ir.Table:
        """`customer_id, adult, shares, blocked_by, channel` as of the instant, see `people`.

        `shares` is as of this instant too. It differs from `shared` if `at` made the view and a
        customer consented or came of age between the two instants.
        """
        return self.snapshot.keep(self._history.people(self))

    def holders(self, programs: Sequence[str]) -> ir.Table:
        """`customer_id` of those who hold one of these programs, sensitive ones too.

        Only for rules that keep offers away.
        """
        held = self._held
        return held.filter(held.program.isin(list(programs))).select("customer_id").distinct()

    @property
    def _held(self) -> ir.Table:
        """The memberships that had not ended, in the contract's columns."""
        return self.live(self.table(t.MEMBERSHIPS))

    @property
    def opt_ins(self) -> ir.Table:
        """`customer_id, purpose, granted`: answers about contact and each channel, see `opt_ins`.

        They are what customers said themselves; `people` says who may be contacted at all.
        """
        return opt_ins(self._history.answers, self.is_past)

    def recent(self, length: timedelta) -> ir.Table:
        """The interactions in (as_of - length, as_of], in the columns of `interactions`."""
        return self.within(self.interactions, length)

    def known_for(self, length: timedelta) -> ir.Table:
        """`customer_id` of the customers who have been known for at least this long."""
        rows = self.known_since
        return rows.filter(self._is_older(rows.known_since, length)).select("customer_id")

    def following(self, horizon: timedelta) -> ir.Table:
        """The first interactions in (as_of, as_of + horizon], used as labels."""
        return self._later(self._history.first_interactions, horizon)

    def interactions_after(self, horizon: timedelta) -> ir.Table:
        """All interactions in (as_of, as_of + horizon], used as labels of repeats."""
        return self._later(self._history.interactions, horizon)

    def _later(self, rows: ir.Table, horizon: timedelta) -> ir.Table:
        rows = self.after(self._usable(rows), horizon)
        return rows.filter(self._known(rows.known_at, horizon)).select(*PAIR, "at")

    def newest_interaction(self) -> datetime | None:
        """The time of the last purchase, return or visit; None if there are none."""
        return self._newest(self.table(table) for table in (t.PURCHASES, t.VISITS))

    def data_until(self) -> datetime | None:
        """The time of the last purchase, return, visit or event of all times; None without any.

        It includes the future, so use it only to see how far the data goes.
        """
        tables = (t.PURCHASES, t.VISITS, t.EVENTS)
        return self._newest(self.snapshot.rows(table) for table in tables)

    def _newest(self, tables: Iterable[ir.Table]) -> datetime | None:
        newest = [rows["at"].max().execute() for rows in tables]
        known = [at.to_pydatetime() for at in newest if not pd.isna(at)]
        return max(known, default=None)

    def span(self) -> tuple[int, datetime | None, datetime | None]:
        """The number of first interactions of all times, and the times of the first and the last.

        It includes the future, so use it only in messages that help to choose another instant.
        """
        rows = self._usable(self._history.first_interactions)
        times = rows.aggregate(n=rows.count(), first=rows["at"].min(), last=rows["at"].max())
        (row,) = times.to_pyarrow().to_pylist()
        return row["n"], row["first"], row["last"]

    # As arrays, for one computation.

    @cached_property
    def customer_codes(self) -> Codes:
        """Positions of the customers, by id."""
        ids = self.customers.select("customer_id").order_by("customer_id").to_pyarrow()
        return Codes(ids["customer_id"])

    @cached_property
    def item_list(self) -> Items:
        """The items, by id and kind."""
        rows = self.items.order_by("item_id", "item_kind").to_pandas()
        columns = {
            "kind": "item_kind",
            "id": "item_id",
            "category": "category",
            "brand": "brand",
            "city": "city",
        }
        return Items(
            **{
                name: rows[column].to_numpy(dtype=object, na_value=None)
                for name, column in columns.items()
            }
        )

    @property
    def _products(self) -> ir.Table:
        """`product_id` of the products among the items."""
        return self.items.filter(self.items.item_kind == PRODUCT).select(product_id="item_id")

    def _cut(self, rows: ir.Table) -> ir.Table:
        return self._usable(rows.filter(self._known(rows.known_at)))

    def _usable(self, rows: ir.Table) -> ir.Table:
        """The rows of a table of `History` that this view may show."""
        return rows

    def _of_customers(self, rows: ir.Table) -> ir.Table:
        """The rows of `table` whose customer had joined."""
        return rows.semi_join(self.customers, "customer_id")


class SharedView(View):
    """What was known at an instant of the customers who share their activity.

    The rows of all other customers, friendships with them included, don't exist here.
    """

    @property
    def shared(self) -> "SharedView":
        """This view."""
        return self

    def table(self, table: Table | str) -> ir.Table:  # noqa: D102
        rows = super().table(table)
        for column in {Col.CUSTOMER_ID, Col.FRIEND_ID} & set(rows.columns):
            rows = rows.filter(rows[column].isin(self.customers.customer_id))
        return rows

    def _usable(self, rows: ir.Table) -> ir.Table:
        return rows.filter(rows.shares)

    def _of_customers(self, rows: ir.Table) -> ir.Table:
        return rows


def view_of(
    store: GraphStore,
    as_of: datetime,
    *,
    refresh: bool = False,
    memory: int = 2**30,
    progress: Progress = silent,
) -> View:
    """Show a store as of an instant.

    Args:
        store: a store whose last load has finished.
        as_of: the instant; without a time zone it is in UTC.
        refresh: start a new revision, see `take_snapshot`.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback.

    Raises:
        StoreIncomplete, StoreBusy: as `take_snapshot`.
    """
    return View(take_snapshot(store, refresh=refresh, memory=memory, progress=progress), as_of)


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def of_customers(rows: ir.Table, customers: Sequence[str] | None) -> ir.Table:
    """The rows of these customers; all rows for None."""
    if customers is None:
        return rows
    # Join a table, because an `isin` of ten thousand ids takes seconds to compile.
    ids = ibis.memtable({"customer_id": list(customers)}, schema={"customer_id": "string"})
    return rows.semi_join(ids, "customer_id")
