"""Allocates offers: prices of limits, then greedily by reduced value, then what still fits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.policy.allocation.dual import reduced_values, solve_dual
from followsuit.policy.allocation.problem import Doubles, Ints, Problem

SMALL = 5_000
"""Up to this many rows, single exchanges improve the allocation."""
_TRIES = 100
"""Number of other orders to try with up to `SMALL` / 10 rows; with more, up to `SMALL`, a tenth."""
_CLOSE = 1e-3
"""An allocation within this share of the bound is good enough."""
_ROUNDS = 20
"""Rounds of exchanges, at most."""
_SLACK = 1e-9
"""A capacity may be exceeded by this share, which rounding alone can cause."""


@dataclass(frozen=True)
class Allocation:
    """An allocation.

    Attributes:
        chosen: (rows,) whether each row is chosen.
        value: the sum of the values of the chosen rows.
        bound: no allocation is worth more.
        prices: (limits,) what one more unit of each limit would be worth.
        used: (limits,) how much of each limit is used.
    """

    chosen: np.ndarray
    value: float
    bound: float
    prices: Doubles
    used: Doubles

    @property
    def slack(self) -> float:
        """How far the value may be from the best one, at most."""
        return max(self.bound - self.value, 0.0)

    @property
    def gap(self) -> float:
        """How far the value may be from the best one, as a share of the bound."""
        return self.slack / self.bound if self.bound > 0 else 0.0


def allocate(problem: Problem, seed: int = 0) -> Allocation:
    """Choose rows under all limits, so that they are worth (nearly) the most.

    Rows without a positive value are never chosen. Without a limit that matters, each customer gets
    their best rows, and the allocation is exact.

    Args:
        problem: the problem.
        seed: random seed of the sample in `solve_dual`, and of the other orders to try.
    """
    dual = solve_dual(problem, seed)
    reduced = reduced_values(problem, dual.prices)
    chosen = _greedy(problem, reduced)
    value = float(problem.value[chosen].sum())
    for first in _other_orders(problem, reduced, seed):
        if value >= dual.bound * (1 - _CLOSE):
            break
        other = _greedy(problem, first)
        worth = float(problem.value[other].sum())
        if worth > value:
            chosen, value = other, worth
    return Allocation(chosen, value, max(dual.bound, value), dual.prices, problem.used(chosen))


def best_first(problem: Problem) -> np.ndarray:
    """(rows,) the rows that are chosen if the most valuable ones choose first.

    What one customer has changes another's rows only if both use the same limit.
    """
    chosen = np.zeros(len(problem), dtype=bool)
    order = np.lexsort((problem.tie, -problem.value))
    _take(_fresh(problem), chosen, order[problem.value[order] > 0])
    return chosen


def _other_orders(problem: Problem, reduced: Doubles, seed: int) -> Iterator[Doubles]:
    """Other orders to try on a small problem, where a single row weighs much."""
    if len(problem) > SMALL:
        return
    yield problem.value
    random = np.random.default_rng(seed)
    for _ in range(_TRIES if len(problem) <= SMALL // 10 else _TRIES // 10):
        yield reduced + problem.value * random.normal(0, 0.3, len(problem))


def _greedy(problem: Problem, first: Doubles) -> np.ndarray:
    """(rows,) the rows with a positive number, the highest first, then the most valuable ones."""
    worthy, state = problem.value > 0, _fresh(problem)
    chosen = np.zeros(len(problem), dtype=bool)
    order = np.lexsort((problem.tie, -problem.value, -first))
    _take(state, chosen, order[worthy[order] & (first[order] > 0)])
    # What is left over at the margin is taken by value.
    order = np.lexsort((problem.tie, -problem.value))
    _take(state, chosen, order[worthy[order] & ~chosen[order]])
    if len(problem) <= SMALL:
        _exchange(state, chosen, order[worthy[order]])
    return chosen


class _State(NamedTuple):
    """The arrays of a problem, and what is left of each limit and customer while rows are chosen.

    A named tuple, because compiled loops take these.
    """

    customer: Ints
    choice: Ints
    value: Doubles
    starts: Ints
    pointer: Ints
    limit: Ints
    amount: Doubles
    left: Doubles
    """(limits,) how much of each limit is left."""
    room: Ints
    """(customers,) how many more rows each customer may get."""


def _fresh(problem: Problem) -> _State:
    return _State(
        customer=problem.customer,
        choice=problem.choice,
        value=problem.value,
        starts=problem.starts,
        pointer=problem.pointer,
        limit=problem.limit,
        amount=problem.amount,
        left=problem.capacity * (1 + _SLACK),
        room=problem.at_most.copy(),
    )


@compiled
def _fits(state: _State, chosen: np.ndarray, i: int) -> bool:
    c = state.customer[i]
    if state.room[c] <= 0:
        return False
    for use in range(state.pointer[i], state.pointer[i + 1]):
        if state.amount[use] > state.left[state.limit[use]]:
            return False
    for other in range(state.starts[c], state.starts[c + 1]):
        if chosen[other] and state.choice[other] == state.choice[i]:
            return False
    return True


@compiled
def _set(state: _State, chosen: np.ndarray, i: int, choose: bool) -> None:
    """Choose a row, or give it back."""
    chosen[i] = choose
    sign = 1 if choose else -1
    state.room[state.customer[i]] -= sign
    for use in range(state.pointer[i], state.pointer[i + 1]):
        state.left[state.limit[use]] -= sign * state.amount[use]


@compiled
def _take(state: _State, chosen: np.ndarray, order: Ints) -> None:
    """Choose rows in order, each if it fits."""
    for i in order:
        if _fits(state, chosen, i):
            _set(state, chosen, i, True)


@compiled
def _exchange(state: _State, chosen: np.ndarray, order: Ints) -> None:
    """Exchange a chosen row for others while that is worth more."""
    taken = np.empty(len(order), np.int64)
    for _ in range(_ROUNDS):
        improved = False
        for out in order[::-1]:
            if not chosen[out]:
                continue
            _set(state, chosen, out, False)
            # The most valuable row that now fits, then what still fits beside it.
            gain, count = -state.value[out], 0
            for i in order:
                if i != out and not chosen[i] and _fits(state, chosen, i):
                    _set(state, chosen, i, True)
                    taken[count] = i
                    count += 1
                    gain += state.value[i]
            if gain > 1e-9 * (1 + state.value[out]):
                improved = True
                continue
            for i in taken[:count]:
                _set(state, chosen, i, False)
            _set(state, chosen, out, True)
        if not improved:
            break
