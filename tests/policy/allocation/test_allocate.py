"""Allocation: no limit is exceeded, and it is worth what HiGHS says is possible."""

from dataclasses import replace

import numpy as np
import pytest
from numba import get_num_threads, set_num_threads
from support.allocation_problems import optimum, random_problem

from followsuit.policy.allocation.allocate import Allocation, allocate
from followsuit.policy.allocation.dual import solve_dual
from followsuit.policy.allocation.problem import BadProblem, Problem


def small(seed: int) -> Problem:
    random = np.random.default_rng(seed)
    customers, per, at_most = (int(random.integers(1, high)) for high in (12, 6, 4))
    return random_problem(seed, customers, per, tight=random.random(), at_most=at_most)


def check(problem: Problem, made: Allocation) -> None:
    """An independent check that an allocation is allowed."""
    used = np.zeros(len(problem.capacity))
    got: dict[int, list[int]] = {}
    for row in np.flatnonzero(made.chosen).tolist():
        assert problem.value[row] > 0
        got.setdefault(int(problem.customer[row]), []).append(int(problem.choice[row]))
        for use in range(problem.pointer[row], problem.pointer[row + 1]):
            used[problem.limit[use]] += problem.amount[use]
    assert (used <= problem.capacity * (1 + 1e-6)).all()
    np.testing.assert_allclose(made.used, used)
    for customer, choices in got.items():
        assert len(choices) <= problem.at_most[customer]
        assert len(set(choices)) == len(choices)
    assert made.value == pytest.approx(problem.value[made.chosen].sum())
    assert 0 <= made.gap <= 1


@pytest.mark.parametrize("seed", range(60))
def test_small_allocations_are_within_one_percent_of_the_optimum(seed: int) -> None:
    problem = small(seed)
    made = allocate(problem)
    check(problem, made)
    best = optimum(problem, integer=True)
    assert made.value >= 0.99 * best
    assert made.bound >= best - 1e-6


@pytest.mark.nightly
def test_many_small_allocations_are_within_one_percent_of_the_optimum() -> None:
    for seed in range(100, 2_100):
        problem = small(seed)
        made = allocate(problem)
        check(problem, made)
        assert made.value >= 0.99 * optimum(problem, integer=True), seed


def test_the_bound_is_that_of_the_linear_program_and_the_gap_is_tiny() -> None:
    problem = random_problem(1, 2_000, 12)
    made = allocate(problem)
    check(problem, made)
    assert made.bound == pytest.approx(optimum(problem, integer=False), rel=1e-6)
    assert made.gap < 1e-3


def test_prices_say_what_one_more_unit_is_worth() -> None:
    problem = random_problem(2, 2_000, 12)
    prices = solve_dual(problem).prices
    for limit in range(len(prices)):
        more = problem.capacity.copy()
        more[limit] += 10
        gained = optimum(replace(problem, capacity=more), integer=False) - optimum(
            problem, integer=False
        )
        assert gained / 10 == pytest.approx(prices[limit], rel=0.05, abs=1e-3)


def test_without_limits_each_customer_gets_the_best_choices() -> None:
    problem = replace(random_problem(3, 500, 12), capacity=np.full(5, 1e9))
    made = allocate(problem)
    check(problem, made)
    best = [
        sum(sorted((v.max() for v in np.split(values, 6)), reverse=True)[:2])
        for values in problem.value.reshape(500, 12)
    ]
    assert made.value == pytest.approx(sum(best))
    assert made.gap == pytest.approx(0, abs=1e-9)
    assert not made.prices.any()


def test_a_limit_of_zero_lets_through_what_does_not_use_it() -> None:
    problem = random_problem(4, 300, 6)
    capacity = problem.capacity.copy()
    capacity[0] = 0
    made = allocate(replace(problem, capacity=capacity))
    check(replace(problem, capacity=capacity), made)
    assert made.used[0] == 0
    assert made.value > 0


def test_rows_that_are_worth_nothing_are_never_chosen_and_none_is_fine() -> None:
    problem = random_problem(5, 50, 4)
    made = allocate(replace(problem, value=-problem.value))
    assert (made.value, made.chosen.sum(), made.gap) == (0, 0, 0)
    none = allocate(random_problem(6, 0, 4))
    assert (none.value, len(none.chosen)) == (0, 0)


def test_equal_rows_are_chosen_by_their_tie_number_whatever_the_order_of_customers() -> None:
    customers = 200
    problem = Problem(
        customer=np.arange(customers),
        choice=np.zeros(customers, int),
        value=np.ones(customers),
        pointer=np.arange(customers + 1),
        limit=np.zeros(customers, int),
        amount=np.ones(customers),
        at_most=np.ones(customers, int),
        capacity=np.array([50.0]),
        tie=np.random.default_rng(0).permutation(customers),
    )
    made = allocate(problem)
    assert set(problem.tie[made.chosen].tolist()) == set(range(50))


def test_the_same_problem_gives_the_same_allocation_on_any_number_of_threads() -> None:
    problem, threads = random_problem(7, 5_000, 12), get_num_threads()
    one = allocate(problem)
    set_num_threads(1)
    try:
        other = allocate(problem)
    finally:
        set_num_threads(threads)
    assert one.chosen.tobytes() == other.chosen.tobytes()
    assert one.prices.tobytes() == other.prices.tobytes()


def test_a_sample_of_many_customers_gives_the_first_prices() -> None:
    problem = random_problem(8, 45_000, 6)
    made = allocate(problem)
    check(problem, made)
    assert made.gap < 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": np.array([-1.0] * 5)}, r"capacity -1 is negative\. Give at least 0\."),
        ({"customer": np.array([1] + [0] * 19)}, "customer isn't ascending"),
        ({"at_most": np.ones(4, int)}, "codes from 0 to 4, but at_most has 4 entries"),
        ({"pointer": np.zeros(21, int)}, "pointer must rise from 0 to"),
        ({"value": np.full(20, np.nan)}, "must be finite"),
        ({"tie": np.zeros(3, int)}, "tie has 3 entries, not 20"),
        ({"capacity": np.ones(1)}, "limit has the number of a limit without a capacity"),
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(BadProblem, match=message):
        replace(random_problem(9, 5, 4), **change)
