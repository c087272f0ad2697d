"""Seed customers: those of the largest spread within a budget, with a certificate.

OPIM-C (Tang et al. 2018): customers are chosen on one sample of reverse-reachable sets and judged
on another. What they reach at least, by the second, over what the best choice would reach at most,
by the first, is the certified ratio. Samples double until sampling costs the ratio little.

Under a knapsack (Khuller et al. 1999) two greedy choices by gain per cost are made, one from
nothing and one from the best single customer, and the better one is taken. The most that any choice
T within the budget is worth on the first sample is, for every set A, as that worth is submodular,

    worth(T) <= worth(A) + sum over T of gain(v | A)
             <= worth(A) + fractional knapsack of the gains given A,

and the least of that over stages A of the greedy choices is used.
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
"""Sets of the first round; each has twice as many as the last."""
_ROUNDS = 21
_PER_CUSTOMER = 1 << 14
"""Sets for every customer beyond which the first sample is not doubled."""
_OVERALL = 10
"""Where what the chosen do of themselves counts most, a loss in all weighs this many times one in
what they set off: otherwise the latter would be drawn at random."""
_ROUNDING = 1e-12
"""The share by which costs may seem to pass the budget: ten times 0.1 is more than 1."""
_MEMBERS = 1 << 26
"""Members of the first sample beyond which it is not doubled: about 1 GB at the peak."""


@dataclass(frozen=True)
class Seeds:
    """The seed customers, and how good they surely are.

    Attributes:
        seeds: (chosen) codes, in the order chosen: any first part is a good choice too.
        spread: expected value of their own acts and all that follow, by forward simulation.
        low: lower end of its 90 % interval.
        high: upper end of it.
        certified_ratio: the spread is at least this times the largest that any choice within the
            budget has, but for a chance of `delta`.
        seconds: how long the search took.
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
    """Choose customers of the largest expected spread (independent cascade) within a budget.

    For equal costs the certified ratio comes out at about (1 - epsilon)(1 - 1/e) or, as a rule, far
    above; where the sample would outgrow memory, at less. It holds either way.

    Args:
        network: who may follow whom.
        probability: (edges) the chance that the target acts because of the source.
        budget: in the unit of the costs, above 0.
        cost: (customers) of each as a seed customer; by default 1. Those who cost 0 are chosen if
            they add anything.
        value: (customers) of an interaction of each; by default 1.
        allowed: (customers) who may be chosen; by default all. Others still pass influence on.
        delta: the chance that the certificate is wrong.
        epsilon: the share of the certified ratio that sampling may cost.
        seed: random seed.
        progress: progress callback, in sets drawn and in simulations.

    Raises:
        BadInput: the budget is not above 0 or affords nobody; a probability, cost or value isn't
            valid; nobody is allowed.
        NotEnoughEvidence: no probability is above 0, or nobody of value follows.
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
        raise BadInput("the value of every customer is 0: give one above 0 to somebody")
    streams = np.random.SeedSequence(seed).spawn(3)
    edges = incoming(network, chance, worth)
    search = _Search(edges, budget, costs, worth, may, delta, epsilon)
    chosen, ratio = search.run(streams[0], streams[1], progress)
    if costs[may].sum() <= budget:
        # Nothing is better than all of them, whatever the sample says.
        chosen, ratio = _with_all(chosen, may, network, chance, worth), 1.0
    judged = spread(
        network,
        chance,
        chosen,
        worth,
        seed=int(streams[2].generate_state(1)[0]),
        progress=progress,
    )
    seconds = time.perf_counter() - began
    return Seeds(chosen, judged.value, judged.low, judged.high, ratio, seconds)


def _with_all(chosen: Ints, may: Flags, network: Network, chance: Floats, worth: Floats) -> Ints:
    """The chosen, then all other allowed customers who have a value or followers."""
    followed = np.bincount(network.source, weights=chance, minlength=len(may)) > 0
    rest = may & ((worth > 0) | followed)
    rest[chosen] = False
    return np.concatenate([chosen, np.flatnonzero(rest)])


def _check_shares(delta: float, epsilon: float) -> None:
    for name, share in (("delta", delta), ("epsilon", epsilon)):
        if not 0 < share < 1:
            raise BadInput(f"{name} is {share}: give a share between 0 and 1")


def _affordable(budget: float, cost: Floats, allowed: np.ndarray | None) -> Flags:
    """(customers) who may be chosen and whom the budget affords."""
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

        The second sample is drawn anew in every round, which costs little, since a set need not be
        walked beyond the first customer chosen, and no memory.
        """
        choosing, judging = Walker(self.edges, first), Walker(self.edges, second)
        sets, size = NONE, _FIRST
        most = min(_FIRST << (_ROUNDS - 1), _PER_CUSTOMER * len(self.cost))
        with progress("Drawing reverse-reachable sets") as advance:
            while True:
                sets = choosing.grown(sets, size, advance)
                last = 2 * size > most or 2 * len(sets.member) > _MEMBERS
                # Neither bounded nor judged before it can come out well enough.
                if last or self._promising(self._chosen(sets, size, bounded=False), size):
                    choice = self._chosen(sets, size, bounded=True)
                    met = judging.met(choice.customers, size, advance)
                    ratio, loss = self._judged(choice, met, size)
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
        """Whether sampling would cost little, should the second sample look like the first."""
        hoped = choice._replace(most=choice.worth, most_covered=choice.covered)
        return self._judged(hoped, choice.covered, size)[1] <= self.epsilon

    @property
    def _failing(self) -> float:
        return float(np.log(2 * _ROUNDS / self.delta))

    def _judged(self, choice: Choice, met: int, size: int) -> tuple[float, float]:
        """The certified ratio, and the share of it that sampling may cost where sets decide.

        Each round's two bounds fail with a chance of delta / (2 rounds), so that all rounds' hold
        together: it is no matter which of them is the last. The best choice T covers an unknown x
        of the first sample; upper_bound(x) - x grows with x, which is at most `most_covered`, so

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
    """The least expected number of sets met, by Tang et al. 2018, equation (5).

    Args:
        met: how many were, of sets drawn after the customers were chosen.
        failing: log(1 / the chance that the bound is wrong).
    """
    root = np.sqrt(met + 2 * failing / 9) - np.sqrt(failing / 2)
    return float(max(max(root, 0.0) ** 2 - failing / 18, 0.0))


def upper_bound(met: float, failing: float) -> float:
    """The largest expected number of sets met, by Tang et al. 2018, equation (6).

    Args:
        met: at least what the best choice meets, of sets drawn independently of it.
        failing: log(1 / the chance that the bound is wrong).
    """
    return float((np.sqrt(met + failing / 2) + np.sqrt(failing / 2)) ** 2)
