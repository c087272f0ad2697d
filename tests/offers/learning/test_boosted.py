"""The boosted model: it learns what the logistic model can't, keeps its constraints, and lasts."""

import json

import numpy as np
import pytest
from support.snapshots import day

from followsuit.offers.features.declared import names_of
from followsuit.offers.learning.acceptance import Acceptance, choose_model
from followsuit.offers.learning.boosted import FEWEST, BoostedModel
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.learning.model import Examples, log_loss

NAMES = names_of(("friend_bought",))
FRIENDS = "trigger_friend_bought"
AS_OF = day(1)


def planted(seed: int, *, linear: bool, harmful: bool = False, n: int = 20_000) -> Examples:
    """Adoption follows popularity and friends; if not `linear`, only where both are high."""
    random = np.random.default_rng(seed)
    x = np.zeros((n, len(NAMES)))
    x[:, 0] = random.exponential(1, n)
    friends = random.random(n) < 0.4
    x[:, NAMES.index(FRIENDS)] = friends
    odds = -4 + 0.8 * x[:, 0] + (-1.0 if harmful else 1.0) * friends
    if not linear:
        odds = np.where((x[:, 0] > 1.0) & friends, 1.0, -4.0)
    y = (random.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    return Examples(AS_OF, NAMES, x, y, np.ones(n))


def values_of(examples: Examples) -> dict[str, np.ndarray]:
    return {name: examples.x[:, i] for i, name in enumerate(examples.names)}


def chosen(linear: bool) -> Acceptance:
    training, later = planted(0, linear=linear), planted(1, linear=linear)
    logistic, boosted = LogisticModel().fit([training]), BoostedModel().fit([training])
    return choose_model(AS_OF, logistic, boosted, later)


@pytest.mark.parametrize(("linear", "name"), [(True, "logistic"), (False, "lightgbm")])
def test_the_model_with_the_lower_log_loss_on_a_later_day_predicts(linear: bool, name: str) -> None:
    acceptance = chosen(linear)
    assert acceptance.model.name == name
    assert min(acceptance.losses, key=lambda each: acceptance.losses[each]) == name
    assert f"Probabilities are those of {name}." in " ".join(acceptance.in_words(AS_OF))
    again = Acceptance.from_dict(json.loads(json.dumps(acceptance.as_dict())))
    values = values_of(planted(2, linear=linear))
    assert np.array_equal(
        again.model.predict(values).probability, acceptance.model.predict(values).probability
    )
    parts = sum(acceptance.model.contributions(values).values())
    probability = acceptance.model.predict(values).probability
    odds = np.log(probability / (1 - probability))
    np.testing.assert_allclose(acceptance.base + parts, odds, atol=1e-5)


def test_a_reason_never_makes_acceptance_less_likely() -> None:
    model = BoostedModel().fit([planted(0, linear=True, harmful=True)])
    prediction = model.predict(values_of(planted(1, linear=True)))
    assert (prediction.trigger_share == 0).all()
    helpful = (
        BoostedModel().fit([planted(0, linear=True)]).predict(values_of(planted(1, linear=True)))
    )
    assert (helpful.trigger_share >= 0).all()
    assert helpful.trigger_share.max() > 0.05


def rare(seed: int, weight: float, n: int = 100_000) -> Examples:
    """Rows with a reason, of weight 1, and others that are hardly ever accepted."""
    random = np.random.default_rng(seed)
    x = np.zeros((n, len(NAMES)))
    x[:, 0] = random.exponential(1, n)
    reason = random.random(n) < 0.9
    x[:, NAMES.index(FRIENDS)] = reason
    chance = np.where(reason, 1 / (1 + np.exp(3 - x[:, 0])), 1e-6)
    y = (random.random(n) < chance).astype(float)
    return Examples(AS_OF, NAMES, x, y, np.where(reason, 1.0, weight))


@pytest.mark.parametrize("weight", [1.0, 3_000.0, 10_000.0])
def test_rows_of_small_weight_are_learned_from_beside_heavy_ones(weight: float) -> None:
    training, later = rare(0, weight), rare(1, weight)
    logistic, boosted = (
        log_loss(model.fit([training]).predict(values_of(later)).probability, later.y, later.weight)
        for model in (LogisticModel(), BoostedModel())
    )
    assert boosted < 1.02 * logistic


def test_a_feature_that_is_left_out_changes_nothing() -> None:
    model = BoostedModel().fit([planted(0, linear=True)], without=[FRIENDS])
    assert FRIENDS not in model.names
    values = values_of(planted(1, linear=True))
    assert not model.contributions(values)[FRIENDS].any()
    assert (model.predict(values).trigger_share == 0).all()


def test_with_too_few_adoptions_there_is_no_boosted_model() -> None:
    few = planted(0, linear=True)
    rows = np.flatnonzero(few.y)[: FEWEST - 1]
    none = BoostedModel().fit([Examples(AS_OF, NAMES, few.x[rows], few.y[rows], few.weight[rows])])
    assert not none.fitted
    acceptance = choose_model(AS_OF, LogisticModel(), none, planted(1, linear=True))
    assert acceptance.model.name == "logistic"
    assert acceptance.losses == {}


def test_the_same_training_set_gives_the_same_trees() -> None:
    one, again = (BoostedModel().fit([planted(0, linear=False)]) for _ in range(2))
    assert one == again
