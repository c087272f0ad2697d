"""Calibration: planted truths are found again, intervals cover, and order is kept."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from followsuit.offers.learning.calibration import (
    ACCEPTED,
    ROWS,
    Calibration,
    Curve,
    Shown,
    fit_calibration,
    fit_curve,
)
from followsuit.offers.learning.model import Prediction, log_loss


def shown(
    seed: int, rows: int = 20_000, *, shift: float = -1.0, slope: float = 0.7, per: int = 1
) -> tuple[Shown, np.ndarray]:
    """Rows of a model that is wrong by a shift and a slope of the log-odds, and the truth.

    Each customer has `per` rows, which are all accepted or all refused.
    """
    random = np.random.default_rng(seed)
    predicted = np.repeat(expit(random.normal(-2.5, 1.0, rows // per)), per)
    truth = expit(slope * logit(predicted) + shift)
    accepted = np.repeat(random.random(rows // per), per) < truth
    customer = np.repeat(np.arange(rows // per), per)
    nothing = np.full(rows, "", dtype=object)
    return Shown(customer, np.zeros(rows, int), nothing, predicted, accepted), truth


def same(predicted: np.ndarray) -> Prediction:
    return Prediction(predicted, predicted)


def fitted(rows: Shown) -> Calibration:
    calibration = fit_calibration(rows, len(rows))
    assert calibration is not None
    return calibration


def test_a_planted_curve_is_found_and_the_rest_of_the_world_is_predicted_by_it() -> None:
    calibration = fitted(shown(0)[0])
    fresh, truth = shown(1)
    prediction, _, _ = calibration.predict(same(fresh.probability), fresh.trigger)
    chance = prediction.probability
    assert np.abs(logit(chance) - logit(truth)).mean() < 0.1
    assert fresh.accepted.sum() / chance.sum() == pytest.approx(1, abs=0.05)
    best = log_loss(truth, fresh.accepted)
    assert best <= log_loss(chance, fresh.accepted) < best + 0.001
    assert log_loss(fresh.probability, fresh.accepted) > best + 0.005


def test_the_curves_of_triggers_differ_where_they_have_enough_rows() -> None:
    parts = [shown(seed, shift=shift)[0] for seed, shift in ((0, -1.5), (1, 0.5))]
    few = shown(2, ROWS - 1, shift=3.0)[0]
    names = ("", "birthday", "rare")
    triggers = [np.full(len(p), n, object) for p, n in zip([*parts, few], names, strict=True)]
    rows = Shown.joined(
        *(
            Shown(p.customer, p.day, t, p.probability, p.accepted)
            for p, t in zip([*parts, few], triggers, strict=True)
        )
    )
    calibration = fitted(rows)
    assert set(calibration.by_trigger) == {"", "birthday"}
    ask = np.full(3, 0.1)
    prediction, low, high = calibration.predict(same(ask), np.array(names, object))
    none, birthday, rare = prediction.probability
    assert none == pytest.approx(expit(0.7 * logit(0.1) - 1.5), rel=0.15)
    assert birthday == pytest.approx(expit(0.7 * logit(0.1) + 0.5), rel=0.15)
    assert none < rare < birthday, "a trigger with too few rows has the curve of all rows"
    assert (low <= prediction.probability).all()
    assert (prediction.probability <= high).all()


@pytest.mark.parametrize("per", [1, 5])
def test_intervals_cover_the_share_of_the_customers_scored_alike(per: int) -> None:
    covered, total = 0, 0
    for seed in range(40):
        rows, truth = shown(seed, 4_000, per=per)
        blocks = fit_curve(rows).blocks
        of_row = np.searchsorted(blocks.edges, rows.probability, side="right")
        for number, (low, high) in enumerate(zip(blocks.low, blocks.high, strict=True)):
            covered += low <= truth[of_row == number].mean() <= high
            total += 1
    assert total >= 100
    assert 0.8 <= covered / total <= 0.97, "isotonic blocks are chosen by their rows"


def test_blocks_have_enough_rows_and_acceptances() -> None:
    rows, _ = shown(3, 6_000)
    blocks = fit_curve(rows).blocks
    of_row = np.searchsorted(blocks.edges, rows.probability, side="right")
    counts = np.bincount(of_row)
    assert len(counts) == len(blocks.rates) > 2
    assert counts.min() >= ROWS
    assert np.bincount(of_row, rows.accepted).min() >= ACCEPTED
    assert (np.diff(blocks.rates) > 0).all()


@pytest.mark.parametrize("accepted", [0, ACCEPTED - 1, 1_000])
def test_too_few_acceptances_or_one_class_alone_give_no_calibration(accepted: int) -> None:
    rows, _ = shown(0, 1_000)
    some = np.arange(1_000) < accepted
    one_class = Shown(rows.customer, rows.day, rows.trigger, rows.probability, some)
    assert fit_calibration(one_class, 10) is None
    assert fit_calibration(rows.only(np.arange(ROWS - 1)), 10) is None
    assert fit_calibration(rows.only(np.arange(0)), 10) is None


def test_equal_predictions_get_the_share_that_was_accepted() -> None:
    rows, _ = shown(0, 1_000)
    equal = Shown(rows.customer, rows.day, rows.trigger, np.full(1_000, 0.3), rows.accepted)
    prediction, low, high = fitted(equal).predict(same(np.array([0.3])), np.array([""], object))
    assert prediction.probability[0] == pytest.approx(rows.accepted.mean(), abs=1e-6)
    assert low[0] < prediction.probability[0] < high[0]


@given(st.integers(0, 5), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_more_is_never_less_and_shares_add_up(seed: int, predicted: list[float]) -> None:
    calibration = CALIBRATIONS[seed]
    raw = np.sort(predicted)
    prediction, low, high = calibration.predict(
        Prediction(raw, raw / 3), np.full(len(raw), "", object)
    )
    assert (np.diff(prediction.probability) >= 0).all()
    assert (prediction.trigger_share >= 0).all()
    assert (prediction.own_share >= 0).all()
    assert ((low >= 0) & (high <= 1)).all()


CALIBRATIONS = [fitted(shown(seed, 3_000, slope=1.5 - seed / 4)[0]) for seed in range(6)]


def test_calibration_is_of_the_rows_that_calibration_would_show() -> None:
    """Two triggers of one level each: the model overrates one, so its rows aren't shown."""
    random, n = np.random.default_rng(0), 4_000
    customer = np.repeat(np.arange(n), 2)
    trigger = np.tile(np.array(["loud", "quiet"], object), n)
    predicted = np.tile([0.5, 0.4], n)
    accepted = random.random(2 * n) < np.tile([0.1, 0.3], n)
    rows = Shown(customer, np.zeros(2 * n, int), trigger, predicted, accepted)
    calibration = fit_calibration(rows, 1)
    assert calibration is not None
    assert calibration.rows == n
    asked = calibration.predict(same(np.array([0.4])), np.array(["quiet"], object))[0]
    assert asked.probability[0] == pytest.approx(0.1, abs=0.05), "only loud rows were shown first"


def test_a_calibration_lasts_as_json() -> None:
    calibration = CALIBRATIONS[0]
    again = Calibration.from_dict(json.loads(json.dumps(calibration.as_dict())))
    assert again == calibration
    assert isinstance(again.pooled, Curve)


def test_beyond_the_rows_that_were_shown_predictions_keep_their_ratio_of_odds() -> None:
    rows, _ = shown(0, 2_000)
    equal = Shown(rows.customer, rows.day, rows.trigger, np.full(2_000, 0.3), rows.accepted)
    asked = np.array([0.3, 0.03])
    for curve in (fit_curve(equal), *(calibration.pooled for calibration in CALIBRATIONS)):
        low, high = expit(np.array(curve.ends))
        outside = np.array([low / 2, low, high, (1 + high) / 2])
        made = logit(curve.probability(outside))
        steps = np.diff(logit(outside))[[0, 2]]
        np.testing.assert_allclose(np.diff(made)[[0, 2]], steps, rtol=1e-6)
    probability = fit_curve(equal).probability(asked)
    assert probability[1] < probability[0] / 5
