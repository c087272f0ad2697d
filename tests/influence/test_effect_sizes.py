"""Size, power and bias of the report's grades over planted worlds.

Bounds on shares of 200 worlds are the issue's.
"""

import pytest
from support.effects import ALL, graded, mean_log, of, rejected
from support.influence_worlds import Planted

from followsuit.influence.report import ADJUSTED, OBSERVED, PLACEBO_REWIRED, PLACEBO_TIME

WORLDS = 200
HOMOPHILY = 1.0
APPEAL = 1.2

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_500)]


def test_with_neither_influence_homophily_nor_shock_the_adjusted_lift_is_off_in_3_to_7_percent() -> (
    None
):
    found = graded([Planted(seed) for seed in range(WORLDS)], knows_taste=True)
    assert 0.03 <= rejected(of(found, ADJUSTED)) <= 0.07
    assert abs(mean_log(of(found, ADJUSTED))) < 0.02


def test_with_homophily_and_the_planted_taste_the_adjusted_lift_is_off_in_3_to_7_percent() -> None:
    worlds = [Planted(seed, homophily=HOMOPHILY) for seed in range(WORLDS)]
    found = graded(worlds, knows_taste=True)
    assert 0.03 <= rejected(of(found, ADJUSTED)) <= 0.07
    assert abs(mean_log(of(found, ADJUSTED))) < 0.02
    assert rejected(of(found, OBSERVED)) > 0.2


def test_a_planted_lift_of_one_and_a_half_is_found_in_80_percent() -> None:
    worlds = [Planted(seed, influence=1.5) for seed in range(WORLDS)]
    found = graded(worlds, knows_taste=False, grades=[ADJUSTED])
    assert sum(lift.low > 1 for lift in of(found, ADJUSTED)) >= 0.8 * WORLDS
