"""Cascades against exact enumeration of all that can happen."""

import numpy as np
import pytest
from support.exact_spread import Exact, influence, random_influence

from followsuit.influence.spread.cascade import INDEPENDENT, THRESHOLD, Model, simulate, spread
from followsuit.influence.spread.inputs import BadInput, NotEnoughEvidence

MODELS: list[Model] = [INDEPENDENT, THRESHOLD]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(8))
def test_the_mean_is_within_three_standard_errors_of_the_exact_one(seed: int, model: Model) -> None:
    made, probability = random_influence(seed, 7, 11)
    value = np.random.default_rng(seed).random(7) * 10
    exact = Exact(made, probability, value, threshold=model == THRESHOLD)
    seeds = [seed % 7, (seed + 3) % 7]
    runs = simulate(
        made, probability, np.array(seeds), value, model=model, simulations=40_000, seed=seed
    )
    error = runs.std(ddof=1) / np.sqrt(len(runs))
    assert abs(runs.mean() - exact.spread(seeds)) <= 3 * error


@pytest.mark.parametrize("model", MODELS)
def test_nine_of_ten_intervals_hold_the_exact_value(model: Model) -> None:
    made, probability = random_influence(1, 7, 11)
    value = np.ones(7)
    truth = Exact(made, probability, value, threshold=model == THRESHOLD).spread([0])
    spreads = [
        spread(made, probability, np.array([0]), value, model=model, simulations=300, seed=seed)
        for seed in range(1_000)
    ]
    held = sum(one.low <= truth <= one.high for one in spreads)
    assert 870 <= held <= 930  # three standard errors about 900


def test_a_certain_chain_is_followed_to_its_end_and_each_customer_counts_once() -> None:
    made, probability = influence(4, [(0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0), (0, 2, 1.0)])
    value = np.array([1.0, 10.0, 100.0, 1000.0])
    for model in MODELS:
        expected = spread(made, probability, np.array([0]), value, model=model)
        assert expected == (111.0, 111.0, 111.0)


def test_those_whom_probability_zero_leads_to_never_follow() -> None:
    made, probability = influence(3, [(0, 1, 0.0), (1, 2, 0.5)])
    for model in MODELS:
        assert spread(made, probability, np.array([0]), np.ones(3), model=model).high == 1


def test_weights_beyond_one_are_scaled_so_that_all_together_are_just_enough() -> None:
    made, probability = influence(3, [(0, 2, 0.9), (1, 2, 0.6)])
    all_of_them = simulate(made, probability, np.array([0, 1]), np.ones(3), model=THRESHOLD)
    assert (all_of_them == 3).all()
    one = simulate(
        made, probability, np.array([1]), np.ones(3), model=THRESHOLD, simulations=40_000
    )
    assert one.mean() == pytest.approx(1.4, abs=3 * 0.49 / 200)


def test_the_same_seed_gives_the_same_cascades_and_another_gives_others() -> None:
    made, probability = random_influence(2, 50, 400)
    runs = [simulate(made, probability, np.array([0]), np.ones(50), seed=s) for s in (1, 1, 2)]
    assert runs[0].tobytes() == runs[1].tobytes() != runs[2].tobytes()


def test_nobody_sets_off_nothing() -> None:
    made, probability = influence(2, [(0, 1, 0.5)])
    assert spread(made, probability, np.array([], dtype=int), np.ones(2)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([5], "customer 5 is unknown: codes go from 0 to 1"),
        ([-1], "customer -1 is unknown"),
        ([1, 0, 1], "customer 1 is given twice"),
        ([0.5], "customers are float64: give a one-dimensional array of integers"),
    ],
)
def test_seeds_that_are_nobody_are_named(seeds: list[float], message: str) -> None:
    made, probability = influence(2, [(0, 1, 0.5)])
    with pytest.raises(BadInput, match=message):
        spread(made, probability, np.array(seeds), np.ones(2))


def test_an_invalid_value_or_number_of_simulations_is_named() -> None:
    made, probability = influence(2, [(0, 1, 0.5)])
    with pytest.raises(BadInput, match=r"value of customer 1 is -3\.0"):
        spread(made, probability, np.array([0]), np.array([1, -3]))
    with pytest.raises(BadInput, match=r"value has shape \(3,\): give one per customer, 2"):
        spread(made, probability, np.array([0]), np.ones(3))
    with pytest.raises(BadInput, match="simulations is 1"):
        spread(made, probability, np.array([0]), np.ones(2), simulations=1)
    with pytest.raises(NotEnoughEvidence):
        spread(made, np.zeros(1), np.array([0]), np.ones(2))
