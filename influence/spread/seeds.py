"""Chooses the seed customers with the largest spread within a budget, with a certificate.

OPIM-C (Tang et al. 2018): customers are chosen on one sample of reverse-reachable sets and
validated on another. The certified ratio is the lower bound of their spread, from the second
sample, divided by the upper bound of the best choice's spread, from the first. Samples double until
the sampling error costs the ratio little.

With costs (Khuller et al. 1999), the better of two greedy choices by gain per cost is taken: one
starts from nothing, one from the best single customer. Since the value on a sample is submodular,
any choice T within the budget has, for every set A,

    value(T) <= value(A) + sum over T of gain(v | A)
             <= value(A) + fractional knapsack of the gains given A.

The smallest such bound over stages A of the greedy choices is used.
"""

import time
from dataclasses import dataclass

import numpy as np

from followsuit.core.progress import Progress, silent
from followsuit.influence.log.arrays import Flags, Floats, Ints, Network
from followsuit.influence.spread.cascade import spread
from followsuit.influence.spread.cover import Choice, best_choice
from followsuit.influence.spread.inputs import (
    BadInput,
    checked_amounts,
    checked_probability,
)
from followsuit.influence.spread.reverse_reachable import NONE, Incoming, Sets, Walker, incoming

_FIRST = 64
"""Sets in the first round; each round doubles the sample."""
_ROUNDS = 21
_PER_CUSTOMER = 1 << 14
"""Largest number of sets per customer in the first sample."""
_OVERALL = 10
"""Weight of the loss in total spread against the loss in sets covered.

If the seed customers' own value dominates, a small loss in total would otherwise end the search
before the sets are covered well.
"""
_ROUNDING = 1e-12
"""Relative tolerance of the budget for rounding errors: ten times 0.1 is more than 1."""
_MEMBERS = 1 << 26
"""Largest number of members in the first sample: about 1 GB at the peak."""


@dataclass(frozen=True)
class Seeds:
    """The seed customers, their spread and a certificate.

    Attributes:
        seeds: (chosen) codes, in the order chosen; the first n are a good choice too.
        spread: expected value of their own interactions and all that follow, by simulation.
        low: lower end of the spread's 90 % interval.
        high: upper end of the spread's 90 % interval.
        certified_ratio: with probability `1 - delta`, the spread is at least this ratio of the best
            possible within the budget.
        seconds: duration of the search.
    """

    seeds: Ints
    spread: float
    low: float
    high: float
    certified_ratio: float
    seconds: float


def seeds(
    network: Network,
    probability: np.ndarray,
    budget: float,
    *,
    cost: np.ndarray | None = None,
    value: np.ndarray | None = None,
    allowed: np.ndarray | None = None,
    delta: float = 1e-3,
    epsilon: float = 0.1,
    seed: int = 0,
    progress: Progress = silent,
) -> Seeds:
    """Choose the customers with the largest expected spread (independent cascade) within a budget.

    With equal costs, the certified ratio is about (1 - epsilon)(1 - 1/e), and usually far above. It
    is lower if memory limits the sample. It is valid in every case.

    Args:
        network: who may follow whom.
        probability: (edges) probability that the target acts because of the source.
        budget: the largest total cost, above 0.
        cost: (customers) cost of each as a seed customer; by default 1. Customers with cost 0 are
            chosen if they add anything.
        value: (customers) value of an interaction of each; by default 1.
        allowed: (customers) whether each may be chosen; by default all. Others still pass influence
            on.
        delta: probability that the certificate is wrong.
        epsilon: share of the certified ratio that the sampling error may cost.
        seed: random seed.
        progress: progress callback, in sets drawn and in simulations.

    Raises:
        BadInput: the budget isn't above 0 or affords nobody; a probability, cost, value, `delta` or
            `epsilon` isn't valid; nobody is allowed.
        NotEnoughEvidence: no probability is above 0, or nobody with a value follows anybody.
    """
    began = time.perf_counter()
    chance = checked_probability(network, probability)
    customers = network.customers
    costs = checked_amounts(np.ones(customers) if cost is None else cost, customers, "cost")
    worth = checked_amounts(np.ones(customers) if value is None else value, customers, "value")
    _check_shares(delta, epsilon)
    may = _affordable(budget, costs, allowed)
    budget *= 1 + _ROUNDING
    if not worth.any():
        raise BadInput("the value of every customer is 0: give at least one above 0")
    streams = np.random.SeedSequence(seed).spawn(3)
    edges = incoming(network, chance, worth)
    search = _Search(edges, budget, costs, worth, may, delta, epsilon)
    chosen, ratio = search.run(streams[0], streams[1], progress)
    if costs[may].sum() <= budget:
        # The budget affords everybody, so all of them are the best choice.
        chosen, ratio = _with_all(chosen, may, network, chance, worth), 1.0
    expected = spread(
        network,
        chance,
        chosen,
        worth,
        seed=int(streams[2].generate_state(1)[0]),
        progress=progress,
    )
    seconds = time.perf_counter() - began
    return Seeds(chosen, expected.value, expected.low, expected.high, ratio, seconds)


def _with_all(chosen: Ints, may: Flags, network: Network, chance: Floats, worth: Floats) -> Ints:
    """The chosen customers, then all other allowed ones with a value or followers."""
    followed = np.bincount(network.source, weights=chance, minlength=len(may)) > 0
    rest = may & ((worth > 0) | followed)
    rest[chosen] = False
    return np.concatenate([chosen, np.flatnonzero(rest)])


def _check_shares(delta: float, epsilon: float) -> None:
    for name, share in (("delta", delta), ("epsilon", epsilon)):
        if not 0 < share < 1:
            raise BadInput(f"{name} is {share}: give a share between 0 and 1")


def _affordable(budget: float, cost: Floats, allowed: np.ndarray | None) -> Flags:
    """(customers) whether each may be chosen and costs at most the budget."""
    if not 0 < budget < np.inf:
        raise BadInput(f"the budget is {budget}: give a finite one above 0")
    may = np.ones(len(cost), dtype=np.bool_) if allowed is None else np.asarray(allowed)
    if may.dtype != np.bool_ or may.shape != cost.shape:
        raise BadInput(f"allowed is {may.dtype} of {may.shape}: give {len(cost)} booleans")
    if not may.any():
        raise BadInput(f"none of {len(cost)} customers may be chosen: allow at least one")
    affordable = may & (cost <= budget)
    if not affordable.any():
        least = cost[may].min()
        raise BadInput(
            f"a budget of {budget:g} affords none of the {may.sum()} customers who may be chosen: "
            f"the cheapest costs {least:g}"
        )
    return affordable


@dataclass(frozen=True)
class _Search:
    edges: Incoming
    budget: float
    cost: Floats
    value: Floats
    may: Flags
    delta: float
    epsilon: float

    def run(
        self, first: np.random.SeedSequence, second: np.random.SeedSequence, progress: Progress
    ) -> tuple[Ints, float]:
        """The customers chosen and their certified ratio.

        The second sample is drawn again in every round. That costs little, since drawing a set
        stops at the first chosen customer, and needs no memory.
        """
        choosing, validating = Walker(self.edges, first), Walker(self.edges, second)
        sets, size = NONE, _FIRST
        most = min(_FIRST << (_ROUNDS - 1), _PER_CUSTOMER * len(self.cost))
        with progress("drawing reverse-reachable sets") as advance:
            while True:
                sets = choosing.grown(sets, size, advance)
                last = 2 * size > most or 2 * len(sets.member) > _MEMBERS
                # Compute bounds and validate only if the result can be good enough.
                if last or self._promising(self._chosen(sets, size, bounded=False), size):
                    choice = self._chosen(sets, size, bounded=True)
                    met = validating.met(choice.customers, size, advance)
                    ratio, loss = self._certified(choice, met, size)
                    if last or loss <= self.epsilon:
                        return choice.customers, ratio
                size *= 2

    def _chosen(self, sets: Sets, size: int, *, bounded: bool) -> Choice:
        return best_choice(
            sets,
            self.edges.total / size,
            self.edges.alone,
            self.budget,
            self.cost,
            self.may,
            bounded=bounded,
        )

    def _promising(self, choice: Choice, size: int) -> bool:
        """Whether the sampling error would cost little if the second sample equalled the first."""
        hoped = choice._replace(most=choice.worth, most_covered=choice.covered)
        return self._certified(hoped, choice.covered, size)[1] <= self.epsilon

    @property
    def _failing(self) -> float:
        return float(np.log(2 * _ROUNDS / self.delta))

    def _certified(self, choice: Choice, met: int, size: int) -> tuple[float, float]:
        """The certified ratio, and the share of it that the sampling error may cost.

        Each bound of each round fails with probability delta / (2 rounds). So all bounds hold
        together, whichever round is the last. The best choice T covers an unknown number x of the
        first sample's sets. upper_bound(x) - x grows with x, and x is at most `most_covered`, so

            spread(T) <= most + scale x (upper_bound(most_covered) - most_covered).
        """
        failing = self._failing
        scale = self.edges.total / size
        own = float(self.value[choice.customers].sum())
        lower, upper = lower_bound(met, failing), upper_bound(choice.most_covered, failing)
        alone = float(self.edges.alone[choice.customers].sum())
        least = scale * lower + alone
        most = choice.most + scale * (upper - choice.most_covered)
        least, most = max(least, own), min(most, float(self.value.sum()))
        if least >= most:
            return 1.0, 0.0
        unsampled = met / choice.most_covered if choice.most_covered > 0 else 0.0
        loss = 1 - lower / upper / unsampled if unsampled > 0 else 1.0
        hoped = max(scale * met + alone, own) / choice.most if choice.most > 0 else 0.0
        overall = 1 - least / most / hoped if hoped > 0 else 1.0
        return least / most, min(loss, _OVERALL * overall)


def lower_bound(met: float, failing: float) -> float:
    """Lower bound of the expected number of sets covered (Tang et al. 2018, eq. 5).

    Args:
        met: number covered, of sets drawn after the customers were chosen.
        failing: log(1 / probability that the bound is wrong).
    """
    root = np.sqrt(met + 2 * failing / 9) - np.sqrt(failing / 2)
    return float(max(max(root, 0.0) ** 2 - failing / 18, 0.0))


def upper_bound(met: float, failing: float) -> float:
    """Upper bound of the expected number of sets covered (Tang et al. 2018, eq. 6).

    Args:
        met: upper bound of the number that the best choice covers, of independent sets.
        failing: log(1 / probability that the bound is wrong).
    """
    return float((np.sqrt(met + failing / 2) + np.sqrt(failing / 2)) ** 2)
