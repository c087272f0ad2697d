"""Rhythms are told from chance: p-values that are valid, and that find planted rhythms."""

import numpy as np
import pytest

from followsuit.triggers.statistical.rhythm import rhythm

WORLDS = 40_000


def p_of(gaps: np.ndarray) -> np.ndarray:
    """(pairs,) the p-values of pairs by their gaps, (pairs, gaps)."""
    logs = np.log(gaps)
    squares = ((logs - logs.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    count, number = gaps.shape
    p, _ = rhythm(np.full(count, number), gaps.mean(axis=1), squares, np.arange(count), count)
    return p


@pytest.mark.parametrize("mean", [3, 7, 14, 30, 120])
@pytest.mark.parametrize("gaps", [2, 4, 8, 20])
def test_chance_seldom_looks_like_a_rhythm(mean: int, gaps: int) -> None:
    p = p_of(np.random.default_rng(gaps).geometric(1 / mean, (WORLDS, gaps)).astype(float))
    for level in (0.1, 0.01, 0.001):
        margin = 3 * np.sqrt(level / WORLDS)
        assert (p <= level).mean() <= level + margin


def test_a_rhythm_is_found_by_six_gaps() -> None:
    random = np.random.default_rng(0)
    gaps = np.maximum(1, np.round(28 * np.exp(0.15 * random.standard_normal((500, 6)))))
    assert np.median(p_of(gaps)) < 1e-3


def test_pairs_of_a_product_are_tested_together() -> None:
    random = np.random.default_rng(0)
    regular = np.round(28 * np.exp(0.2 * random.standard_normal((20, 2))))
    chance = random.geometric(1 / 28, (20, 2)).astype(float)
    gaps = np.concatenate([regular, chance])
    logs = np.log(gaps)
    squares = ((logs - logs.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    product = np.repeat([0, 1], 20)
    p, ratio = rhythm(np.full(40, 2), gaps.mean(axis=1), squares, product, 3)
    assert p[0] < 1e-4 < p[1]
    assert ratio[0] < 0.1 < 0.5 < ratio[1]
    assert p[2] == ratio[2] == 1


def test_a_single_gap_says_nothing() -> None:
    one = np.ones(1)
    p, ratio = rhythm(np.array([1]), 28 * one, 0 * one, np.array([0]), 1)
    assert p.tolist() == ratio.tolist() == [1.0]
