"""Budgeted coverage: which customers meet most of given sets, and how many any choice could meet.

See `seeds` for the reasons.
"""

import heapq
from typing import NamedTuple

import numpy as np

from followsuit.graph.compiled import compiled
from followsuit.influence.arrays import Flags, Floats, Ints, Shorts
from followsuit.influence.reverse_reachable import Sets

_STAGES = 4
"""Parts of the budget after each of which the bound is worked out; it is at the end, too."""


class Choice(NamedTuple):
    """Customers chosen within a budget.

    Attributes:
        customers: (chosen) codes, in the order chosen.
        covered: how many sets hold one of them.
        bound: no choice within the budget covers more.
    """

    customers: Ints
    covered: int
    bound: float


def best_choice(sets: Sets, budget: float, cost: Floats, value: Floats, may: Flags) -> Choice:
    """The better of two greedy choices: from nothing, and from the best single customer.

    What is left of the budget then goes to those whom no set holds, for their own value's sake.

    Args:
        sets: to be covered.
        budget: what the costs of those chosen may add up to.
        cost: (customers) at least 0.
        value: (customers) at least 0.
        may: (customers) who may be chosen, each affordable.
    """
    pointer, holds = _index(sets.pointer, sets.member, len(cost))
    counts = np.diff(pointer)
    single = int(np.argmax(np.where(may, counts, -1)))
    runs = [
        _greedy(sets.pointer, sets.member, pointer, holds, cost, may, float(budget), start)
        for start in (-1, single)
    ]
    order, covered, _ = max(runs, key=lambda run: run[1])
    rest = _unknown(order, counts, budget, cost, value, may)
    return Choice(
        np.concatenate([order, rest]).astype(np.int64), int(covered), min(run[2] for run in runs)
    )


def _unknown(
    order: Ints, counts: Ints, budget: float, cost: Floats, value: Floats, may: Flags
) -> Ints:
    """Those in no set who still fit, by value per cost."""
    left = budget - float(cost[order].sum())
    free = np.flatnonzero(may & (counts == 0) & (value > 0))
    with np.errstate(divide="ignore"):
        worth = value[free] / cost[free]
    free = free[np.lexsort((free, -worth))]
    return _fitting(free, cost, left)


@compiled
def _fitting(codes: Ints, cost: Floats, left: float) -> Ints:
    """Those of `codes`, in their order, who fit into what is left."""
    kept = np.empty(len(codes), dtype=np.int64)
    count = 0
    for v in codes:
        if cost[v] <= left:
            left -= cost[v]
            kept[count] = v
            count += 1
    return kept[:count].copy()


@compiled
def _index(pointer: Ints, member: Shorts, customers: int) -> tuple[Ints, Shorts]:
    """For each customer the sets that hold it."""
    bounds = np.zeros(customers + 1, dtype=np.int64)
    for v in member:
        bounds[v + 1] += 1
    for v in range(customers):
        bounds[v + 1] += bounds[v]
    place = bounds[:-1].copy()
    holds = np.empty(len(member), dtype=np.int32)
    for s in range(len(pointer) - 1):
        for k in range(pointer[s], pointer[s + 1]):
            v = member[k]
            holds[place[v]] = s
            place[v] += 1
    return bounds, holds


@compiled
def _greedy(
    set_pointer: Ints,
    member: Shorts,
    pointer: Ints,
    holds: Shorts,
    cost: Floats,
    may: Flags,
    budget: float,
    start: int,
) -> tuple[Ints, int, float]:
    """Choose by gain per cost, after `start` if that is a customer; lazily (Minoux 1978)."""
    customers = len(cost)
    gain = np.diff(pointer)
    taken = np.zeros(len(set_pointer) - 1, dtype=np.bool_)
    order = np.empty(customers, dtype=np.int64)
    chosen, covered, spent = 0, 0, 0.0
    heap = [(-_density(gain[v], cost[v]), v) for v in range(customers) if may[v] and gain[v] > 0]
    heapq.heapify(heap)
    bound = _bound(gain, cost, may, budget)
    stage = 1
    following = start
    while following >= 0 or len(heap) > 0:
        if following >= 0:
            v = following
            following = -1
        else:
            kept, v = heapq.heappop(heap)
            density = _density(gain[v], cost[v])
            if gain[v] == 0 or spent + cost[v] > budget:
                continue
            if density < -kept:
                heapq.heappush(heap, (-density, v))
                continue
        if gain[v] == 0:
            continue
        order[chosen] = v
        chosen += 1
        spent += cost[v]
        covered += gain[v]
        for k in range(pointer[v], pointer[v + 1]):
            s = holds[k]
            if not taken[s]:
                taken[s] = True
                for m in range(set_pointer[s], set_pointer[s + 1]):
                    gain[member[m]] -= 1
        if spent >= stage * budget / _STAGES:
            bound = min(bound, covered + _bound(gain, cost, may, budget))
            stage = int(spent * _STAGES / budget) + 1
    bound = min(bound, covered + _bound(gain, cost, may, budget))
    return order[:chosen].copy(), covered, bound


@compiled
def _density(gain: int, cost: float) -> float:
    """Gain per cost; for those who cost nothing above all others, by gain."""
    return gain / cost if cost > 0 else 1e300 * (1 + gain)


@compiled
def _bound(gain: Ints, cost: Floats, may: Flags, budget: float) -> float:
    """The fractional knapsack (Dantzig 1957): at least what any choice within the budget gains."""
    codes = np.flatnonzero(may & (gain > 0))
    density = np.empty(len(codes))
    for k in range(len(codes)):
        density[k] = -_density(gain[codes[k]], cost[codes[k]])
    total, left = 0.0, budget
    for k in np.argsort(density):
        v = codes[k]
        if cost[v] > left:
            return float(total + gain[v] * left / cost[v])
        total += gain[v]
        left -= cost[v]
    return total
