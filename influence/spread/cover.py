"""Budgeted maximum coverage: chooses customers by the sets they cover and their own value.

See `seeds` for the method.
"""

import heapq
from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.influence.log.arrays import Flags, Floats, Ints, Shorts
from followsuit.influence.spread.reverse_reachable import Sets

_STAGES = 4
"""The upper bound is computed this many times while the budget is spent, and at the end."""


class Choice(NamedTuple):
    """Customers chosen within a budget.

    Attributes:
        customers: (chosen) codes, in the order chosen.
        covered: number of sets that contain one of them.
        worth: value of the choice: `scale` per covered set, plus the customers' own values.
        most: upper bound of the value of any choice within the budget.
        most_covered: upper bound of the sets that any choice within the budget covers.
    """

    customers: Ints
    covered: int
    worth: float
    most: float
    most_covered: float


def best_choice(
    sets: Sets,
    scale: float,
    alone: Floats,
    budget: float,
    cost: Floats,
    may: Flags,
    *,
    bounded: bool = True,
) -> Choice:
    """The better of two greedy choices: from nothing, and from the best single customer.

    Args:
        sets: the sets to cover.
        scale: value of a covered set, above 0.
        alone: (customers) own value of each, at least 0.
        budget: the largest total cost.
        cost: (customers) cost of each, at least 0.
        may: (customers) whether each may be chosen and is affordable; at least one is.
        bounded: whether to compute `most` and `most_covered`; if not, they are infinite.
    """
    pointer, holds = _index(sets.pointer, sets.member, len(cost))
    singly = np.diff(pointer) * scale + alone
    single = int(np.argmax(np.where(may, singly, -1)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        densest = int(np.argmax(np.where(may & (singly > 0), singly / cost, -1)))
    stages = _STAGES if bounded else 0
    runs = [
        Choice(
            *_greedy(
                sets.pointer,
                sets.member,
                pointer,
                holds,
                scale,
                alone,
                cost,
                may,
                float(budget),
                start,
                stages,
            )
        )
        for start in ((-1,) if single == densest else (-1, single))
    ]
    return max(runs, key=lambda run: run.worth)._replace(
        most=min(run.most for run in runs), most_covered=min(run.most_covered for run in runs)
    )


@compiled
def _index(pointer: Ints, member: Shorts, customers: int) -> tuple[Ints, Shorts]:
    """The sets that contain each customer, in compressed sparse row form."""
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
    scale: float,
    alone: Floats,
    cost: Floats,
    may: Flags,
    budget: float,
    start: int,
    stages: int,
) -> tuple[Ints, int, float, float, float]:
    """Choose greedily by gain per cost, lazily (Minoux 1978); first `start`, if it isn't -1."""
    gain = np.diff(pointer)
    left = may.copy()
    met = np.zeros(len(set_pointer) - 1, dtype=np.bool_)
    order = np.empty(len(cost), dtype=np.int64)
    chosen, covered, spent, own = 0, 0, 0.0, 0.0
    singly = scale * gain + alone
    heap = [(-_density(singly[v], cost[v]), v) for v in np.flatnonzero(may & (singly > 0))]
    heapq.heapify(heap)
    if start >= 0 and singly[start] > 0:
        heapq.heappush(heap, (-np.inf, np.int64(start)))
    most, most_covered = np.inf, np.inf
    if stages > 0:
        most = _knapsack(singly, cost, left, budget)
        most_covered = _knapsack(gain * 1.0, cost, left, budget)
    stage = 1
    while len(heap) > 0:
        kept, v = heapq.heappop(heap)
        gained = scale * gain[v] + alone[v]
        if not left[v] or gained <= 0 or spent + cost[v] > budget:
            continue
        density = _density(gained, cost[v])
        if density < -kept and not (chosen == 0 and v == start):
            heapq.heappush(heap, (-density, v))
            continue
        order[chosen] = v
        chosen += 1
        left[v] = False
        spent += cost[v]
        covered += gain[v]
        own += alone[v]
        for k in range(pointer[v], pointer[v + 1]):
            s = holds[k]
            if not met[s]:
                met[s] = True
                for m in range(set_pointer[s], set_pointer[s + 1]):
                    gain[member[m]] -= 1
        if stages > 0 and spent >= stage * budget / stages:
            stage = int(spent * stages / budget) + 1
            further = _knapsack(scale * gain + alone, cost, left, budget)
            most = min(most, scale * covered + own + further)
            most_covered = min(most_covered, covered + _knapsack(gain * 1.0, cost, left, budget))
    if stages > 0:
        further = _knapsack(scale * gain + alone, cost, left, budget)
        most = min(most, scale * covered + own + further)
        most_covered = min(most_covered, covered + _knapsack(gain * 1.0, cost, left, budget))
    return order[:chosen].copy(), covered, scale * covered + own, most, most_covered


@compiled
def _density(gain: float, cost: float) -> float:
    """Gain per cost; customers with cost 0 come above all others."""
    return min(gain / cost, 1e300) if cost > 0 else 2e300


@compiled
def _knapsack(gain: Floats, cost: Floats, left: Flags, budget: float) -> float:
    """The fractional knapsack (Dantzig 1957), an upper bound of the gain within the budget."""
    codes = np.flatnonzero(left & (gain > 0))
    density = np.empty(len(codes))
    for k in range(len(codes)):
        density[k] = -_density(gain[codes[k]], cost[codes[k]])
    total, rest = 0.0, budget
    for k in np.argsort(density):
        v = codes[k]
        if cost[v] > rest:
            return float(total + gain[v] * rest / cost[v])
        total += gain[v]
        rest -= cost[v]
    return total
