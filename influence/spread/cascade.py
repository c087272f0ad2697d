"""Forward simulation of cascades from given customers: how far their interactions spread.

Independent cascade (Kempe et al. 2003, section 2): a customer who acts makes each follower act once
with the edge's probability. Linear threshold: a follower acts once the weights of the friends who
have acted reach a threshold drawn from [0, 1). The weights are the probabilities, scaled down if
they add up to more than 1 for one follower.
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
"""Half the width of a 90 % interval, in standard errors."""


class Spread(NamedTuple):
    """The value of a cascade: the seed customers' own interactions and all that follow.

    Attributes:
        value: mean over the simulations.
        low: lower end of the mean's 90 % interval.
        high: upper end of the mean's 90 % interval.
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
    """The expected value of a cascade, with its normal 90 % interval.

    Args:
        network: who may follow whom.
        probability: (edges) probability that the target acts because of the source.
        seeds: (any) codes of the customers who act first.
        value: (customers) value of an interaction of each.
        model: how customers follow each other.
        simulations: number of simulations, at least 2.
        seed: random seed.
        progress: progress callback, in simulations.

    Raises:
        BadInput: a customer is unknown, a probability is outside [0, 1], a value is negative, or
            `simulations` is below 2.
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
    # The seed customers' own interactions are certain.
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
    """(simulations) the value of each cascade; arguments and errors as in `spread`."""
    chance = checked_probability(network, probability)
    worth = checked_amounts(value, network.customers, "value")
    first = checked_customers(seeds, network.customers)
    if simulations < 2:
        raise BadInput(f"an interval needs 2 simulations or more; simulations is {simulations}")
    if model == THRESHOLD:
        chance = threshold_weights(network, chance)
    rng = np.random.default_rng(seed)
    values = np.empty(simulations)
    room = Room(len(worth))
    with progress("simulating cascades", simulations) as advance:
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
    """(edges) weights of the linear threshold model; a target's add up to at most 1."""
    customers = network.customers
    total = np.bincount(network.target, weights=probability, minlength=customers)
    weights: Floats = probability / np.maximum(total, 1.0)[network.target]
    return weights


class Room:
    """Scratch arrays that all simulations reuse; a stamp says which simulation set an entry."""

    def __init__(self, customers: int) -> None:
        self.stamp = 0
        self._mark = np.zeros(customers, dtype=np.int64)
        self._queue = np.empty(customers, dtype=np.int32)
        self._weight = np.zeros(customers)
        self._touched = np.zeros(customers, dtype=np.int64)

    @property
    def arrays(self) -> tuple[int, Ints, Shorts, Floats, Ints]:
        """The last stamp and the scratch arrays, as `cascades` takes them."""
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
    """Simulate cascades, fill `values` with their values, and return the last stamp.

    Args:
        rng: random generator.
        pointer: (customers + 1) bounds of each source's edges.
        target: (edges) codes of the followers.
        weight: (edges) probabilities, or weights of the linear threshold model.
        value: (customers) value of an interaction of each.
        seeds: (any) codes of the customers who act first.
        stamp: stamp of the last simulation.
        acted: (customers) stamp of the last simulation in which each acted.
        queue: (customers) scratch array: customers in the order in which they act.
        left: (customers) scratch array: weight missing to the threshold.
        touched: (customers) stamp of the last simulation that set `left`.
        values: (simulations) to be filled.
        threshold: whether to use the linear threshold model.
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
