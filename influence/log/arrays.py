"""The action log and the friend network as arrays, for the compiled loops.

An action is a customer's first interaction (purchase or visit) with an item (product or store). An
edge goes from a `source`, whose actions may be followed, to a `target`, who may follow. Times are
whole seconds relative to `as_of`, so at most 0; times over 68 years ago count as 68 years ago.

This module doesn't import the database: numba keeps these classes, and so everything that their
module imports, alive until the program ends.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Flags = NDArray[np.bool_]

DAY = 86_400
LONG_AGO = np.iinfo(np.int32).min
"""The time of a friendship without a date."""
NEVER = np.iinfo(np.int32).max
"""The time of an event that hasn't happened."""


class Actions(NamedTuple):
    """First interactions, sorted by item, then time, then customer.

    Attributes:
        customer: (actions) code of the customer.
        time: (actions) seconds relative to `as_of`, at most 0.
        pointer: (items + 1) bounds of each item's actions.
    """

    customer: Shorts
    time: Shorts
    pointer: Ints

    @property
    def item(self) -> Shorts:
        """(actions) code of the item."""
        items = np.arange(len(self.pointer) - 1, dtype=np.int32)
        return np.repeat(items, np.diff(self.pointer))


class Network(NamedTuple):
    """Directed edges in compressed sparse row form, by source and by target.

    Edges are numbered by source, then target. Each pair comes once, and there are no loops.

    Attributes:
        pointer: (customers + 1) bounds of each source's edges.
        target: (edges) code of the customer who may follow.
        since: (edges) start of the friendship, in seconds relative to `as_of`; `LONG_AGO` if
            unknown.
        in_pointer: (customers + 1) bounds of each target's edges in `in_source` and `in_edge`.
        in_source: (edges) source of each edge, ordered by target, then source.
        in_edge: (edges) number of each of these edges.
    """

    pointer: Ints
    target: Shorts
    since: Shorts
    in_pointer: Ints
    in_source: Shorts
    in_edge: Shorts

    @property
    def customers(self) -> int:
        """Number of customers, with or without edges."""
        return len(self.pointer) - 1

    @property
    def source(self) -> Shorts:
        """(edges) code of the customer whose actions may be followed."""
        return np.repeat(np.arange(self.customers, dtype=np.int32), np.diff(self.pointer))


@dataclass(frozen=True)
class Log:
    """Actions and network as of an instant, of customers who share their activity.

    Attributes:
        as_of: the instant; the log holds nothing later.
        customers: (customers) ids by code, including customers without actions.
        items: (items) positions in `View.item_list`, sorted by category.
        category: (items) code of the item's category.
        categories: (categories) names by code; the last is None, for items without a category.
        actions: first interactions, sorted by category, item, time.
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
        """The log as of this many seconds earlier, with the same codes."""
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


def network(customers: int, source: np.ndarray, target: np.ndarray, since: np.ndarray) -> Network:
    """Build a network from directed edges, each pair given once.

    Args:
        customers: number of customers.
        source: (edges) codes of the customers whose actions may be followed.
        target: (edges) codes of the customers who may follow.
        since: (edges) start of the friendship, in seconds relative to `as_of`.
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
