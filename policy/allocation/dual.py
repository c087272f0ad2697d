"""Prices of limits: the Lagrangian dual of an allocation, by Rprop.

Each limit gets a price. A row's reduced value is its value less the prices of what it uses; each
customer takes the best rows by reduced value. For any prices, the sum of these reduced values plus
the price of all capacities is an upper bound of every allocation (Fisher 1981, "The Lagrangian
relaxation method for solving integer programming problems", equation 5). The bound is convex in the
prices; its slope for a limit is the capacity less what is used. Prices are found by the sign of the
slope with steps of their own (Rprop: Riedmiller and Braun 1993).
"""

from dataclasses import dataclass

import numpy as np
from numba import prange

from followsuit.core.compiled import compiled, compiled_parallel
from followsuit.policy.allocation.problem import Doubles, Ints, Problem

GROW, SHRINK = 1.2, 0.5
"""Factors of a price's step while the slope keeps its sign, and after it has changed."""
STEPS = 120
"""Steps on the whole problem, at most, and on a sample of it before."""
_PATIENCE = 15
_TOLERANCE = 1e-6
_PARTS = 64
"""Sums are made of this many parts, in order: the same for any number of threads."""
_SAMPLE = 20_000
"""Customers of the sample that the first prices come from."""


@dataclass(frozen=True)
class Dual:
    """Prices of limits, and the bound that they give.

    Attributes:
        prices: (limits,) price of one unit of each limit, at least 0.
        bound: no allocation is worth more.
    """

    prices: Doubles
    bound: float


def solve_dual(problem: Problem, seed: int = 0) -> Dual:
    """Find prices whose bound is the lowest.

    Args:
        problem: the problem.
        seed: random seed of the sample that the first prices come from.
    """
    prices = np.zeros(len(problem.capacity))
    step = _first_steps(problem)
    customers = len(problem.at_most)
    if customers > 2 * _SAMPLE:
        drawn = np.random.default_rng(seed).choice(customers, _SAMPLE, replace=False)
        sample = problem.of_customers(np.sort(drawn), _SAMPLE / customers)
        prices = _descend(sample, prices, step).prices
        step = np.maximum(step / 50, prices / 50)
    return _descend(problem, prices, step)


def _first_steps(problem: Problem) -> Doubles:
    """(limits,) a tenth of the mean value per unit of the rows that use each limit."""
    rows = np.repeat(np.arange(len(problem)), np.diff(problem.pointer))
    worth = np.maximum(problem.value[rows], 0) / problem.amount
    limits = len(problem.capacity)
    total = np.bincount(problem.limit, worth, limits)
    mean = total / np.maximum(np.bincount(problem.limit, minlength=limits), 1)
    return np.maximum(mean / 10, 1e-12)


def _descend(problem: Problem, prices: Doubles, step: Doubles) -> Dual:
    prices, step = prices.copy(), step.copy()
    before = np.zeros(len(prices))
    best, stale = Dual(prices.copy(), np.inf), 0
    for _ in range(STEPS):
        bound, used = evaluate(problem, prices)
        if bound < best.bound - _TOLERANCE * abs(best.bound if np.isfinite(best.bound) else 0):
            stale = 0
        else:
            stale += 1
        if bound < best.bound:
            best = Dual(prices.copy(), bound)
        if stale >= _PATIENCE:
            break
        slope = problem.capacity - used
        slope[(prices <= 0) & (slope > 0)] = 0  # A price can't be negative.
        if not slope.any():
            break
        same = slope * before
        step[same > 0] *= GROW
        step[same < 0] *= SHRINK
        prices = np.maximum(prices - np.sign(slope) * step, 0)
        before = slope
    return best


def evaluate(problem: Problem, prices: Doubles) -> tuple[float, Doubles]:
    """The bound that prices give, and what the customers then use of each limit.

    Args:
        problem: the problem.
        prices: (limits,) at least 0.

    Returns:
        The bound, and (limits,) how much is used.
    """
    if not len(problem):
        return float(problem.capacity @ prices), np.zeros(len(prices))
    edges = np.linspace(0, len(problem.at_most), _PARTS + 1).astype(np.int64)
    most = int(np.diff(problem.starts).max(initial=0))
    values, used = _evaluate(
        edges,
        problem.starts,
        problem.choice,
        problem.value,
        problem.pointer,
        problem.limit,
        problem.amount,
        problem.at_most,
        prices,
        most,
    )
    return float(np.sum(values) + np.sum(problem.capacity * prices)), used.sum(axis=0)


def reduced_values(problem: Problem, prices: Doubles) -> Doubles:
    """(rows,) value less the prices of what each row uses."""
    if not len(problem.limit):
        return problem.value.copy()
    paid = np.concatenate([[0.0], np.cumsum(problem.amount * prices[problem.limit])])
    reduced: Doubles = problem.value - (paid[problem.pointer[1:]] - paid[problem.pointer[:-1]])
    return reduced


@compiled_parallel
def _evaluate(
    edges: Ints,
    starts: Ints,
    choice: Ints,
    value: Doubles,
    pointer: Ints,
    limit: Ints,
    amount: Doubles,
    at_most: Ints,
    prices: Doubles,
    most: int,
) -> tuple[Doubles, Doubles]:
    parts = len(edges) - 1
    values, used = np.zeros(parts), np.zeros((parts, len(prices)))
    for part in prange(parts):
        reduced, row = np.empty(most), np.empty(most, np.int64)
        for c in range(edges[part], edges[part + 1]):
            n = _best_of_choices(
                starts[c],
                starts[c + 1],
                choice,
                value,
                pointer,
                limit,
                amount,
                prices,
                reduced,
                row,
            )
            for _ in range(min(n, at_most[c])):
                best = 0
                for i in range(1, n):
                    if reduced[i] > reduced[best]:
                        best = i
                if reduced[best] <= 0:
                    break
                values[part] += reduced[best]
                for use in range(pointer[row[best]], pointer[row[best] + 1]):
                    used[part, limit[use]] += amount[use]
                reduced[best] = -1.0
    return values, used


@compiled
def _best_of_choices(
    first: int,
    end: int,
    choice: Ints,
    value: Doubles,
    pointer: Ints,
    limit: Ints,
    amount: Doubles,
    prices: Doubles,
    reduced: Doubles,
    row: Ints,
) -> int:
    """Write the best reduced value of each choice and its row; returns how many choices."""
    n = -1
    for i in range(first, end):
        worth = value[i]
        for use in range(pointer[i], pointer[i + 1]):
            worth -= amount[use] * prices[limit[use]]
        if i == first or choice[i] != choice[i - 1]:
            n += 1
            reduced[n], row[n] = worth, i
        elif worth > reduced[n]:
            reduced[n], row[n] = worth, i
    return n + 1
