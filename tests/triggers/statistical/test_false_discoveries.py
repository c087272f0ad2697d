"""The procedure controls the share of false ones, and finds what is there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from followsuit.triggers.statistical.false_discoveries import RATE, largest_p


@pytest.mark.parametrize(
    ("p", "limit"),
    [
        ([], 0.0),
        ([0.2, 0.9], 0.0),
        ([0.05, 0.9], 0.05),
        ([0.03, 0.06, 0.1, 0.9], 0.0),
        ([0.04, 0.05, 0.06, 0.08, 0.9], 0.08),
    ],
)
def test_it_is_the_largest_p_below_the_line(p: list[float], limit: float) -> None:
    assert largest_p(np.array(p)) == limit


@given(st.lists(st.floats(0, 1), max_size=30), st.randoms())
def test_the_order_of_the_tests_changes_nothing(p: list[float], random: object) -> None:
    mixed = list(p)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert largest_p(np.array(p)) == largest_p(np.array(mixed))


def test_the_share_of_false_ones_is_at_most_the_rate() -> None:
    random = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        p = random.random(500)
        p[:25] = random.beta(0.02, 1, 25)
        rejected = p <= largest_p(p)
        shares.append(rejected[25:].sum() / max(rejected.sum(), 1))
    assert np.mean(shares) <= RATE
    assert np.mean(shares) > RATE / 2, "a stricter rate would find less"


def test_without_any_effect_nothing_is_found_in_nine_worlds_of_ten() -> None:
    random = np.random.default_rng(1)
    worlds = [largest_p(random.random(300)) > 0 for _ in range(1000)]
    assert np.mean(worlds) == pytest.approx(RATE, abs=0.03)
