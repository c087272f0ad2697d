"""Edge probabilities validated on later data."""

from datetime import timedelta

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from support.cascade_worlds import WINDOW, cascade_world

from followsuit.influence.probabilities.holdout import HoldoutError, _auc, find_cases, validate

FORTNIGHT = timedelta(days=14)


def test_if_edges_differ_learned_probabilities_predict_better_than_uniform_and_degree() -> None:
    world = cascade_world(1, mean=0.05)
    holdout = validate(world.log, FORTNIGHT, 0.2)
    auc, loss = holdout.auc, holdout.log_loss
    assert auc["uniform"].value == 0.5
    assert auc["learned"].low > max(auc["uniform"].high, auc["degree"].high)
    assert loss["learned"].value < min(loss["uniform"].value, loss["degree"].value)
    assert holdout.as_dict().keys() == {"auc", "log_loss", "cases", "followed"}


def test_cases_are_first_exposures_with_a_complete_window() -> None:
    world = cascade_world(2, customers=60, items=20)
    log, begun = world.log, -60 * 86_400
    cases = find_cases(log, WINDOW, begun)
    expected = []
    for item in range(len(log.items)):
        rows = slice(log.actions.pointer[item], log.actions.pointer[item + 1])
        at = dict(
            zip(log.actions.customer[rows].tolist(), log.actions.time[rows].tolist(), strict=True)
        )
        for target in range(60):
            edges = np.flatnonzero(log.network.target == target)
            seen = [(at[s], e) for e in edges if (s := int(log.network.source[e])) in at]
            seen = [(t, e) for t, e in seen if target not in at or at[target] > t]
            if seen and begun < min(seen)[0] <= -WINDOW:
                then = min(seen)[0]
                expected.append((item, target, at.get(target, 1) - then <= WINDOW and target in at))
    actual = zip(
        cases.item.tolist(),
        log.network.target[cases.edge].tolist(),
        cases.label.tolist(),
        strict=True,
    )
    assert sorted(actual) == sorted(expected)
    assert len(expected) > 50


def test_the_auc_and_its_parts_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    score = rng.integers(0, 20, 500) / 20
    label = rng.random(500) < score
    auc = _auc(score, label, np.arange(500))
    assert auc.value == pytest.approx(roc_auc_score(label, score))
    assert auc.low < auc.value < auc.high


def test_the_log_loss_of_one_probability_for_all_is_near_that_of_the_base_rate() -> None:
    holdout = validate(cascade_world(3, mean=0.05).log, FORTNIGHT, 0.2)
    labels = [1] * holdout.followed + [0] * (holdout.cases - holdout.followed)
    best = log_loss(labels, [holdout.followed / holdout.cases] * holdout.cases)
    assert best <= holdout.log_loss["uniform"].value < best * 1.1


def test_the_intervals_hold_the_truth() -> None:
    # Of 40 worlds without influence and without differences, AUC 0.5 is in nearly all intervals.
    held = 0
    for seed in range(40):
        world = cascade_world(seed, mean=0, uneven=0, customers=150, items=60, own=0.3)
        auc = validate(world.log, FORTNIGHT, 0.4).auc["degree"]
        held += auc.low <= 0.5 <= auc.high
    assert held >= 34


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 20.0])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(HoldoutError, match="choose one between 0 and 1"):
        validate(cascade_world(0, customers=30, items=5).log, FORTNIGHT, share)


def test_without_cases_the_figures_are_none() -> None:
    log = cascade_world(0, customers=30, items=5).log
    holdout = validate(log.until(400 * 86_400), FORTNIGHT, 0.2)
    assert holdout.cases == 0
    assert holdout.auc["learned"].value is None
    assert holdout.log_loss["uniform"].as_dict() == {"value": None, "low": None, "high": None}
