"""Exposed triples (customer, item, time), and what all unexposed customers did at the same time.

A customer is exposed to an item once, by the first friend who acts on it. They must be friends by
then, and the customer must not have acted on the item before ("at risk"). The outcome is whether
the customer acts on the item within the window. Exposures whose window isn't over are left out.
"""

from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.influence.log.arrays import (
    NEVER,
    Actions,
    Flags,
    Floats,
    Ints,
    Log,
    Network,
    Shorts,
)

# Compiled code is cached by the text of this file alone. Edit this file whenever `arrays` changes a
# type or `NEVER`.


class Design(NamedTuple):
    """Which exposures count.

    Attributes:
        start: first time of an exposure, in seconds relative to `as_of`; taste is learned from
            earlier interactions.
        window: time after an exposure within which an interaction counts, in seconds.
        lag: seconds that friends' interactions are dated back; 0 except for a placebo.
    """

    start: int
    window: int
    lag: int = 0


class Triples(NamedTuple):
    """Exposed triples, sorted by item, time, customer.

    Attributes:
        customer: (triples) code of the exposed customer.
        item: (triples) code of the item.
        time: (triples) time of the first friend's interaction, in seconds relative to `as_of`.
        acted: (triples) whether the customer acts on the item within the window.
        popularity: (triples) share of customers who act on the item in the same window, among those
            with a friend who are at risk and unexposed by then.
    """

    customer: Shorts
    item: Shorts
    time: Ints
    acted: Flags
    popularity: Floats

    def where(self, kept: np.ndarray) -> "Triples":
        """The triples at these positions, or for which a mask is true."""
        return Triples(*(column[kept] for column in self))


def exposed(log: Log, edges: Network, design: Design, limit: int, seed: int) -> Triples:
    """Find the exposed triples, or a random sample if there are more than `limit`.

    Args:
        log: the actions.
        edges: the log's network, or a placebo.
        design: which exposures count.
        limit: approximate largest number of triples; memory is linear in it.
        seed: random seed of the sample.
    """
    rng = np.random.default_rng(seed)
    nothing = Triples(*(np.empty(0, t) for t in ("i4", "i4", "i8", "?", "f8")))
    total = _walk(log.actions, edges, design, rng, 0.0, nothing)
    share = min(1.0, limit / max(total, 1))
    size = total if share == 1 else int(limit + 6 * np.sqrt(limit) + 10)
    triples = Triples(*(np.empty(size, column.dtype) for column in nothing))
    kept = _walk(log.actions, edges, design, rng, share, triples)
    triples = triples.where(np.arange(kept))
    return triples.where(np.lexsort((triples.customer, triples.time, triples.item)))


@compiled
def fill(
    item: int, actions: Actions, edges: Network, lag: int, acted: Ints, exposed_at: Ints, seen: Ints
) -> int:
    """Write when each customer first acts on an item and is first exposed to it.

    Args:
        item: code of the item.
        actions: all actions.
        edges: who may follow whom.
        lag: seconds that friends' interactions are dated back.
        acted: (customers) times to fill in; `NEVER` on entry.
        exposed_at: (customers) times to fill in; `NEVER` on entry.
        seen: (customers) to be filled with the customers whose entries are no longer `NEVER`.

    Returns:
        The number of customers in `seen`.
    """
    count = 0
    for a in range(actions.pointer[item], actions.pointer[item + 1]):
        source, time = actions.customer[a], np.int64(actions.time[a])
        if acted[source] == NEVER and exposed_at[source] == NEVER:
            seen[count] = source
            count += 1
        acted[source] = time
        for e in range(edges.pointer[source], edges.pointer[source + 1]):
            target = edges.target[e]
            if edges.since[e] <= time and exposed_at[target] == NEVER:
                if acted[target] == NEVER:
                    seen[count] = target
                    count += 1
                exposed_at[target] = time - lag
    return count


@compiled
def clear(acted: Ints, exposed_at: Ints, seen: Ints, count: int) -> None:
    """Undo `fill`.

    Args:
        acted: (customers) times that `fill` filled in.
        exposed_at: (customers) times that `fill` filled in.
        seen: (customers) the customers to reset.
        count: number of customers in `seen`.
    """
    for k in range(count):
        acted[seen[k]] = NEVER
        exposed_at[seen[k]] = NEVER


@compiled
def _walk(
    actions: Actions,
    edges: Network,
    design: Design,
    rng: np.random.Generator,
    share: float,
    out: Triples,
) -> int:
    """Write each exposed triple with probability `share`; if it is 0, only count them."""
    customers = len(edges.pointer) - 1
    acted, exposed_at = np.full(customers, NEVER), np.full(customers, NEVER)
    seen = np.empty(customers, np.int64)
    count, friended = 0, 0
    for c in range(customers):
        friended += edges.in_pointer[c + 1] > edges.in_pointer[c]
    for item in range(len(actions.pointer) - 1):
        known = fill(item, actions, edges, design.lag, acted, exposed_at, seen)
        first = count
        for k in range(known):
            c = seen[k]
            time = exposed_at[c]
            judged = design.start <= time and time <= -design.window
            if not judged or acted[c] <= time:
                continue
            if share == 0:
                count += 1
            elif count < len(out.customer) and (share == 1 or rng.random() < share):
                out.customer[count] = c
                out.item[count] = item
                out.time[count] = time
                out.acted[count] = acted[c] <= time + design.window
                count += 1
        if share > 0 and count > first:
            _popularity(
                edges, friended, design.window, acted, exposed_at, seen[:known], out, first, count
            )
        clear(acted, exposed_at, seen, known)
    return count


@compiled
def _popularity(
    edges: Network,
    friended: int,
    window: int,
    acted: Ints,
    exposed_at: Ints,
    seen: Ints,
    out: Triples,
    first: int,
    last: int,
) -> None:
    """Share of unexposed customers at risk who act in the window, for the triples of one item."""
    left, size = np.empty(len(seen), np.int64), 0
    opens, closes, owners = np.empty_like(left), np.empty_like(left), 0
    for k in range(len(seen)):
        c = seen[k]
        if edges.in_pointer[c + 1] == edges.in_pointer[c]:
            continue
        left[size] = min(acted[c], exposed_at[c])
        size += 1
        if acted[c] != NEVER and acted[c] - window < left[size - 1]:
            # It counts for each time with it in the window, until c is no longer at risk.
            opens[owners], closes[owners] = acted[c] - window, left[size - 1]
            owners += 1
    left, opens, closes = np.sort(left[:size]), np.sort(opens[:owners]), np.sort(closes[:owners])
    for r in range(first, last):
        time = out.time[r]
        unexposed = friended - np.searchsorted(left, time, side="right")
        acting = np.searchsorted(opens, time, side="right")
        acting -= np.searchsorted(closes, time, side="right")
        out.popularity[r] = acting / unexposed if unexposed > 0 else 0.0
