"""Small worlds with planted homophily, influence and promotions, as logs.

Every day each customer acts for the first time on an item with a chance of its base rate x exp(own
activity + taste x the item's) x a promotion's factor x the planted lift, for the days of the window
after a friend's first act. All acts of a day are at its noon.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.influence.log.arrays import DAY, LONG_AGO, Actions, Log, Network, network

WINDOW = timedelta(days=14)
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = 4
"""Categories."""


@dataclass(frozen=True)
class Planted:
    """What a world is made of.

    Attributes:
        seed: of everything.
        influence: what a friend's first act multiplies the chance by for 14 days; 1 is none.
        homophily: how much nearer in taste friends are; 0 is not at all.
        shock: what a promotion multiplies the chance by, of all of a category for 14 days.
        directed: whether friendships are followed one way only.
    """

    seed: int
    influence: float = 1.0
    homophily: float = 0.0
    shock: float = 1.0
    directed: bool = False
    customers: int = 400
    items: int = 80
    days: int = 240
    friends: int = 6
    rate: float = 0.0015
    appeal: float = 0.8
    """How much taste matters: standard deviation of log rates over customers."""
    turn: int = 0
    """Day from which it does; what came before doesn't show it."""


@dataclass(frozen=True)
class Planting:
    """A world's log and the taste that nobody but the test knows."""

    log: Log
    taste: np.ndarray


def plant(world: Planted) -> Planting:
    """Simulate a world."""
    rng = np.random.default_rng(world.seed)
    taste = rng.normal(size=(world.customers, 2))
    edges = _friends(world, taste, rng)
    wanted = rng.normal(size=(world.items, 2)) * world.appeal / np.sqrt(2)
    own = rng.normal(size=world.customers) * 0.4
    base = world.rate * np.exp(rng.normal(size=world.items) * 0.5)
    plain = base * np.exp(own)[:, None]
    rate = plain * np.exp(taste @ wanted.T - world.appeal**2 / 2)
    kind = np.arange(world.items) * KINDS // world.items
    factor = _promotions(world, kind, rng)
    day = _course(plain, rate, world.turn, factor, edges, world.influence, WINDOW.days, rng)
    return Planting(_log(world, day, kind, edges), taste)


def _friends(world: Planted, taste: np.ndarray, rng: np.random.Generator) -> Network:
    """Pairs by chance, kept with a chance of exp(-homophily x squared distance)."""
    tried = int((2 + 8 * world.homophily**2) * world.customers * world.friends)
    ends = rng.integers(0, world.customers, (tried, 2))
    apart = ((taste[ends[:, 0]] - taste[ends[:, 1]]) ** 2).sum(axis=1)
    kept = (rng.random(len(ends)) < np.exp(-world.homophily * apart)) & (ends[:, 0] != ends[:, 1])
    ends = ends[kept][: world.customers * world.friends // (1 if world.directed else 2)]
    if not world.directed:
        ends = np.concatenate([ends, ends[:, ::-1]])
    ends = np.unique(ends, axis=0)
    return network(world.customers, ends[:, 0], ends[:, 1], np.full(len(ends), LONG_AGO))


def _promotions(world: Planted, kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(days, items) factors: each category is promoted three times for 14 days."""
    factor = np.ones((world.days, world.items))
    for category in range(KINDS):
        for start in rng.integers(0, world.days - 14, 3):
            factor[start : start + 14, kind == category] = world.shock
    return factor


@compiled
def _course(
    plain: np.ndarray,
    rate: np.ndarray,
    turn: int,
    factor: np.ndarray,
    edges: Network,
    lift: float,
    window: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(customers, items) day of the first interaction; -1 if there is none."""
    customers, items = rate.shape
    day = np.full((customers, items), -1)
    until = np.full((customers, items), -1)
    for now in range(len(factor)):
        fresh = [(0, 0) for _ in range(0)]
        for c in range(customers):
            for i in range(items):
                if day[c, i] < 0:
                    chance = (rate[c, i] if now >= turn else plain[c, i]) * factor[now, i]
                    if now <= until[c, i]:
                        chance *= lift
                    if rng.random() < chance:
                        day[c, i] = now
                        fresh.append((c, i))
        for c, i in fresh:
            for target in edges.target[edges.pointer[c] : edges.pointer[c + 1]]:
                if until[target, i] < 0:
                    until[target, i] = now + window
    return day


def _log(world: Planted, day: np.ndarray, kind: np.ndarray, edges: Network) -> Log:
    customer, item = np.nonzero(day >= 0)
    return log_of(
        customer, item, ((day[customer, item] - world.days) * DAY + DAY // 2), kind, edges
    )


def log_of(
    customer: np.ndarray, item: np.ndarray, time: np.ndarray, kind: np.ndarray, edges: Network
) -> Log:
    """A log of first interactions.

    Args:
        customer: (acts) who.
        item: (acts) on what; each customer at most once.
        time: (acts) seconds before the end.
        kind: (items) code of each item's category.
        edges: who may follow whom.
    """
    order = np.lexsort((customer, time, item))
    bounds = np.concatenate([[0], np.cumsum(np.bincount(item, minlength=len(kind)))])
    names = np.array([f"kind {k}" for k in range(int(kind.max(initial=-1)) + 1)] + [None], object)
    return Log(
        as_of=AS_OF,
        customers=np.array([f"c{c}" for c in range(edges.customers)], dtype=object),
        items=np.arange(len(kind)),
        category=kind.astype(np.int32),
        categories=names,
        actions=Actions(
            customer[order].astype(np.int32), time[order].astype(np.int32), bounds.astype(np.int64)
        ),
        network=edges,
    )
