"""Cascades from given customers, simulated forwards: how far their interactions spread.

Independent cascade (Kempe et al. 2003, section 2): who acts has one chance at each follower, the
edge's probability. Linear threshold: a follower acts once the weights of those who have acted reach
a threshold drawn from [0, 1); the weights are the probabilities, scaled down where those of one
follower add up to more than 1.
"""

from typing import Literal, NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.core.progress import Progress, silent
from followsuit.influence.log.arrays import Floats, Ints, Network, Shorts
from followsuit.influence.spread.inputs import (
    BadInput,
    checked_amounts,
    checked_customers,
    checked_probability,
)

INDEPENDENT: Literal["independent"] = "independent"
THRESHOLD: Literal["threshold"] = "threshold"
Model = Literal["independent", "threshold"]

SIMULATIONS = 1_000
_AT_ONCE = 64
"""Simulations between two calls of the progress callback."""
_NINETY = 1.6448536269514722
"""Standard errors on either side that hold 90 %."""


class Spread(NamedTuple):
    """The value of a cascade: that of the seed customers' own interactions and all that follow.

    Attributes:
        value: mean over the simulations.
        low: lower end of the mean's 90 % interval.
        high: its upper end.
    """

    value: float
    low: float
    high: float


def spread(
    network: Network,
    probability: np.ndarray,
    seeds: np.ndarray,
    value: np.ndarray,
    *,
    model: Model = INDEPENDENT,
    simulations: int = SIMULATIONS,
    seed: int = 0,
    progress: Progress = silent,
) -> Spread:
    """The expected value of a cascade, with its interval (normal, of the simulations' mean).

    Args:
        network: who may follow whom.
        probability: (edges) the chance that the target acts because of the source.
        seeds: (any) codes of the customers who act first.
        value: (customers) what an interaction of each is worth.
        model: how customers follow each other.
        simulations: at least 2.
        seed: random seed.
        progress: progress callback, in simulations.

    Raises:
        BadInput: an unknown customer, a probability outside [0, 1], a negative value, or less than
            2 simulations.
        NotEnoughEvidence: no probability is above 0.
    """
    runs = simulate(
        network,
        probability,
        seeds,
        value,
        model=model,
        simulations=simulations,
        seed=seed,
        progress=progress,
    )
    mean = float(runs.mean())
    wide = _NINETY * float(runs.std(ddof=1)) / float(np.sqrt(len(runs)))
    # The seeds' own acts are certain.
    least = min(float(np.asarray(value)[seeds].sum()), mean)
    return Spread(mean, max(mean - wide, least), mean + wide)


def simulate(
    network: Network,
    probability: np.ndarray,
    seeds: np.ndarray,
    value: np.ndarray,
    *,
    model: Model = INDEPENDENT,
    simulations: int = SIMULATIONS,
    seed: int = 0,
    progress: Progress = silent,
) -> Floats:
    """(simulations) the value of each cascade; see `spread`."""
    chance = checked_probability(network, probability)
    worth = checked_amounts(value, network.customers, "value")
    first = checked_customers(seeds, network.customers)
    if simulations < 2:
        raise BadInput(f"{simulations} simulations say nothing of an interval: ask for 2 or more")
    if model == THRESHOLD:
        chance = threshold_weights(network, chance)
    rng = np.random.default_rng(seed)
    values = np.empty(simulations)
    room = Room(len(worth))
    with progress("Simulating cascades", simulations) as advance:
        for start in range(0, simulations, _AT_ONCE):
            some = values[start : start + _AT_ONCE]
            room.stamp = cascades(
                rng,
                network.pointer,
                network.target,
                chance,
                worth,
                first,
                *room.arrays,
                some,
                model == THRESHOLD,
            )
            advance(len(some))
    return values


def threshold_weights(network: Network, probability: Floats) -> Floats:
    """(edges) linear threshold's weights: those of a target's edges add up to at most 1."""
    customers = network.customers
    total = np.bincount(network.target, weights=probability, minlength=customers)
    weights: Floats = probability / np.maximum(total, 1.0)[network.target]
    return weights


class Room:
    """Arrays that all simulations reuse; a stamp says to which of them an entry belongs."""

    def __init__(self, customers: int) -> None:
        self.stamp = 0
        self._mark = np.zeros(customers, dtype=np.int64)
        self._queue = np.empty(customers, dtype=np.int32)
        self._weight = np.zeros(customers)
        self._touched = np.zeros(customers, dtype=np.int64)

    @property
    def arrays(self) -> tuple[int, Ints, Shorts, Floats, Ints]:
        """The last stamp, who has acted, in which order, with what weight reached, and when."""
        return self.stamp, self._mark, self._queue, self._weight, self._touched


@compiled
def cascades(
    rng: np.random.Generator,
    pointer: Ints,
    target: Shorts,
    weight: Floats,
    value: Floats,
    seeds: Ints,
    stamp: int,
    acted: Ints,
    queue: Shorts,
    left: Floats,
    touched: Ints,
    values: Floats,
    threshold: bool = False,
) -> int:
    """Fill `values` with cascades' values; returns the last stamp.

    In linear threshold `left` is what a follower's threshold still lacks; in independent cascade,
    which has no thresholds, it is not used.
    """
    for s in range(len(values)):
        stamp += 1
        count, total = 0, 0.0
        for v in seeds:
            acted[v] = stamp
            queue[count] = v
            count += 1
        done = 0
        while done < count:
            u = queue[done]
            done += 1
            total += value[u]
            for e in range(pointer[u], pointer[u + 1]):
                v = target[e]
                if acted[v] == stamp:
                    continue
                if threshold:
                    if weight[e] == 0:
                        continue
                    if touched[v] != stamp:
                        touched[v] = stamp
                        left[v] = rng.random()
                    left[v] -= weight[e]
                    follows = left[v] < 0
                else:
                    follows = rng.random() < weight[e]
                if follows:
                    acted[v] = stamp
                    queue[count] = v
                    count += 1
        values[s] = total
    return stamp
