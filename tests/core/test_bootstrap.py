"""Intervals compared with scipy's, and the pairing of figures."""

import numpy as np
from scipy import stats

from followsuit.core.bootstrap import DRAWS, Resamples

USERS = 400
RANDOM = np.random.default_rng(5)
VALUES = RANDOM.random((USERS, 6)) * (RANDOM.random((USERS, 6)) < 0.3)


def test_intervals_are_those_of_scipy_up_to_the_draws() -> None:
    theirs = stats.bootstrap(
        (VALUES,),
        np.mean,
        axis=0,
        vectorized=True,
        method="percentile",
        n_resamples=DRAWS,
        rng=np.random.default_rng(0),
    ).confidence_interval
    for estimate, low, high in zip(
        Resamples(USERS).estimates(VALUES), theirs.low, theirs.high, strict=True
    ):
        # Of 1,000 draws a bound is off by some 3 % of the width, on either side.
        width = high - low
        assert abs(estimate.low - low) < 0.12 * width
        assert abs(estimate.high - high) < 0.12 * width
        assert estimate.low < estimate.value < estimate.high


def test_the_mean_is_that_of_the_values_and_the_same_seed_gives_the_same_bounds() -> None:
    estimates = Resamples(USERS, seed=3).estimates(VALUES)
    np.testing.assert_allclose([e.value for e in estimates], VALUES.mean(axis=0), atol=1e-9)
    assert estimates == Resamples(USERS, seed=3).estimates(VALUES)
    assert estimates != Resamples(USERS, seed=4).estimates(VALUES)


def test_figures_share_their_resamples_so_that_differences_are_paired() -> None:
    better = VALUES[:, :1] + 0.01
    means = Resamples(USERS).means(np.column_stack([VALUES[:, :1], better]))
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.01, atol=1e-9)
