"""Whether customers with a reason do more than others who are alike, on past days.

On each day, customers with a live reason are compared with customers of the same stratum without
one, see `cohort` and `comparison`. The grade is *adjusted*: customers may differ in ways that the
data doesn't show, so a lift isn't what an offer would cause. Only an experiment shows that.

Every customer's own rows are used, whether or not they share activity: these are totals for the
shop, and figures of fewer than ten customers are hidden. Known minors are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis.expr.types as ir
import numpy as np

from followsuit.core.codes import Codes
from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.graph import tables as t
from followsuit.graph.views.view import View
from followsuit.triggers.defined import triggers_of
from followsuit.triggers.definitions.definition import Definition, undated
from followsuit.triggers.report.cohort import cohort
from followsuit.triggers.report.comparison import (
    LEAST,
    Lift,
    Members,
    Pairs,
    Tally,
    lifts,
)
from followsuit.triggers.report.outcomes import OFFERED, Targets, check_outcomes, deeds, did
from followsuit.triggers.report.overlap import Overlap
from followsuit.triggers.tie_weights import tie_weights
from followsuit.triggers.trigger import Trigger, reasons_of

OUTCOMES = (OFFERED, "purchase")
"""The outcomes unless others are named."""
ADJUSTED = "adjusted"
HIGHER, NO_EVIDENCE, TOO_FEW = "higher", "no evidence", "too few"


class ReportError(FollowsuitError):
    """No day fits the period."""


@dataclass(frozen=True)
class TriggerFigures:
    """The figures of one trigger.

    Attributes:
        reasons: number of live reasons, counted on every day; None if it is hidden.
        customers: number of customers who had one on any day; None if it is hidden.
        compared: share of the customers and days with a reason that have controls, or None.
        outcomes: the lift by outcome.
        overlap: share of the customers and days with a reason that also have one of another
            trigger, by its name; None if it is hidden.
    """

    reasons: int | None
    customers: int | None
    compared: float | None
    outcomes: dict[str, Lift]
    overlap: dict[str, float | None]

    @property
    def verdict(self) -> str:
        """Whether the interval of the first outcome's lift lies above 1."""
        first = next(iter(self.outcomes.values()))
        if first.value is None:
            return TOO_FEW
        return HIGHER if first.above else NO_EVIDENCE

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        outcomes = {
            kind: {
                "rate": lift.rate,
                "base": lift.base,
                "lift": {"value": lift.value, "low": lift.low, "high": lift.high},
            }
            for kind, lift in self.outcomes.items()
        }
        return {
            "reasons": self.reasons,
            "customers": self.customers,
            "outcomes": outcomes,
            "grade": ADJUSTED,
            "verdict": self.verdict,
            "compared": self.compared,
            "overlap": self.overlap,
        }


@dataclass(frozen=True)
class TriggerReport:
    """The report on triggers.

    Attributes:
        days: the days on which the triggers were judged.
        figures: the figures by trigger.
        undated: tables and columns without dates, which may reveal the future.
    """

    days: list[datetime]
    figures: dict[str, TriggerFigures]
    undated: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The report as `trigger report --json` writes it."""
        return {name: figures.as_dict() for name, figures in self.figures.items()}


def report(
    view: View,
    start: datetime,
    end: datetime,
    definitions: Mapping[str, Definition],
    *,
    horizon: timedelta = timedelta(days=60),
    every: timedelta = timedelta(days=7),
    outcomes: Sequence[str] = OUTCOMES,
    seed: int = 0,
    progress: Progress = silent,
) -> TriggerReport:
    """Judge triggers on the days `start`, `start + every`, ... whose horizon is over by `end`.

    Args:
        view: a view; its instant decides whose refusals count.
        start: the first day.
        end: the end of the last horizon, at the latest; horizons also end with the data.
        definitions: the triggers by name.
        horizon: outcomes count within this time after a day.
        every: time between two days.
        outcomes: `offered`, a reserved kind such as `purchase`, or an event kind; the first one
            decides the verdict.
        seed: random seed of the resamples.
        progress: progress callback, in days.

    Raises:
        UnknownOutcome: the store has no interactions of a kind.
        ReportError: no day fits.
    """
    outcomes = tuple(dict.fromkeys(outcomes)) or OUTCOMES
    check_outcomes(view, outcomes)
    days = _days(view, start, end, every, horizon)
    ids = view.snapshot.rows(t.CUSTOMERS).select("customer_id").order_by("customer_id")
    customers = Codes(ids.to_pyarrow()["customer_id"])
    judged = [_Judged(name, len(customers), outcomes) for name in definitions]
    overlap = Overlap(len(judged))
    with progress("judging triggers", len(days)) as advance:
        done = deeds(view)
        for day in days:
            now = view.at(day)
            # Which reasons there are doesn't depend on tie weights.
            triggers = triggers_of(definitions, tie_weights(now, counts=False))
            _judge(now, done, triggers, judged, overlap, customers, horizon)
            advance(1)
        view.snapshot.drop(done)
    return TriggerReport(
        days, _figures(judged, overlap, seed), [*view.undated(), *undated(definitions)]
    )


def _days(
    view: View, start: datetime, end: datetime, every: timedelta, horizon: timedelta
) -> list[datetime]:
    newest = view.data_until()
    until = end if newest is None else min(end, newest)
    days: list[datetime] = []
    while start + every * len(days) + horizon <= until:
        days.append(start + every * len(days))
    if not days:
        raise ReportError(
            f"No day fits: {start:%Y-%m-%d} plus a horizon of {horizon.days} days ends after "
            f"{until:%Y-%m-%d}, the end of --to or of the data. Choose an earlier --from or a "
            "shorter --horizon."
        )
    return days


class _Judged:
    """What is known of one trigger so far."""

    def __init__(self, name: str, customers: int, outcomes: Sequence[str]) -> None:
        self.name = name
        self.reasons = 0
        self.days = np.zeros(customers, dtype=np.int64)
        """Number of days with a reason, by customer."""
        self.with_controls = 0
        self.tallies = {outcome: Tally(customers) for outcome in outcomes}


def _judge(
    view: View,
    done: ir.Table,
    triggers: Sequence[Trigger],
    judged: Sequence[_Judged],
    overlap: Overlap,
    customers: Codes,
    horizon: timedelta,
) -> None:
    """Add a day."""
    alike = cohort(view, customers)
    frame = alike.select("customer", "stratum").order_by("customer").to_pyarrow()
    members = Members(*(frame[name].to_numpy() for name in ("customer", "stratum")))
    kinds = [kind for kind in judged[0].tallies if kind != OFFERED] if judged else []
    others = {kind: did(view, alike, kind, horizon) for kind in kinds}
    holders = []
    for trigger, each in zip(triggers, judged, strict=True):
        reasons = reasons_of([trigger], view)
        targets = Targets(view, done, alike, reasons, trigger.items(view))
        view.snapshot.drop(reasons)
        holders.append(np.unique(targets.cases.customer))
        _add(each, targets, holders[-1], members, others, horizon)
    overlap.add(holders)
    view.snapshot.drop(alike)


def _add(
    judged: _Judged,
    targets: Targets,
    holders: np.ndarray,
    members: Members,
    others: Mapping[str, Pairs],
    horizon: timedelta,
) -> None:
    """Add a day of one trigger."""
    if not len(holders):
        return
    judged.reasons += targets.reasons
    judged.days[holders] += 1
    having = Pairs(holders, np.zeros(len(holders), dtype=np.int64))
    judged.with_controls += _with_controls(members, holders)
    for kind, tally in judged.tallies.items():
        if kind == OFFERED:
            tally.add(members, targets.cases, targets.did(horizon), targets.before())
        else:
            tally.add(members, having, others[kind], NOBODY)


NOBODY = Pairs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def _with_controls(members: Members, holders: np.ndarray) -> int:
    """How many customers with a reason have others without one in their stratum."""
    holds = np.isin(members.customer, holders, assume_unique=True)
    cases = np.bincount(members.stratum[holds], minlength=members.stratum.max() + 1)
    everybody = np.bincount(members.stratum)
    return int(cases[everybody > cases].sum())


def _figures(judged: Sequence[_Judged], overlap: Overlap, seed: int) -> dict[str, TriggerFigures]:
    every = iter(lifts([tally for each in judged for tally in each.tallies.values()], seed))
    figures = {}
    for number, each in enumerate(judged):
        outcomes = {kind: next(every) for kind in each.tallies}
        customers, days = int(np.count_nonzero(each.days)), int(each.days.sum())
        hidden = 0 < customers < LEAST
        shares = overlap.shares(number, days)
        figures[each.name] = TriggerFigures(
            reasons=None if hidden else each.reasons,
            customers=None if hidden else customers,
            compared=None if hidden or not days else round(each.with_controls / days, 9),
            outcomes=outcomes,
            overlap={
                other.name: None if hidden else share
                for other, share in zip(judged, shares, strict=True)
                if other is not each
            },
        )
    return figures
