"""The size and the power of the test whether friends add to the ranking, on planted truth.

The test is one-sided at 2.5 %: the gain's 95 % interval lies above 0.
"""

import pytest
from support.experiments import Gain, gains

from followsuit.simulator import World


def without_influence(worlds: int) -> list[World]:
    """Worlds in which friends neither resemble nor follow each other."""
    return [
        World(
            customers=300,
            products=75,
            stores=5,
            friendships=1_800,
            purchases=8_000,
            days=112,
            homophily=0,
            influence=0,
            seed=seed,
        )
        for seed in range(worlds)
    ]


def with_strong_influence(worlds: int) -> list[World]:
    """Worlds in which a purchase is followed by 0.6 of friends."""
    return [
        World(
            customers=400,
            products=100,
            stores=5,
            friendships=2_400,
            purchases=13_000,
            days=140,
            homophily=0.5,
            influence=1,
            seed=seed,
        )
        for seed in range(worlds)
    ]


def rejected_per_customer(results: list[Gain]) -> int:
    return sum(gain.per_customer.low > 0 for gain in results)


def rejected_per_offer(results: list[Gain]) -> int:
    return sum(gain.per_offer.low > 0 for gain in results)


def test_a_few_worlds_without_influence_show_no_gain() -> None:
    results = gains(without_influence(8))
    # Of 8 tests at 2.5 % more than 2 reject in one of 1,000 times.
    assert rejected_per_customer(results) <= 2
    assert rejected_per_offer(results) <= 2


def test_a_few_worlds_with_strong_influence_show_the_gain() -> None:
    results = gains(with_strong_influence(4))
    assert rejected_per_customer(results) == 4
    assert all(gain.per_customer.value > 0 for gain in results)


@pytest.mark.nightly
@pytest.mark.timeout(3_000)
def test_without_influence_the_gain_is_found_in_at_most_a_twentieth_of_200_worlds() -> None:
    results = gains(without_influence(200))
    assert rejected_per_customer(results) <= 10
    assert rejected_per_offer(results) <= 10


@pytest.mark.nightly
@pytest.mark.timeout(3_000)
def test_with_strong_influence_the_gain_is_found_in_four_fifths_of_50_worlds() -> None:
    results = gains(with_strong_influence(50))
    assert rejected_per_customer(results) >= 40
