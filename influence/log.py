"""The action log and the friend network as arrays, for the compiled loops.

An action is a customer's first act (purchase or visit) on an item (product or store). An edge goes
from a `source`, whose acts may be followed, to a `target`, who may follow. Times are whole seconds
before `as_of`, so at most 0; what is older than 68 years counts as that old.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from followsuit.graph.facts import Facts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Flags = NDArray[np.bool_]

DAY = 86_400
LONG_AGO = np.iinfo(np.int32).min
"""The time of what has always been: a friendship without a date."""


class Actions(NamedTuple):
    """First acts, sorted by item, then time, then customer.

    Attributes:
        customer: (actions) code of who acted.
        time: (actions) seconds before `as_of`, at most 0.
        pointer: (items + 1) bounds of each item's actions.
    """

    customer: Shorts
    time: Shorts
    pointer: Ints


class Network(NamedTuple):
    """Directed edges, numbered by source, then target; each pair once, no loops.

    Attributes:
        pointer: (customers + 1) bounds of each source's edges.
        target: (edges) who may follow.
        since: (edges) seconds before `as_of`; `LONG_AGO` where unknown.
        in_pointer: (customers + 1) bounds of each target's edges in the next two.
        in_source: (edges) sources by target, then source.
        in_edge: (edges) the numbers of these edges.
    """

    pointer: Ints
    target: Shorts
    since: Shorts
    in_pointer: Ints
    in_source: Shorts
    in_edge: Shorts

    @property
    def source(self) -> Shorts:
        """(edges) whose acts may be followed."""
        customers = np.arange(len(self.pointer) - 1, dtype=np.int32)
        return np.repeat(customers, np.diff(self.pointer))


@dataclass(frozen=True)
class Log:
    """Actions and network as of an instant, of adults (and of those whose age nobody knows).

    Attributes:
        as_of: nothing later is in it.
        customers: (customers) ids by code; all customers have one, acting or not.
        items: (items) codes of the items in `Facts.items`, sorted by category.
        category: (items) code of the item's category in `categories`; the last is that of items
            without one.
        categories: names by code; None for items without one.
        actions: sorted by category, item, time.
        network: who may follow whom.
    """

    as_of: datetime
    customers: np.ndarray
    items: Ints
    category: Shorts
    categories: np.ndarray
    actions: Actions
    network: Network

    def until(self, seconds: int) -> "Log":
        """The same log, with the same codes, as of so many seconds earlier."""
        kept = self.actions.time <= -seconds
        before = np.concatenate([[0], np.cumsum(kept)])
        since = self.network.since.astype(np.int64)
        shifted = np.where(since == LONG_AGO, since, since + seconds)
        return replace(
            self,
            as_of=self.as_of - timedelta(seconds=seconds),
            actions=Actions(
                self.actions.customer[kept],
                self.actions.time[kept] + np.int32(seconds),
                before[self.actions.pointer],
            ),
            network=self.network._replace(since=shifted.astype(np.int32)),
        )


def read_log(facts: Facts, as_of: datetime) -> Log:
    """Read the log of a snapshot's facts as of an instant.

    Known minors are left out, whoever they are friends with. Consent is asked where an act drives
    an offer (`offers/`) and where somebody is to be reached, not here.
    """
    minors = facts.people(as_of)
    minors = minors.filter(minors.minor).select("customer")
    category, items, actions = _actions(facts, as_of, minors)
    return Log(
        as_of=as_of,
        customers=facts.customers,
        items=items,
        category=category,
        categories=np.array([*facts.items.categories, None], dtype=object),
        actions=actions,
        network=_network(facts, as_of, minors),
    )


def _actions(facts: Facts, as_of: datetime, minors: ir.Table) -> tuple[Shorts, Ints, Actions]:
    """Each item's category, its code in `Facts.items`, and the actions."""
    rows = facts.firsts
    rows = rows.filter(rows["at"] <= as_of).anti_join(minors, "customer")
    kinds = len(facts.items.categories)
    category = np.where(facts.items.category < 0, kinds, facts.items.category)
    order = np.argsort(category, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    table = rows.select("customer", "item", seconds=_seconds(rows["at"], as_of)).to_pyarrow()
    customer = table["customer"].to_numpy()
    item = place[table["item"].to_numpy()]
    time = table["seconds"].to_numpy()
    sort = np.lexsort((customer, time, item))
    acted, counts = np.unique(item, return_counts=True)
    codes = order[acted]
    return (
        category[codes].astype(np.int32),
        codes.astype(np.int64),
        Actions(
            customer=customer[sort].astype(np.int32),
            time=time[sort].astype(np.int32),
            pointer=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        ),
    )


def _network(facts: Facts, as_of: datetime, minors: ir.Table) -> Network:
    ties = facts.ties
    ties = ties.filter(ties.since.isnull() | (ties.since <= as_of))
    ties = ties.filter(ties.customer != ties.friend)
    for end in ("customer", "friend"):
        ties = ties.anti_join(minors.select(**{end: "customer"}), end)
    since = _seconds(ties.since, as_of).fill_null(int(LONG_AGO))
    table = ties.select("customer", "friend", since=since).to_pyarrow()
    return network(
        len(facts.customers),
        table["friend"].to_numpy(),
        table["customer"].to_numpy(),
        table["since"].to_numpy(),
    )


def network(customers: int, source: np.ndarray, target: np.ndarray, since: np.ndarray) -> Network:
    """A network of directed edges, each pair given once.

    Args:
        customers: how many there are.
        source: (edges) whose acts may be followed.
        target: (edges) who may follow.
        since: (edges) seconds before `as_of`.
    """
    order = np.lexsort((target, source))
    source, target, since = source[order], target[order], since[order]
    backwards = np.lexsort((source, target))
    return Network(
        pointer=_bounds(source, customers),
        target=target.astype(np.int32),
        since=since.astype(np.int32),
        in_pointer=_bounds(target, customers),
        in_source=source[backwards].astype(np.int32),
        in_edge=backwards.astype(np.int32),
    )


def _bounds(codes: np.ndarray, size: int) -> Ints:
    counts = np.bincount(codes, minlength=size) if len(codes) else np.zeros(size, dtype=np.int64)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _seconds(at: ir.Value, as_of: datetime) -> ir.Value:
    """Whole seconds from `as_of`, rounded down."""
    micros = at.cast("timestamp('UTC')").epoch_seconds() - int(as_of.timestamp())
    return ibis.greatest(micros, int(LONG_AGO) + 1)
