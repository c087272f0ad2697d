"""Exposures and parent links: who had seen which friend act, and who then acted.

An exposure is one act of a source seen by one target: they are friends by then, and the target has
not acted on the item before, nor at that very second. It is complete when its window has passed by
`as_of`; others are left out (right-censoring), for what follows them isn't known yet. A parent link
joins an act to an exposure of its customer that came at most a window before it.
"""

from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.influence.log.arrays import NEVER, Actions, Floats, Ints, Log, Network, Shorts

BINS = 14
"""Parts of the window into which delays fall."""


class Links(NamedTuple):
    """The acts that had parents, and their parent links; 5 bytes a link and 16 an act.

    Attributes:
        action: (acts) number of the act in `Actions`, rising.
        item: (acts) the act's item.
        pointer: (acts + 1) bounds of each act's links.
        edge: (links) number of the edge; -1 - number where the exposure is not complete, so that it
            shares the credit and gets none.
        delay: (links) part of the window after the exposure, 0 to BINS - 1.
    """

    action: Ints
    item: Shorts
    pointer: Ints
    edge: Shorts
    delay: np.ndarray


class Pairs(NamedTuple):
    """Edges with enough exposures in a category; sorted by category, then edge.

    Attributes:
        edge: (pairs) number of the edge.
        category: (pairs) code of the category.
        exposures: (pairs) complete ones.
    """

    edge: Shorts
    category: Shorts
    exposures: Floats


def count_exposures(log: Log, window: int, weight: Floats) -> tuple[Floats, Floats]:
    """Sum `weight` (categories) of the complete exposures' categories, by edge and by category."""
    return _count(log.actions, log.network, log.category, window, weight)


def find_pairs(log: Log, window: int, least: int) -> Pairs:
    """The edges with at least `least` complete exposures in a category."""
    edge, category, exposures = _pairs(log.actions, log.network, log.category, window, least)
    order = np.lexsort((edge, category))
    return Pairs(edge[order], category[order], exposures[order])


def find_links(log: Log, window: int) -> Links:
    """All parent links.

    Args:
        log: actions and network.
        window: seconds.
    """
    return Links(*_links(log.actions, log.network, window))


@compiled
def _until(time: Shorts, first: int, last: int) -> int:
    """The end of the run of equal times that begins at `first`."""
    end = first + 1
    while end < last and time[end] == time[first]:
        end += 1
    return end


@compiled
def _expose(
    count: Floats,
    weight: float,
    actions: Actions,
    item: int,
    network: Network,
    window: int,
    acted: Shorts,
) -> int:
    """Add `weight` to the counts of edges for each complete exposure to acts on an item.

    Args:
        count: (edges) added to.
        weight: of each exposure.
        actions: all of them.
        item: code of the item.
        network: who may follow whom.
        window: seconds.
        acted: (customers) `NEVER`, before and afterwards.

    Returns:
        How many exposures there are.
    """
    first, last = actions.pointer[item], actions.pointer[item + 1]
    a, seen = first, 0
    while a < last and actions.time[a] + window <= 0:
        end = _until(actions.time, a, last)
        for k in range(a, end):
            acted[actions.customer[k]] = actions.time[k]
        for k in range(a, end):
            customer, at = actions.customer[k], actions.time[k]
            for e in range(network.pointer[customer], network.pointer[customer + 1]):
                if network.since[e] <= at and acted[network.target[e]] == NEVER:
                    count[e] += weight
                    seen += 1
        a = end
    for k in range(first, a):
        acted[actions.customer[k]] = NEVER
    return seen


@compiled
def _count(
    actions: Actions, network: Network, category: Shorts, window: int, weight: Floats
) -> tuple[Floats, Floats]:
    by_edge, by_category = np.zeros(len(network.target)), np.zeros(len(weight))
    acted = np.full(len(network.pointer) - 1, NEVER, dtype=np.int32)
    for item in range(len(actions.pointer) - 1):
        c = category[item]
        by_category[c] += weight[c] * _expose(
            by_edge, weight[c], actions, item, network, window, acted
        )
    return by_edge, by_category


@compiled
def grown(array: np.ndarray, size: int) -> np.ndarray:
    """A copy with room for `size` entries and half as many again."""
    more = np.empty(size + size // 2, dtype=array.dtype)
    more[: len(array)] = array
    return more


@compiled
def _pairs(
    actions: Actions, network: Network, category: Shorts, window: int, least: int
) -> tuple[Shorts, Shorts, Floats]:
    count = np.zeros(len(network.target))
    acted = np.full(len(network.pointer) - 1, NEVER, dtype=np.int32)
    edge, edge_category = np.empty(16, dtype=np.int32), np.empty(16, dtype=np.int32)
    exposures = np.empty(16)
    pairs, item, items = 0, 0, len(actions.pointer) - 1
    while item < items:
        c, begun = category[item], actions.pointer[item]
        while item < items and category[item] == c:
            _expose(count, 1.0, actions, item, network, window, acted)
            item += 1
        for k in range(begun, actions.pointer[item]):
            u = actions.customer[k]
            for e in range(network.pointer[u], network.pointer[u + 1]):
                if count[e] >= least:
                    if pairs == len(edge):
                        edge = grown(edge, pairs + 1)
                        edge_category = grown(edge_category, pairs + 1)
                        exposures = grown(exposures, pairs + 1)
                    edge[pairs], edge_category[pairs] = e, c
                    exposures[pairs] = count[e]
                    pairs += 1
                count[e] = 0.0
    return edge[:pairs], edge_category[:pairs], exposures[:pairs]


@compiled
def _links(
    actions: Actions, network: Network, window: int
) -> tuple[Ints, Shorts, Ints, Shorts, np.ndarray]:
    acted = np.full(len(network.pointer) - 1, NEVER, dtype=np.int32)
    act, act_item = np.empty(16, dtype=np.int64), np.empty(16, dtype=np.int32)
    act_first = np.empty(16, dtype=np.int64)
    edge, delay = np.empty(16, dtype=np.int32), np.empty(16, dtype=np.uint8)
    acts, links = 0, 0
    for item in range(len(actions.pointer) - 1):
        first, last = actions.pointer[item], actions.pointer[item + 1]
        a = first
        while a < last:
            end = _until(actions.time, a, last)
            for k in range(a, end):
                low, high = _parents_of(actions.customer[k], network)
                if links + high - low > len(edge):
                    edge = grown(edge, links + high - low)
                    delay = grown(delay, links + high - low)
                before = links
                links = _link(
                    low, high, actions.time[k], window, network, acted, edge, delay, links
                )
                if links > before:
                    if acts + 1 >= len(act):
                        act, act_item = grown(act, acts + 2), grown(act_item, acts + 2)
                        act_first = grown(act_first, acts + 2)
                    act[acts], act_item[acts], act_first[acts] = k, item, before
                    acts += 1
            for k in range(a, end):
                acted[actions.customer[k]] = actions.time[k]
            a = end
        for k in range(first, last):
            acted[actions.customer[k]] = NEVER
    act_first[acts] = links
    return (
        act[:acts].copy(),
        act_item[:acts].copy(),
        act_first[: acts + 1].copy(),
        edge[:links].copy(),
        delay[:links].copy(),
    )


@compiled
def _parents_of(customer: int, network: Network) -> tuple[int, int]:
    return network.in_pointer[customer], network.in_pointer[customer + 1]


@compiled
def _link(
    low: int,
    high: int,
    now: int,
    window: int,
    network: Network,
    acted: Shorts,
    edge: Shorts,
    delay: np.ndarray,
    links: int,
) -> int:
    """Append the links of one act; returns how many links there are in all."""
    for j in range(low, high):
        then = acted[network.in_source[j]]
        if then >= now or now - then > window:
            continue
        e = network.in_edge[j]
        if network.since[e] <= then:
            edge[links] = e if then + window <= 0 else -1 - e
            delay[links] = min(BINS - 1, (now - then) * BINS // window)
            links += 1
    return links
