"""Worlds with a known probability that each friend's interaction is followed."""

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from followsuit.influence.log.arrays import DAY, LONG_AGO, Actions, Log, network

AS_OF = datetime(2025, 1, 1, tzinfo=UTC)
WINDOW = 14 * DAY


@dataclass(frozen=True)
class CascadeWorld:
    """What happened, and the truth: (edges) the chance that an exposure is followed in a window."""

    log: Log
    truth: np.ndarray


def cascade_world(
    seed: int,
    *,
    model: str = "cascade",
    customers: int = 600,
    degree: float = 8.0,
    items: int = 150,
    days: int = 200,
    own: float = 0.10,
    mean: float = 0.08,
    spread: float = 2.0,
    uneven: float = 0.5,
    categories: int = 1,
) -> CascadeWorld:
    """Simulate a world.

    Args:
        seed: of all chance.
        model: `cascade` (each exposure is followed with the edge's probability, after an
            exponential delay cut at the window: the estimator's own), `hazard` (delays peak after
            days, and may exceed the window), or `threshold` (linear threshold: a customer follows
            once enough friends have acted).
        customers: how many.
        degree: edges that lead to a customer, on average.
        items: how many.
        days: how long.
        own: acts per customer and item over the whole time without friends, on average.
        mean: of the edges' probabilities.
        spread: of the edges' beta distribution (the sum of its parameters); 0 for all equal.
        uneven: deviation of the logarithms of activity and popularity.
        categories: among which items are spread; the later, the more contagious.
    """
    rng = np.random.default_rng(seed)
    pairs = _pairs(rng, customers, int(customers * degree / 2))
    source, target = np.concatenate([pairs, pairs[:, ::-1]]).T
    net = network(customers, source, target, np.full(len(source), LONG_AGO))
    p = np.full(len(source), mean)
    if spread and mean:
        p = rng.beta(spread * mean, spread * (1 - mean), len(source))
    weight = p / np.maximum(np.bincount(net.target, p, customers), 1)[net.target]
    active = np.exp(rng.normal(-(uneven**2) / 2, uneven, customers))
    popular = np.exp(rng.normal(-(uneven**2) / 2, uneven, items))
    category = np.sort(np.arange(items) % categories)
    factor = np.linspace(0.5, 1.5, categories) if categories > 1 else np.ones(1)
    rows = []
    for item in range(items):
        first = rng.exponential(1 / (own / days * active * popular[item]))
        chance = np.minimum((weight if model == "threshold" else p) * factor[category[item]], 0.95)
        rows += [(item, at, v) for at, v in _spread(rng, net, first, chance, model, days)]
    table = np.array(rows)
    seconds = np.minimum(np.round((table[:, 1] - days) * DAY), 0).astype(np.int64)
    order = np.lexsort((table[:, 2], seconds, table[:, 0]))
    acted, counts = np.unique(table[:, 0], return_counts=True)
    log = Log(
        as_of=AS_OF,
        customers=np.array([f"c{i:05}" for i in range(customers)], dtype=object),
        items=acted.astype(np.int64),
        category=category[acted.astype(int)].astype(np.int32),
        categories=np.array([*(f"k{c}" for c in range(categories)), None], dtype=object),
        actions=Actions(
            table[order, 2].astype(np.int32),
            seconds[order].astype(np.int32),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        ),
        network=net,
    )
    within = _HAZARD_WITHIN if model == "hazard" else 1.0
    return CascadeWorld(log, (weight if model == "threshold" else p) * within)


_SHAPE, _SCALE = 3.0, 2.0
_DRAWS = np.random.default_rng(0).gamma(_SHAPE, _SCALE, 1_000_000)
_HAZARD_WITHIN = float((_DRAWS <= WINDOW / DAY).mean())


def _pairs(rng: np.random.Generator, customers: int, count: int) -> np.ndarray:
    ends = rng.integers(0, customers, (count * 2, 2))
    ends = np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1)
    return np.unique(ends, axis=0)[:: max(1, len(np.unique(ends, axis=0)) // count)]


def _spread(
    rng: np.random.Generator, net: object, first: np.ndarray, p: np.ndarray, model: str, days: int
) -> list[tuple[float, int]]:
    """First interactions with one item: (day, customer)."""
    queue = [(at, v) for v, at in enumerate(first) if at < days]
    heapq.heapify(queue)
    done: dict[int, float] = {}
    threshold = rng.random(len(first)) if model == "threshold" else None
    load = np.zeros(len(first))
    while queue:
        at, v = heapq.heappop(queue)
        if at >= days or v in done:
            continue
        done[v] = at
        for e in range(net.pointer[v], net.pointer[v + 1]):
            w = net.target[e]
            if w in done:
                continue
            if threshold is not None:
                load[w] += p[e]
                if load[w] - p[e] < threshold[w] <= load[w]:
                    heapq.heappush(queue, (at + rng.random() * WINDOW / DAY, w))
            elif rng.random() < p[e]:
                heapq.heappush(queue, (at + _delay(rng, model), w))
    return [(at, v) for v, at in done.items()]


def _delay(rng: np.random.Generator, model: str) -> float:
    """Days, in the cascade model within the window."""
    if model == "hazard":
        return rng.gamma(_SHAPE, _SCALE)
    delay = WINDOW
    while delay * DAY > WINDOW:
        delay = rng.exponential(4.0)
    return delay
