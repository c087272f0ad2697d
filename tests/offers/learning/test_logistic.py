"""The acceptance model: it recovers planted weights, and its parts add up."""

from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.snapshots import day

from followsuit.offers.features.declared import OWN, names_of, start_of
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.learning.model import DIGITS, ENOUGH, Examples

NAMES = names_of(("friend_bought", "birthday"))
TRIGGER = NAMES[len(OWN) :]
START = {name: start_of(name) for name in NAMES}
FRIENDS = "trigger_friend_bought"
PLANTED = {
    **dict.fromkeys(OWN, 0.4),
    "popularity": 0.9,
    "category": 0.5,
    "affinity": 1.1,
    "price": -0.6,
    FRIENDS: 1.2,
    "trigger_birthday": 0.5,
}
INTERCEPT = -5.0


def planted(seed: int, pairs: int, **weights: float) -> Examples:
    """Pairs whose adoption follows the planted weights; reasons are rare, as they are."""
    random = np.random.default_rng(seed)
    x = random.exponential(0.6, (pairs, len(NAMES)))
    for name in TRIGGER:
        x[:, NAMES.index(name)] *= random.random(pairs) < 0.2
    given = PLANTED | weights
    odds = INTERCEPT + x @ np.array([given[name] for name in NAMES])
    y = (random.random(pairs) < 1 / (1 + np.exp(-odds))).astype(float)
    return Examples(day(1), NAMES, x, y, np.ones(pairs))


def fitted(examples: list[Examples], without: Collection[str] = ()) -> LogisticModel:
    return LogisticModel().fit(examples, without=without)


def thinned(whole: Examples, share: float, seed: int) -> Examples:
    """The adoptions, and a weighted sample of the other pairs."""
    kept = (whole.y == 1) | (np.random.default_rng(seed).random(len(whole.y)) < share)
    weight = np.where(whole.y == 1, 1.0, 1 / share)
    return Examples(whole.as_of, NAMES, whole.x[kept], whole.y[kept], weight[kept])


def test_planted_weights_are_found_without_bias() -> None:
    models = [fitted([thinned(planted(seed, 40_000), 0.2, seed)]) for seed in range(12)]
    vectors = np.array([[w.weights[name] for name in NAMES] for w in models])
    error = vectors.std(axis=0, ddof=1) / np.sqrt(len(models))
    assert np.all(np.abs(vectors.mean(axis=0) - list(PLANTED.values())) < 4 * error)
    assert np.all(error < 0.05)
    intercepts = [w.intercept for w in models]
    assert np.mean(intercepts) == pytest.approx(INTERCEPT, abs=0.1)


@pytest.mark.parametrize("name", TRIGGER)
def test_reasons_that_make_acceptance_less_likely_get_no_weight(name: str) -> None:
    harmful = planted(1, 60_000, **{name: -1.0})
    model = fitted([harmful])
    assert model.weights[name] == 0
    assert model == fitted([harmful], without=(name,))
    assert all(model.weights[other] > 0 for other in TRIGGER if other != name)


@pytest.mark.parametrize("name", TRIGGER)
def test_a_triggers_feature_that_never_occurred_keeps_its_default_weight(name: str) -> None:
    seen = planted(1, 60_000)
    seen.x[:, NAMES.index(name)] = 0
    model, without = fitted([seen]), fitted([seen], without=(name,))
    assert model.weights[name] == START[name] >= 0
    assert model.weights | {name: 0.0} == without.weights
    assert model.intercept == without.intercept
    assert model.moments == 1
    assert model.unseen == (name,)


def test_with_too_few_adoptions_the_default_weights_are_used() -> None:
    few = planted(1, 60_000)
    few = Examples(
        few.as_of, NAMES, few.x[few.y == 1][: ENOUGH - 1], np.ones(ENOUGH - 1), np.ones(ENOUGH - 1)
    )
    assert fitted([few]) == LogisticModel(weights=START)
    assert fitted([few]).moments == 0
    without = fitted([], without=TRIGGER).weights
    assert [without[name] for name in TRIGGER] == [0] * len(TRIGGER)


def test_weights_say_what_they_were_learned_from() -> None:
    samples = [planted(seed, 20_000) for seed in range(3)]
    model = fitted(samples)
    assert model.moments == 3
    assert model.adoptions == sum(s.y.sum() for s in samples)


def test_the_probability_is_the_logistic_of_the_score() -> None:
    model = LogisticModel(0.0, START | {"popularity": 1.0, FRIENDS: 0.0})
    values = {name: np.zeros(3) for name in NAMES} | {
        "popularity": np.array([0.0, np.log(3), -np.log(3)])
    }
    prediction = model.predict(values)
    assert prediction.probability.tolist() == [0.5, 0.75, 0.25]
    assert prediction.trigger_share.tolist() == [0.0, 0.0, 0.0]
    assert model.score(values).tolist() == values["popularity"].round(DIGITS).tolist()


Rows = st.tuples(*(st.floats(0 if name in TRIGGER else -5, 5) for name in NAMES))
Weights = st.fixed_dictionaries({name: st.floats(0, 3) for name in TRIGGER})


@given(st.lists(Rows, min_size=1, max_size=5), Weights)
def test_a_prediction_is_its_shares_and_a_score_its_contributions(
    rows: list[tuple[float, ...]], weights: dict[str, float]
) -> None:
    model = LogisticModel(-3.0, START | weights)
    values = dict(zip(NAMES, np.array(rows).T, strict=True))
    prediction, score = model.predict(values), model.score(values)
    total = prediction.own_share + prediction.trigger_share
    np.testing.assert_allclose(total, prediction.probability, atol=1e-9)
    assert (prediction.trigger_share >= 0).all()
    no_reason = np.all([values[name] == 0 for name in TRIGGER], axis=0)
    assert (prediction.trigger_share[no_reason] == 0).all()
    parts = sum(model.contributions(values).values())
    np.testing.assert_allclose(score, model.intercept + parts, atol=1e-8)
    order = np.argsort(score)
    assert (np.diff(prediction.probability[order]) >= 0).all()


def test_features_that_are_left_out_have_no_weight_and_models_last_as_dicts() -> None:
    model = fitted([planted(3, 20_000)], without=("category", FRIENDS))
    assert (model.weights["category"], model.weights[FRIENDS]) == (0, 0)
    assert model.weights["popularity"] > 0
    assert LogisticModel(**model.as_dict()) == model
    values = {name: np.ones(1) for name in NAMES}
    assert model.contributions(values)[FRIENDS].tolist() == [0.0]


def test_a_block_of_features_that_broadcast_has_a_score_for_every_cell() -> None:
    cells = {name: np.arange(6.0).reshape(2, 3) for name in NAMES}
    block = {
        **cells,
        "popularity": np.array([[1.0, 2.0, 3.0]]),
        "activity": np.array([[1.0], [2.0]]),
    }
    model = LogisticModel()
    flat = {name: np.broadcast_to(value, (2, 3)).ravel() for name, value in block.items()}
    assert model.score(block).ravel().tolist() == model.score(flat).tolist()
