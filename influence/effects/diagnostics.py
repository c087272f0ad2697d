"""Two published tests for influence, and when they are invalid.

Both count *followings*: interactions within the window after a friend's first interaction with the
same item.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.influence.effects.lift import Lift, lift_of, observed_sums
from followsuit.influence.log.arrays import Actions, Ints, Log, Network, network
from followsuit.influence.log.triples import Design, exposed

_SHUFFLES = 100
_SURE = 0.05
_ACTS = 300_000
"""The tests use a random sample of items with about this many first interactions in total."""


@dataclass(frozen=True)
class ShuffleTest:
    """The shuffle test (Anagnostopoulos, Kumar and Mahdian 2008).

    It keeps who acted on each item and shuffles their times. If there is no influence and
    probabilities don't change over time, the expected number of followings stays the same.

    Attributes:
        followings: number in the observed order.
        shuffled: mean number over 100 shuffles.
        p: share of orders (the shuffles and the observed one) with at least as many followings.
        valid: whether the test's assumptions hold.
        why: the reason if they don't.
    """

    followings: int | None
    shuffled: float | None
    p: float | None
    valid: bool
    why: str


@dataclass(frozen=True)
class EdgeReversal:
    """The edge-reversal test (Christakis and Fowler 2007).

    Influence follows the direction of a one-way edge; similarity works in both directions.

    Attributes:
        forward: observed lift along the one-way edges.
        backward: observed lift along the same edges reversed.
        valid: whether the test's assumptions hold.
        why: the reason if they don't.
    """

    forward: Lift | None
    backward: Lift | None
    valid: bool
    why: str


@dataclass(frozen=True)
class Diagnostics:
    """The results of both tests."""

    shuffle: ShuffleTest
    edge_reversal: EdgeReversal

    def as_dict(self) -> dict[str, Any]:
        """The tests as JSON values."""
        return asdict(self)


_SHOCKS = (
    "invalid: swapped friends follow each other too (p = {:.2g}). Probabilities change over time "
    "(promotions, seasons, new customers), so order alone proves nothing"
)


def shuffle_test(log: Log, placebo: Network, design: Design, seed: int) -> ShuffleTest:
    """Compare followings with those after shuffling the times within items.

    Args:
        log: the actions and the friend network.
        placebo: rewired network; the test is invalid if it finds an effect there too.
        design: which exposures count.
        seed: random seed of the shuffles.
    """
    followings, mean, p = _against_shuffles(log.actions, log.network, design.window, seed)
    if followings == 0 and mean == 0:
        return ShuffleTest(None, None, None, False, "invalid: nobody acts after a friend")
    _, _, rewired = _against_shuffles(log.actions, placebo, design.window, seed)
    valid = rewired > _SURE
    why = "" if valid else _SHOCKS.format(rewired)
    return ShuffleTest(followings, mean, p, valid, why)


def edge_reversal(
    log: Log, design: Design, communities: Ints, limit: int, seed: int, shuffled: ShuffleTest
) -> EdgeReversal:
    """Compare the lift along one-way edges with that along the same edges reversed.

    Args:
        log: the actions and the friend network.
        design: which exposures count.
        communities: (customers) code of each customer's community.
        limit: largest number of exposed triples.
        seed: random seed of the sample and the resamples.
        shuffled: the shuffle test; if it is invalid, so is this one.
    """
    edges = log.network
    size = edges.customers
    source, target = edges.source.astype(np.int64), edges.target.astype(np.int64)
    one_way = ~np.isin(source * size + target, target * size + source)
    if not one_way.any():
        return EdgeReversal(None, None, False, "invalid: every friendship goes both ways")
    ends = source[one_way], target[one_way], edges.since[one_way]
    forward, backward = (
        lift_of(
            observed_sums(exposed(log, network(size, a, b, ends[2]), design, limit, seed)),
            communities,
            seed,
        )
        for a, b in (ends[:2], ends[1::-1])
    )
    if forward.lift is None or backward.lift is None:
        return EdgeReversal(forward, backward, False, "invalid: not enough one-way friendships")
    return EdgeReversal(forward, backward, shuffled.valid, shuffled.why)


def _against_shuffles(
    actions: Actions, edges: Network, window: int, seed: int
) -> tuple[int, float, float]:
    """Followings, their mean over shuffles, and the p-value."""
    rng = np.random.default_rng(seed)
    items = _some_items(actions, rng)
    followings = _followings(actions, items, edges, window)
    counts = np.empty(_SHUFFLES)
    for k in range(_SHUFFLES):
        mixed = actions._replace(customer=actions.customer.copy())
        _shuffle(mixed, items, rng)
        counts[k] = _followings(mixed, items, edges, window)
    p = (1 + (counts >= followings).sum()) / (1 + _SHUFFLES)
    return int(followings), float(counts.mean()), float(p)


def _some_items(actions: Actions, rng: np.random.Generator) -> Ints:
    """A random sample of items with enough interactions."""
    order = rng.permutation(len(actions.pointer) - 1)
    acts = np.cumsum(np.diff(actions.pointer)[order])
    return order[: np.searchsorted(acts, _ACTS) + 1]


@compiled
def _shuffle(actions: Actions, items: Ints, rng: np.random.Generator) -> None:
    """Shuffle the customers of each item in place."""
    for item in items:
        rng.shuffle(actions.customer[actions.pointer[item] : actions.pointer[item + 1]])


@compiled
def _followings(actions: Actions, items: Ints, edges: Network, window: int) -> int:
    """Count interactions within the window after a friend's first interaction with the item."""
    first = np.full(len(edges.pointer) - 1, 1)
    count = 0
    for item in items:
        acts = range(actions.pointer[item], actions.pointer[item + 1])
        for a in acts:
            source, time = actions.customer[a], actions.time[a]
            if first[source] < time and time <= first[source] + window:
                count += 1
            for e in range(edges.pointer[source], edges.pointer[source + 1]):
                target = edges.target[e]
                if edges.since[e] <= time and first[target] > 0:
                    first[target] = time
        for a in acts:
            source = actions.customer[a]
            for e in range(edges.pointer[source], edges.pointer[source + 1]):
                first[edges.target[e]] = 1
    return count
