"""Whether friends' interactions matter, by grade of evidence, with placebos.

*Observed* compares exposed customers with all others at the same time on the same item. *Adjusted*
compares them with matched customers, doubly robust. Neither is called influence: only a randomised
experiment shows that. The placebos use the adjusted estimator and should be 1. If one isn't, a
hidden factor is at work, and the lift is not identified (Shalizi and Thomas 2011).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from followsuit.core.progress import Progress, silent
from followsuit.core.threads import one_thread
from followsuit.influence.effects.diagnostics import Diagnostics, edge_reversal, shuffle_test
from followsuit.influence.effects.doubly_robust import adjust
from followsuit.influence.effects.lift import Lift, Sums, adjusted_sums, lift_of, observed_sums
from followsuit.influence.effects.matching import matched
from followsuit.influence.effects.placebos import later, rewired
from followsuit.influence.effects.taste_profile import Taste, given_taste, learn_taste
from followsuit.influence.log.arrays import Ints, Log, Network
from followsuit.influence.log.triples import Design, exposed
from followsuit.influence.spread.leiden import friend_communities

OBSERVED = "observed"
ADJUSTED = "adjusted"
PLACEBO_TIME = "placebo_time"
PLACEBO_REWIRED = "placebo_rewired"

Grades = dict[str, Lift]
"""Grade -> lift."""

_BEFORE = 0.4
"""Taste is learned from this share of the interactions, the earliest ones."""
_TRIPLES = 100_000
_CATEGORIES = 20


@dataclass(frozen=True)
class Sensitivity:
    """E-values: how strong a hidden common cause must be to explain the adjusted lift away.

    Attributes:
        value: E-value of the lift, as a risk ratio; None if there is no lift.
        bound: E-value of the interval's end nearer to 1; 1 if the interval contains 1.
    """

    value: float | None
    bound: float | None


@dataclass(frozen=True)
class EffectReport:
    """The graded report.

    Attributes:
        grades: lift of each grade over all items.
        categories: lifts by name, for at most 20 categories with the most exposures.
        sensitivity: E-values of the adjusted lift.
        verdict: the conclusion, in one sentence.
        diagnostics: further tests; each says whether it is valid.
    """

    grades: Grades
    categories: dict[str, Grades]
    sensitivity: Sensitivity
    verdict: str
    diagnostics: Diagnostics

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values: numbers, text or None, never NaN."""
        return {
            "grades": _as_dict(self.grades),
            "categories": {name: _as_dict(grades) for name, grades in self.categories.items()},
            "sensitivity": {"value": self.sensitivity.value, "bound": self.sensitivity.bound},
            "verdict": self.verdict,
            "diagnostics": self.diagnostics.as_dict(),
        }


def _as_dict(grades: Grades) -> dict[str, dict[str, float | int | None]]:
    return {grade: lift.as_dict() for grade, lift in grades.items()}


@one_thread()
def report(
    log: Log,
    window: timedelta,
    *,
    taste: np.ndarray | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> EffectReport:
    """Compare exposed with unexposed customers.

    Args:
        log: first interactions and friendships as of an instant.
        window: time after a friend's interaction within which the customer's counts.
        taste: (customers, d) known taste; by default it is learned from the earliest 40 % of the
            interactions.
        seed: random seed of clusters, swaps, resamples, and of the sample above 100,000 exposures.
        progress: progress callback, in grades and in matched triples.

    Returns:
        The report. A lift with too little evidence is None, and the verdict says so.

    Raises:
        WrongTaste: the taste doesn't have one row of finite numbers per customer.
    """
    design = design_of(log, window)
    likes = learn_taste(log, design.start, seed) if taste is None else given_taste(log, taste)
    groups = communities(log.network)
    swapped = rewired(log.network, likes.both, seed)
    sums: dict[str, Sums] = {}
    with progress("comparing exposed customers with others", 4) as advance:
        for grade, sums_of in _all_sums(log, design, likes, swapped, seed, progress):
            sums[grade] = sums_of
            advance(1)
    grades = {grade: lift_of(each, groups, seed) for grade, each in sums.items()}
    shuffled = shuffle_test(log, swapped, design, seed)
    reversal = edge_reversal(log, design, groups, _TRIPLES, seed, shuffled)
    return EffectReport(
        grades=grades,
        categories=_by_category(log, sums, groups, seed),
        sensitivity=sensitivity_of(grades[ADJUSTED]),
        verdict=verdict_on(grades),
        diagnostics=Diagnostics(shuffled, reversal),
    )


def design_of(log: Log, window: timedelta) -> Design:
    """Learn taste from the earliest 40 % of the interactions, and count exposures in the rest."""
    time = np.sort(log.actions.time)
    start = int(time[int(_BEFORE * len(time))]) if len(time) else 0
    return Design(start, int(window.total_seconds()))


def _all_sums(
    log: Log, design: Design, taste: Taste, swapped: Network, seed: int, progress: Progress
) -> Iterator[tuple[str, Sums]]:
    """The sums of each grade, in the order of the report."""
    triples = exposed(log, log.network, design, _TRIPLES, seed)
    yield OBSERVED, observed_sums(triples)
    for grade, edges, judged in (
        (ADJUSTED, log.network, design),
        (PLACEBO_TIME, log.network, later(design)),
        (PLACEBO_REWIRED, swapped, design),
    ):
        yield grade, sums_adjusted(log, edges, judged, taste, seed, progress)


def sums_adjusted(
    log: Log,
    edges: Network,
    design: Design,
    taste: Taste,
    seed: int = 0,
    progress: Progress = silent,
) -> Sums:
    """The two sums of the adjusted lift.

    Args:
        log: the actions.
        edges: the log's network, or a placebo.
        design: which exposures count.
        taste: what customers like.
        seed: random seed of the samples.
        progress: progress callback, in triples.
    """
    triples = exposed(log, edges, design, _TRIPLES, seed)
    sample = matched(log, edges, design, triples, taste, seed, progress)
    return adjusted_sums(sample, adjust(sample))


def communities(edges: Network) -> Ints:
    """(customers) code of each customer's community by modularity, without randomness."""
    ends = np.stack([edges.source, edges.target], axis=1)
    return friend_communities(edges.customers, ends, seed=None)


def _by_category(log: Log, sums: dict[str, Sums], groups: Ints, seed: int) -> dict[str, Grades]:
    """The lifts of the categories with the most exposures, by name."""
    exposures = log.category[sums[OBSERVED].item]
    counts = np.bincount(exposures, minlength=len(log.categories))
    most = np.argsort(-counts[:-1], kind="stable")[:_CATEGORIES]
    return {
        str(log.categories[code]): {
            grade: lift_of(each.between(*_items_of(log, code)), groups, seed)
            for grade, each in sums.items()
        }
        for code in np.sort(most[counts[most] > 0])
    }


def _items_of(log: Log, category: int) -> tuple[int, int]:
    """The bounds of a category's items, which are contiguous."""
    first, last = np.searchsorted(log.category, [category, category + 1])
    return int(first), int(last)


def sensitivity_of(lift: Lift) -> Sensitivity:
    """The E-values of a lift (VanderWeele and Ding 2017, table 2)."""
    if lift.lift is None or lift.low is None or lift.high is None:
        return Sensitivity(None, None)
    near = lift.low if lift.lift >= 1 else lift.high
    return Sensitivity(_e_value(lift.lift), _e_value(near) if lift.off else 1.0)


def _e_value(ratio: float) -> float:
    above = max(ratio, 1 / ratio)
    return round(float(above + np.sqrt(above * (above - 1))), 9)


def verdict_on(grades: Grades) -> str:
    """The conclusion from the four grades, in a sentence."""
    lift = grades[ADJUSTED]
    if lift.lift is None:
        return f"not enough evidence: {_count(grades[OBSERVED].n, 'exposure')}"
    adjusted = f"adjusted lift {_as_text(lift)}"
    off = [grade for grade in (PLACEBO_TIME, PLACEBO_REWIRED) if grades[grade].off]
    if off:
        missed = " and ".join(f"{grade} is {_as_text(grades[grade])}" for grade in off)
        return f"not identified: {adjusted}, but {missed}, which should be 1"
    unknown = [g for g in (PLACEBO_TIME, PLACEBO_REWIRED) if grades[g].lift is None]
    if unknown:
        return f"not enough evidence: {adjusted}, but too little to judge {' and '.join(unknown)}"
    if not lift.off:
        return f"not enough evidence of an effect: {adjusted} over {_count(lift.n, 'exposure')}"
    return f"{adjusted}, placebos at 1; only an experimental lift would prove a cause"


def _as_text(lift: Lift) -> str:
    return f"{lift.lift:.2f} ({lift.low:.2f} to {lift.high:.2f})"


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}{'' if number == 1 else 's'}"
