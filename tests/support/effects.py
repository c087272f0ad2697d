"""Lifts over many planted worlds, for the size and power of the report's grades."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
from support.influence_worlds import WINDOW, Planted, plant
from threadpoolctl import threadpool_limits

from followsuit.influence.effects.effect_report import (
    ADJUSTED,
    OBSERVED,
    PLACEBO_REWIRED,
    PLACEBO_TIME,
    Grades,
    communities,
    design_of,
    sums_adjusted,
)
from followsuit.influence.effects.lift import Lift, lift_of, observed_sums
from followsuit.influence.effects.placebos import later, rewired
from followsuit.influence.effects.taste_profile import given_taste, learn_taste
from followsuit.influence.log.triples import exposed

ALL = (OBSERVED, ADJUSTED, PLACEBO_TIME, PLACEBO_REWIRED)
_LIMIT = 100_000


def graded(
    worlds: Sequence[Planted], *, knows_taste: bool, grades: Sequence[str] = (OBSERVED, ADJUSTED)
) -> list[Grades]:
    """Some grades of the report in each world; on all cores.

    Args:
        worlds: to be judged.
        knows_taste: whether the report is given the planted taste, or learns it.
        grades: which; those that aren't asked for cost no time.
    """
    judged = partial(_graded, knows_taste=knows_taste, grades=tuple(grades))
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        return list(pool.map(judged, worlds, chunksize=5))


def _graded(world: Planted, knows_taste: bool, grades: Sequence[str]) -> Grades:
    planting = plant(world)
    log, design = planting.log, design_of(planting.log, WINDOW)
    with threadpool_limits(limits=1):
        taste = (
            given_taste(log, planting.taste) if knows_taste else learn_taste(log, design.start, 0)
        )
        groups = communities(log.network)
        lifts: Grades = {}
        for grade in grades:
            if grade == OBSERVED:
                sums = observed_sums(exposed(log, log.network, design, _LIMIT, 0))
            else:
                judged = later(design) if grade == PLACEBO_TIME else design
                swapped = grade == PLACEBO_REWIRED
                edges = rewired(log.network, taste.both, 0) if swapped else log.network
                sums = sums_adjusted(log, edges, judged, taste)
            lifts[grade] = lift_of(sums, groups, 0)
    return lifts


def of(lifts: Sequence[Grades], grade: str) -> list[Lift]:
    """One grade in all worlds."""
    return [grades[grade] for grades in lifts]


def rejected(lifts: Sequence[Lift]) -> float:
    """Share of the worlds whose interval excludes 1."""
    return float(np.mean([lift.off for lift in lifts]))


def mean_log(lifts: Sequence[Lift]) -> float:
    """Mean of the log lift; the worlds must all have one."""
    return float(np.mean(np.log([lift.lift for lift in lifts])))
