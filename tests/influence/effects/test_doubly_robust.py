import numpy as np
import pytest

from followsuit.influence.effects.doubly_robust import adjust, conditional_logit
from followsuit.influence.effects.lift import Sums, lift_of
from followsuit.influence.effects.matching import Sample
from followsuit.influence.log.triples import Triples

TRIPLES, CONTROLS = 8_000, 50
TILT, SLOPE, BASE, LIFT = 0.7, 0.9, 0.02, 2.0


def planted(seed: int, shape: str) -> Sample:
    """Triples whose exposed customers are higher in a feature that also drives acts.

    `shape` says what the feature does, to exposure and act: `both` exp(linear), else one of them
    follows a step, which the model of it can't follow.
    """
    rng = np.random.default_rng(seed)
    rows = CONTROLS + 1
    x = rng.normal(size=(TRIPLES, rows))
    step = 1.5 * (x > 1)
    tilt = step if shape == "step exposure" else TILT * x
    chosen = (tilt + rng.gumbel(size=x.shape)).argmax(axis=1)
    place = np.arange(TRIPLES)
    x[place, 0], x[place, chosen] = x[place, chosen], x[place, 0].copy()
    risk = BASE * np.exp(1.5 * (x > 1) if shape == "step act" else SLOPE * x)
    risk[:, 0] *= LIFT
    acted = rng.random(x.shape) < risk
    features = np.zeros((x.size, 8))
    features[:, 1] = x.ravel()
    triples = Triples(
        place.astype(np.int32),
        place.astype(np.int32),
        np.zeros(TRIPLES, dtype=np.int64),
        acted[:, 0],
        np.full(TRIPLES, BASE),
    )
    customer = np.arange(x.size, dtype=np.int32)
    return Sample(triples, np.arange(TRIPLES + 1) * rows, customer, acted.ravel(), features)


def adjusted_lift(sample: Sample) -> float:
    return float(sample.triples.acted.sum() / adjust(sample).expected.sum())


def plain_lift(sample: Sample) -> float:
    acted = sample.acted.reshape(TRIPLES, -1)
    return float(acted[:, 0].mean() / acted[:, 1:].mean())


@pytest.mark.parametrize("shape", ["both", "step act", "step exposure"])
def test_the_adjusted_lift_is_right_where_either_model_is(shape: str) -> None:
    plain, adjusted = zip(
        *((plain_lift(s), adjusted_lift(s)) for s in (planted(k, shape) for k in range(6))),
        strict=True,
    )
    assert np.mean(plain) > 2.8
    assert np.mean(adjusted) == pytest.approx(LIFT, rel=0.06)


def test_the_parts_add_up_to_what_the_exposed_would_have_done() -> None:
    sample = planted(0, "both")
    adjusted = adjust(sample)
    parts = adjusted.smooth.sum() + adjusted.residual.sum()
    assert parts == pytest.approx(adjusted.expected.sum(), rel=1e-9)
    assert (adjusted.residual[sample.pointer[:-1]] == 0).all()


def test_a_conditional_logit_finds_planted_coefficients() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, 5, 2))
    scores = features @ [0.8, -0.5] + rng.gumbel(size=(20_000, 5))
    chosen = (scores == scores.max(axis=1, keepdims=True)).ravel()
    pointer = np.arange(20_001) * 5
    fitted = conditional_logit(features.reshape(-1, 2), chosen, pointer, np.ones(100_000, bool))
    assert fitted == pytest.approx([0.8, -0.5], abs=0.03)


def test_what_all_rows_of_a_group_share_has_no_coefficient() -> None:
    shared = np.repeat([0.0, 5.0], 3)[:, None]
    chosen = np.array([True, False, False, False, True, False])
    fitted = conditional_logit(shared, chosen, np.array([0, 3, 6]), np.ones(6, dtype=bool))
    assert fitted == pytest.approx([0])


def sums_of(acted: np.ndarray, expected: np.ndarray, customer: np.ndarray) -> Sums:
    counted = np.ones(len(acted), dtype=bool)
    items = np.arange(len(acted))
    return Sums(customer, items, acted.astype(float), expected, counted, counted)


def test_independent_acts_have_the_interval_of_their_number() -> None:
    acted = np.arange(10_000) % 25 == 0
    sums = sums_of(acted, np.full(10_000, 0.02), np.arange(10_000))
    lift = lift_of(sums, np.zeros(10_000, dtype=int), seed=0)
    assert lift.lift == pytest.approx(2)
    assert lift.n == 10_000
    # The standard error of the logarithm of 400 independent acts is 1 / 20.
    assert np.log(lift.high / lift.low) / 3.92 == pytest.approx(0.05, rel=0.15)


def test_acts_of_the_same_customer_widen_the_interval() -> None:
    acted = np.arange(10_000) // 25 % 25 == 0
    sums = sums_of(acted, np.full(10_000, 0.02), np.arange(10_000) // 25)
    lift = lift_of(sums, np.zeros(10_000, dtype=int), seed=0)
    # 16 customers act, each 25 times.
    assert np.log(lift.high / lift.low) / 3.92 == pytest.approx(0.25, rel=0.15)


def test_acts_of_the_same_community_widen_the_interval() -> None:
    acted = np.arange(10_000) // 25 % 25 == 0
    sums = sums_of(acted, np.full(10_000, 0.02), np.arange(10_000))
    lift = lift_of(sums, np.arange(10_000) // 25, seed=0)
    assert np.log(lift.high / lift.low) / 3.92 == pytest.approx(0.25, rel=0.15)


def test_four_acts_are_too_few_for_a_lift() -> None:
    acted = np.arange(100) < 4
    lift = lift_of(sums_of(acted, np.full(100, 0.1), np.arange(100)), np.zeros(100, dtype=int), 0)
    assert lift.as_dict() == {"lift": None, "low": None, "high": None, "n": 100}
