"""The matched sample: for each exposed triple, unexposed customers for the same item and time.

Dynamic matching (Aral, Muchnik and Sundararajan 2009): the controls of an exposed triple are the
customers with the nearest taste and activity who, by its time, have neither acted on the item nor
been exposed to it. So item, popularity and time are matched by construction. A control may be
exposed later (as in a sequence of trials, Hernán et al. 2016), which pulls the lift towards 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from followsuit.core.compiled import compiled
from followsuit.core.progress import Progress, silent
from followsuit.influence.effects.taste_profile import Taste
from followsuit.influence.log.arrays import (
    DAY,
    NEVER,
    Actions,
    Flags,
    Floats,
    Ints,
    Log,
    Network,
    Shorts,
)
from followsuit.influence.log.triples import Design, Triples, clear, fill

# Compiled code is cached by the text of this file alone. Edit this file whenever `arrays`,
# `triples` or `taste_profile` change a type, or `fill` changes what it does.
NEAREST = 64
"""Nearest customers to try as controls."""
_POOL = 20_000
"""With more customers than this, controls come from a random sample of this size."""
_JITTER = 0.01
"""Noise that breaks ties between equally near customers, of whom there are many without data."""
_SHRINK = 3.0
"""Pseudo-interactions with a taste of 0 that an item's taste is averaged with."""
_FEATURES = 8
ACTS, FIT = 1, 5
"""Columns of the features: all earlier interactions, and how well the item fits the taste."""


class Sample(NamedTuple):
    """Rows by triple: its exposed customer first, then its controls.

    Attributes:
        triples: the triples with controls.
        pointer: (triples + 1) bounds of each triple's rows.
        customer: (rows) code of the customer.
        acted: (rows) whether the customer acted on the item within the window.
        features: (rows, 8) as of just before the triple's time. log(1 + x) of: interactions in the
            window before; all interactions; interactions in the item's category; days since the
            last one; friends. Then: how well the item's earlier customers fit the customer's own
            taste; the same for the friends' taste; the squared length of the taste.
    """

    triples: Triples
    pointer: Ints
    customer: Shorts
    acted: Flags
    features: Floats


class _History(NamedTuple):
    """Each customer's interactions, in order of time."""

    pointer: Ints
    time: Shorts
    category: Shorts


def matched(
    log: Log,
    edges: Network,
    design: Design,
    triples: Triples,
    taste: Taste,
    seed: int,
    progress: Progress = silent,
) -> Sample:
    """Find the controls of exposed triples.

    Args:
        log: the actions.
        edges: the network that the triples come from.
        design: the design that the triples come from.
        triples: exposed triples, sorted by item.
        taste: what customers like.
        seed: random seed of the sample of possible controls.
        progress: progress callback, in triples.
    """
    history = _history(log)
    near = _nearest(log, edges, design, triples, taste, seed)
    friends = np.log1p(np.diff(edges.in_pointer))
    parts, items = [], np.unique(triples.item)
    with progress("matching customers", len(triples.item)) as advance:
        for some in np.array_split(items, max(1, len(triples.item) // 20_000)):
            first, last = (
                np.searchsorted(triples.item, [some[0], some[-1] + 1]) if len(some) else (0, 0)
            )
            part = triples.where(np.arange(first, last))
            parts.append(
                _rows(log.actions, log.category, edges, design, part, near, history, friends, taste)
            )
            advance(int(last - first))
    return _joined(triples, parts)


def _joined(triples: Triples, parts: Sequence[tuple[np.ndarray, ...]]) -> Sample:
    """Concatenate the parts, without triples that have no control."""
    counts, customer, acted, features = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    kept = np.repeat(counts > 1, counts)
    pointer = np.concatenate([[0], np.cumsum(counts[counts > 1])])
    return Sample(triples.where(counts > 1), pointer, customer[kept], acted[kept], features[kept])


def _history(log: Log) -> _History:
    customer, time = log.actions.customer, log.actions.time
    order = np.lexsort((time, customer))
    bounds = np.cumsum(np.bincount(customer, minlength=len(log.customers)))
    return _History(
        np.concatenate([[0], bounds]).astype(np.int64),
        time[order],
        log.category[log.actions.item[order]],
    )


class _Near(NamedTuple):
    place: Ints
    """(customers) row in `who`; -1 for customers who are never exposed."""
    who: Shorts
    """(exposed customers, at most 64) nearest customers first; -1 if missing."""


def _nearest(
    log: Log, edges: Network, design: Design, triples: Triples, taste: Taste, seed: int
) -> _Near:
    """The nearest customers with a friend, by taste and by activity before `design.start`."""
    size = len(log.customers)
    pool = np.flatnonzero(np.diff(edges.in_pointer) > 0)
    exposed = np.unique(triples.customer)
    row = np.full(size, -1)
    row[exposed] = np.arange(len(exposed))
    if not len(pool):
        return _Near(row, np.full((len(exposed), 1), -1, dtype=np.int32))
    if not len(exposed):
        return _Near(row, np.empty((0, 1), dtype=np.int32))
    early = log.actions.customer[log.actions.time < design.start]
    activity = np.log1p(np.bincount(early, minlength=size))
    place = np.column_stack([taste.both, activity / max(activity.std(), 1e-9)])
    rng = np.random.default_rng(seed)
    place += rng.normal(scale=_JITTER, size=place.shape)
    if len(pool) > _POOL:
        pool = np.sort(rng.choice(pool, _POOL, replace=False))
    nearest = cKDTree(place[pool]).query(place[exposed], k=min(NEAREST + 1, len(pool)))[1]
    who = pool[nearest.reshape(len(exposed), -1)]
    return _Near(row, np.where(who == exposed[:, None], -1, who).astype(np.int32))


@compiled
def _rows(
    actions: Actions,
    category: Shorts,
    edges: Network,
    design: Design,
    triples: Triples,
    near: _Near,
    history: _History,
    friends: Floats,
    taste: Taste,
) -> tuple[Ints, Shorts, Flags, Floats]:
    """The number of rows of each triple, and the rows."""
    customers = len(edges.pointer) - 1
    most = len(triples.item) * (near.who.shape[1] + 1)
    counts = np.zeros(len(triples.item), np.int64)
    who, did = np.empty(most, np.int32), np.empty(most, np.bool_)
    features = np.empty((most, _FEATURES), np.float32)
    acted, exposed_at = np.full(customers, NEVER), np.full(customers, NEVER)
    seen = np.empty(customers, np.int64)
    liked = np.empty(taste.both.shape[1])
    row, first = 0, 0
    while first < len(triples.item):
        item, known = triples.item[first], 0
        known = fill(item, actions, edges, design.lag, acted, exposed_at, seen)
        act, acts = actions.pointer[item], 0
        liked[:] = 0
        r = first
        while r < len(triples.item) and triples.item[r] == item:
            time = triples.time[r]
            while act < actions.pointer[item + 1] and actions.time[act] < time:
                liked += taste.both[actions.customer[act]]
                act += 1
                acts += 1
            mine = near.who[near.place[triples.customer[r]]]
            for k in range(-1, len(mine)):
                c = triples.customer[r] if k < 0 else mine[k]
                if c < 0 or (k >= 0 and (acted[c] <= time or exposed_at[c] <= time)):
                    continue
                who[row] = c
                did[row] = acted[c] != NEVER and acted[c] <= time + design.window
                _describe(c, category[item], time, design.window, history, features[row])
                features[row, 4] = friends[c]
                features[row, FIT] = (liked * taste.own[c]).sum() / (acts + _SHRINK)
                features[row, FIT + 1] = (liked * taste.friends[c]).sum() / (acts + _SHRINK)
                features[row, 7] = (taste.both[c] ** 2).sum()
                row += 1
                counts[r] += 1
            r += 1
        clear(acted, exposed_at, seen, known)
        first = r
    return counts, who[:row], did[:row], features[:row]


@compiled
def _describe(
    customer: int, category: int, time: int, window: int, history: _History, out: Floats
) -> None:
    """Write the features of a customer's interactions before a time to `out`."""
    begin = history.pointer[customer]
    times = history.time[begin : history.pointer[customer + 1]]
    before = np.searchsorted(times, time)
    alike = 0
    for k in range(before):
        alike += history.category[begin + k] == category
    recent = before - np.searchsorted(times, time - window)
    out[0], out[1], out[2] = np.log1p(recent), np.log1p(before), np.log1p(alike)
    ago = (time - times[before - 1]) / DAY if before else 365.0
    out[3] = np.log1p(min(ago, 365.0))
