"""Exposures and parent links: which friends a customer saw act, and what the customer did next.

An exposure is one action of a source, seen by one target: they are friends by then, and the target
hasn't acted on the item before, nor in the same second. An exposure is complete once its window has
passed by `as_of`. Incomplete ones are left out (right-censoring), since their outcome isn't known
yet. A parent link connects an action to an exposure of its customer at most one window earlier.
"""

from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.influence.log.arrays import NEVER, Actions, Floats, Ints, Log, Network, Shorts

BINS = 14
"""Number of equal parts of the window; delays are counted by part."""


class Links(NamedTuple):
    """The followed actions (those with parents) and their parent links.

    They take 5 bytes per link and 16 per action.

    Attributes:
        action: (followed) number of the action in `Actions`, ascending.
        item: (followed) code of the action's item.
        pointer: (followed + 1) bounds of each action's links.
        edge: (links) number of the edge; `-1 - number` if the exposure isn't complete. Such a link
            shares the credit for the action but isn't counted.
        delay: (links) part of the window in which the action came, 0 to BINS - 1.
    """

    action: Ints
    item: Shorts
    pointer: Ints
    edge: Shorts
    delay: np.ndarray


class Pairs(NamedTuple):
    """Edges with enough exposures in a category, sorted by category, then edge.

    Attributes:
        edge: (pairs) number of the edge.
        category: (pairs) code of the category.
        exposures: (pairs) number of complete exposures.
    """

    edge: Shorts
    category: Shorts
    exposures: Floats


def count_exposures(log: Log, window: int, weight: Floats) -> tuple[Floats, Floats]:
    """Sum the weights of complete exposures, by edge and by category.

    Args:
        log: actions and network.
        window: length of the window in seconds.
        weight: (categories) weight of an exposure to an item of each category.

    Returns:
        (edges) and (categories) sums.
    """
    return _count(log.actions, log.network, log.category, window, weight)


def find_pairs(log: Log, window: int, least: int) -> Pairs:
    """Find the edges with at least `least` complete exposures in a category.

    Args:
        log: actions and network.
        window: length of the window in seconds.
        least: smallest number of complete exposures.
    """
    edge, category, exposures = _pairs(log.actions, log.network, log.category, window, least)
    order = np.lexsort((edge, category))
    return Pairs(edge[order], category[order], exposures[order])


def find_links(log: Log, window: int) -> Links:
    """Find all parent links; `window` is in seconds."""
    return Links(*_links(log.actions, log.network, window))


@compiled
def _until(time: Shorts, first: int, last: int) -> int:
    """The end of the series of equal times that begins at `first`."""
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
    """Add `weight` to an edge's count for each complete exposure to an item.

    Args:
        count: (edges) counts to add to.
        weight: weight of each exposure.
        actions: all actions.
        item: code of the item.
        network: who may follow whom.
        window: length of the window in seconds.
        acted: (customers) scratch array; `NEVER` on entry and on return.

    Returns:
        The number of complete exposures.
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
    """A copy with room for 1.5 times `size` entries."""
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
    """Append the links of one action; return the total number of links."""
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
