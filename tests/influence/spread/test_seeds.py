"""Seed customers and their certificate, against brute force over all choices within the budget."""

from itertools import combinations

import networkit
import numpy as np
import pytest
from support.exact_spread import Exact, influence, random_influence

from followsuit.influence.log.arrays import Flags, Floats
from followsuit.influence.spread.inputs import BadInput, NotEnoughEvidence
from followsuit.influence.spread.seeds import lower_bound, seeds, upper_bound
from followsuit.influence.spread.simple_seeds import simple_seeds

WORLDS = range(6)
DELTA = 0.05


def best(exact: Exact, budget: float, cost: Floats, may: Flags) -> float:
    """The largest spread of up to three customers (no more may be affordable)."""
    able = np.flatnonzero(may).tolist()
    chosen = [list(c) for size in (1, 2, 3) for c in combinations(able, size)]
    return max(exact.spread(c) for c in chosen if cost[c].sum() <= budget)


@pytest.mark.parametrize("world", WORLDS)
def test_for_equal_costs_seeds_keep_the_guarantee_against_brute_force(world: int) -> None:
    made, probability = random_influence(world, 20, 13)
    exact = Exact(made, probability, np.ones(20))
    most = best(exact, 3, np.ones(20), np.ones(20, dtype=bool))
    chosen = seeds(made, probability, 3, seed=world)
    assert len(chosen.seeds) == 3
    assert exact.spread(chosen.seeds.tolist()) >= (1 - 1 / np.e) * most
    assert exact.spread(chosen.seeds.tolist()) >= chosen.certified_ratio * most
    assert chosen.certified_ratio >= 0.9 * (1 - 1 / np.e)


@pytest.mark.parametrize("world", WORLDS)
def test_with_costs_values_and_consent_seeds_keep_the_guarantee(world: int) -> None:
    rng = np.random.default_rng(world)
    made, probability = random_influence(world, 20, 13)
    cost, value = rng.uniform(1, 4, 20), rng.exponential(10, 20)
    may = rng.random(20) < 0.7
    exact = Exact(made, probability, value)
    most = best(exact, 3.9, cost, may)
    chosen = seeds(made, probability, 3.9, cost=cost, value=value, allowed=may, seed=world)
    assert cost[chosen.seeds].sum() <= 3.9
    assert may[chosen.seeds].all()
    assert exact.spread(chosen.seeds.tolist()) >= (1 - 1 / np.e) / 2 * most
    assert exact.spread(chosen.seeds.tolist()) >= chosen.certified_ratio * most
    assert chosen.certified_ratio >= 0.45


def test_the_spread_is_in_units_of_value_and_its_interval_holds_the_truth() -> None:
    made, probability = random_influence(3, 20, 13)
    value = np.random.default_rng(3).exponential(10, 20)
    exact = Exact(made, probability, value)
    choices = [
        seeds(made, probability, 2, value=value, epsilon=0.5, seed=seed) for seed in range(60)
    ]
    held = sum(one.low <= exact.spread(one.seeds.tolist()) <= one.high for one in choices)
    assert 47 <= held <= 60  # three standard errors beneath 54


def test_of_a_thousand_certificates_no_more_are_wrong_than_delta_allows() -> None:
    # Greedy takes the trap 0; 1 and 2 would set off more together.
    flock = [(0, v, 0.53) for v in (3, 4, 5, 6, 8, 9, 10, 11)]
    flock += [(1, v, 0.8) for v in range(3, 8)] + [(2, v, 0.8) for v in range(8, 13)]
    made, probability = influence(13, flock)
    may = np.arange(13) < 3
    value = np.where(may, 0.0, 1.0)
    chances = np.zeros((13, 13))
    chances[made.source, made.target] = probability

    def truth(chosen: list[int]) -> float:
        return float((1 - (1 - chances[chosen]).prod(axis=0)).sum())

    most = max(truth(list(c)) for c in combinations(range(3), 2))
    choices = [
        seeds(made, probability, 2, value=value, allowed=may, delta=DELTA, epsilon=0.8, seed=seed)
        for seed in range(1_000)
    ]
    true = np.array([truth(one.seeds.tolist()) / most for one in choices])
    certified = np.array([one.certified_ratio for one in choices])
    assert (certified > true).sum() <= DELTA * 1_000
    # And they say something: far more than nothing, in units of the truth.
    assert (certified / true).mean() > 0.3
    assert true.mean() < 0.99


@pytest.mark.parametrize("chance", [0.003, 0.1, 0.7])
def test_each_bound_alone_fails_no_more_often_than_it_may(chance: float) -> None:
    met = np.random.default_rng(7).binomial(2_000, chance, 20_000)
    failing = np.log(1 / DELTA)
    below = np.mean([lower_bound(m, failing) > 2_000 * chance for m in met])
    above = np.mean([upper_bound(m, failing) < 2_000 * chance for m in met])
    assert below <= DELTA
    assert above <= DELTA


def test_no_choice_covers_more_than_the_bound_says() -> None:
    from followsuit.influence.spread.cover import best_choice
    from followsuit.influence.spread.reverse_reachable import Sets

    rng = np.random.default_rng(11)
    for _ in range(200):
        held = [rng.permutation(8)[: rng.integers(1, 4)] for _ in range(rng.integers(1, 25))]
        bounds = np.cumsum([0, *(len(one) for one in held)])
        sets = Sets(bounds.astype(np.int64), np.concatenate(held).astype(np.int32))
        cost = rng.choice([0.0, 0.5, 1.0, 1.7, 3.0], 8)
        may = (rng.random(8) < 0.8) & (cost <= 3)
        if not may.any():
            continue
        alone = rng.choice([0.0, 0.3, 2.0], 8)
        choice = best_choice(sets, 0.5, alone, 3.0, cost, may)
        covers = {
            c: sum(bool(set(c) & set(one.tolist())) for one in held)
            for size in range(9)
            for c in combinations(np.flatnonzero(may).tolist(), size)
            if cost[list(c)].sum() <= 3
        }
        worths = {c: 0.5 * covers[c] + alone[list(c)].sum() for c in covers}
        assert choice.most >= max(worths.values()) - 1e-9
        assert choice.most_covered >= max(covers.values()) - 1e-9
        assert choice.covered == covers[tuple(sorted(choice.customers.tolist()))]
        assert choice.worth == pytest.approx(worths[tuple(sorted(choice.customers.tolist()))])
        assert choice.worth >= (1 - 1 / np.e) / 2 * max(worths.values())


def test_one_dear_customer_is_not_missed_for_a_cheap_one() -> None:
    star = [(0, v, 1.0) for v in range(2, 12)]
    made, probability = influence(13, star)
    cost = np.full(13, 5.0)
    cost[0], cost[12] = 2.0, 0.1  # by value per cost 12 comes before 0, and then 0 is too dear
    chosen = seeds(made, probability, 2, cost=cost)
    assert chosen.seeds.tolist() == [0]
    assert (chosen.spread, chosen.low, chosen.high) == (11, 11, 11)


def test_who_costs_nothing_is_taken_where_they_add_and_spends_nothing() -> None:
    made, probability = influence(6, [(0, 1, 0.5), (2, 3, 0.5), (3, 4, 1.0), (4, 3, 1.0)])
    cost = np.array([0.0, 1, 1, 1, 1, 0])
    chosen = seeds(made, probability, 1, cost=cost)
    assert sorted(chosen.seeds.tolist()) == [0, 2, 5]
    everything_free = seeds(made, probability, 1, cost=np.zeros(6))
    assert everything_free.spread == 6
    assert everything_free.certified_ratio > 0.9


def test_customers_without_consent_are_not_chosen_but_pass_influence_on() -> None:
    made, probability = influence(5, [(1, 0, 1.0), (0, 2, 1.0), (0, 3, 1.0), (0, 4, 1.0)])
    may = np.array([False, True, True, True, True])
    chosen = seeds(made, probability, 1, allowed=may)
    assert chosen.seeds.tolist() == [1]
    assert chosen.spread == 5


def test_isolated_customers_take_only_what_nobody_else_can_use() -> None:
    made, probability = influence(30, [(0, 1, 1.0), (0, 2, 1.0), (3, 4, 1.0)])
    value = np.ones(30)
    chosen = seeds(made, probability, 2, value=value)
    assert chosen.seeds.tolist() == [0, 3]
    more = seeds(made, probability, 4, value=value)
    assert more.seeds[:2].tolist() == [0, 3]
    assert (more.seeds[2:] > 4).all()
    assert more.spread == 7


def test_a_budget_for_all_takes_all_who_add_something() -> None:
    made, probability = influence(6, [(0, 1, 1.0), (2, 3, 0.5)])
    chosen = seeds(made, probability, 100)
    assert {0, 2, 3, 4, 5} <= set(chosen.seeds.tolist())
    assert chosen.spread == 6


@pytest.mark.parametrize(("budget", "cost"), [(6.0, 1.0), (1e30, 1.0), (1e-9, 0.0), (0.6, 0.1)])
def test_where_all_who_may_be_are_taken_nothing_is_better_for_certain(
    budget: float, cost: float
) -> None:
    made, probability = influence(8, [(0, 1, 0.5), (2, 3, 1e-9), (6, 4, 0.3), (4, 7, 0.2)])
    value = np.array([3.0, 1, 0, 1, 1, 1, 1, 1])
    chosen = seeds(
        made, probability, budget, cost=np.full(8, cost), value=value, allowed=np.arange(8) < 6
    )
    assert chosen.certified_ratio == 1
    assert sorted(chosen.seeds.tolist()) == [0, 1, 2, 3, 4, 5]


def test_costs_that_add_up_to_the_budget_but_for_rounding_fit() -> None:
    made, probability = influence(12, [(v, 11, 0.1) for v in range(10)])
    assert sum([0.1] * 3) > 0.3
    assert len(seeds(made, probability, 0.3, cost=np.full(12, 0.1)).seeds) == 3


def test_the_same_seed_gives_the_same_bytes_for_any_number_of_threads() -> None:
    made, probability = random_influence(5, 200, 2_000)
    probability *= 0.2
    threads = networkit.getMaxNumberOfThreads()
    try:
        results = []
        for count in (1, 4):
            networkit.setNumberOfThreads(count)
            chosen = seeds(made, probability, 5, seed=9)
            results.append((chosen.seeds.tobytes(), chosen.spread, chosen.certified_ratio))
    finally:
        networkit.setNumberOfThreads(threads)
    assert results[0] == results[1]
    other = seeds(made, probability, 5, seed=10)
    assert (other.spread, other.certified_ratio) != results[0][1:]


def test_seeds_spread_at_least_as_far_as_every_baseline() -> None:
    made, probability = random_influence(6, 20, 13)
    cost = np.random.default_rng(6).uniform(0.5, 2, 20)
    may = np.arange(20) != 7
    exact = Exact(made, probability, np.ones(20))
    best = exact.spread(seeds(made, probability, 4, cost=cost, allowed=may).seeds.tolist())
    simpler = simple_seeds(made, probability, 4, cost, may, seed=0)
    assert set(simpler) == {"degree", "PageRank", "k-core", "random"}
    for chosen in simpler.values():
        assert cost[chosen].sum() <= 4
        assert 7 not in chosen
        assert len(chosen) > 0
        assert exact.spread(chosen.tolist()) <= best


def test_baselines_take_the_best_by_their_own_lights() -> None:
    star = [(0, v, 0.1) for v in (1, 2, 3)] + [(4, 0, 1.0)]
    made, probability = influence(6, star)
    simpler = simple_seeds(made, probability, 1, np.ones(6), np.ones(6, dtype=bool), seed=0)
    assert simpler["degree"].tolist() == [0]
    assert simpler["PageRank"].tolist() == [4]


@pytest.mark.parametrize("budget", [0, -1, np.nan, np.inf])
def test_an_invalid_budget_is_refused(budget: float) -> None:
    made, probability = influence(3, [(0, 1, 0.5)])
    with pytest.raises(BadInput, match=f"the budget is {budget}"):
        seeds(made, probability, budget)


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_an_invalid_cost_is_named_with_its_customer(wrong: float) -> None:
    made, probability = influence(3, [(0, 1, 0.5)])
    with pytest.raises(BadInput, match=f"cost of customer 2 is {wrong}"):
        seeds(made, probability, 1, cost=np.array([1, 0, wrong]))


def test_if_nobody_can_be_chosen_the_message_says_so() -> None:
    made, probability = influence(3, [(0, 1, 0.5)])
    with pytest.raises(BadInput, match=r"affords none of the 3 customers .* cheapest costs 2"):
        seeds(made, probability, 1, cost=np.array([2.0, 3, 4]))
    with pytest.raises(BadInput, match="none of 3 customers may be chosen"):
        seeds(made, probability, 1, allowed=np.zeros(3, dtype=bool))
    with pytest.raises(BadInput, match="value of every customer is 0"):
        seeds(made, probability, 1, value=np.zeros(3))
    with pytest.raises(BadInput, match=r"allowed is int64 of \(3,\): give 3 booleans"):
        seeds(made, probability, 1, allowed=np.array([0, 1, 2]))
    with pytest.raises(BadInput, match="delta is 0: give a share"):
        seeds(made, probability, 1, delta=0)


@pytest.mark.parametrize("customers", [1, 4])
def test_without_influence_there_is_not_enough_evidence_for_seeds(customers: int) -> None:
    made, probability = influence(customers, [])
    with pytest.raises(NotEnoughEvidence, match="not enough evidence: none of 0 edges"):
        seeds(made, probability, 1)
