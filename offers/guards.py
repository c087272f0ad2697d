"""Checks before a run is activated: a stale or empty run must not replace a good one.

| found | overridden by |
|---|---|
| an `as_of` older than the active run's | `activate` |
| nobody eligible, no offer active, no purchase or visit, no offers in the result | `activate` |
| the newest purchase or visit is older than `max_age` | a longer `max_age` |
| too few customers keep having offers | a lower `min_share` |

All but the last and an empty result are found before the work. Without activation (`activate` is
False) they are notes, except where there is nothing to do.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from followsuit.core.errors import FollowsuitError
from followsuit.graph import tables as t
from followsuit.graph.runs import Run
from followsuit.graph.view import View
from followsuit.offers.activation import OFFERED_TO

MAX_AGE = timedelta(days=7)
MIN_SHARE = 0.5

_DAY = timedelta(days=1)

Tell = Callable[[str], None]

_EMPTY = "or give --activate to activate a run without offers"


def ignore_note(note: str) -> None:
    """Pass a note over: the default of functions that take a `Tell`."""


class Refused(FollowsuitError):
    """The run isn't activated; the active run stays as it is."""


@dataclass(frozen=True)
class Guards:
    """The limits that a run must meet.

    Args:
        max_age: how much older than `as_of` the newest purchase or visit may be.
        min_share: of the customers with offers in the active run, how many must get one, 0 to 1.
        activate: None to activate unless a guard refuses; True to activate an older or an empty
            run too; False to activate nothing.
        tell: called with each note.
    """

    max_age: timedelta
    min_share: float
    activate: bool | None
    tell: Tell

    def __post_init__(self) -> None:
        if not 0 <= self.min_share <= 1:
            raise Refused(f"--min-share {self.min_share} isn't valid. Give a share from 0 to 1.")

    def check_order(self, active: Run | None, as_of: datetime) -> None:
        """Refuse a run that is older than the active one."""
        if active is not None and as_of < active.as_of and not self.activate:
            self._refuse(
                f"The active run {active.run_id} is as of {_time(active.as_of)}, later than "
                f"{_time(as_of)}.",
                "Give --activate to replace it, or --no-activate to score without activating.",
            )

    def check_data(self, view: View) -> None:
        """Refuse where nothing can come of the work, or where the data is too old."""
        if not self.activate:
            nothing = _nobody_eligible(view) or _no_offer_active(view)
            if nothing:
                raise Refused(" ".join(nothing))
        newest = view.newest_interaction()
        if newest is not None:
            self._check_age(newest, view.as_of)
        elif not self.activate:
            raise Refused(
                f"There are no purchases or visits up to {_time(view.as_of)}. Give a later "
                f"--as-of, {_EMPTY}."
            )
        if not _anybody_shares(view):
            self.tell(
                "Nobody shares activity (no social_use consent): no offer can come from friends."
            )

    def note_options(self, other: list[str]) -> None:
        """Note the options that differ from those of the offers that are kept."""
        if other:
            self.tell(f"The other customers' offers were made with a different {', '.join(other)}.")

    def check_offers(self, reached: Set[str]) -> None:
        """Refuse a run that offers nothing to anybody."""
        if not reached and not self.activate:
            self._refuse(
                "No customer has a reason, so there are no offers.",
                f"Check the consents and the newest purchases, {_EMPTY}.",
            )

    def check_share(self, active: Run, before: Set[str], reached: Set[str]) -> None:
        """Refuse a run that offers something to too few of those whom the active run reached.

        Customers whose offers were withdrawn since the active run was made count as lost.

        Args:
            active: the active run, of the same options.
            before: customers with offers in it.
            reached: customers with offers in the new run.
        """
        had = int(active.parameters.get(OFFERED_TO, len(before)))
        kept = len(before & reached)
        if reached and kept < self.min_share * had:
            self._refuse(
                f"Of the {had:,} customers with offers in the active run {active.run_id}, "
                f"{kept:,} get one ({kept / had:.0%}): fewer than --min-share "
                f"{self.min_share:g}.",
                "Check what was loaded, or give --min-share 0.",
            )

    def _check_age(self, newest: datetime, as_of: datetime) -> None:
        age = as_of - newest
        if age > self.max_age:
            self._refuse(
                f"The newest purchase or visit is from {_time(newest)}, {age / _DAY:.1f} days "
                f"before {_time(as_of)}: older than --max-age {in_words(self.max_age)}.",
                f"Load newer ones, or give --max-age {-(-age // _DAY)}d.",
            )

    def _refuse(self, why: str, override: str) -> None:
        if self.activate is not False:
            raise Refused(f"{why} Nothing is activated. {override}")
        self.tell(why)


def in_words(length: timedelta) -> str:
    """A duration in the form that options take: days if it is whole days, else hours."""
    days, rest = divmod(length, _DAY)
    return f"{days}d" if days and not rest else f"{length // timedelta(hours=1)}h"


def _nobody_eligible(view: View) -> tuple[str, str] | None:
    if not view.assume_consent and not view.snapshot.rows(t.CONSENTS).count().execute():
        return (
            "There is no consent data, so nobody may be contacted.",
            f"Load the table consents, or use `load --assume-consent`; {_EMPTY}.",
        )
    people = view.people
    if people.filter(people.blocked_by.isnull()).count().execute():
        return None
    return (
        f"No customer is eligible as of {_time(view.as_of)}: nobody is known to be an adult "
        "and has agreed to contact.",
        f"Load consents and birth dates, or use `load --assume-consent`; {_EMPTY}.",
    )


def _no_offer_active(view: View) -> tuple[str, str] | None:
    if view.offers is None or view.offers.count().execute():
        return None
    return (
        f"No offer of the table offers is active as of {_time(view.as_of)}.",
        f"Load offers that are, {_EMPTY}.",
    )


def _anybody_shares(view: View) -> bool:
    return bool(view.people.filter(view.people.shares).count().execute())


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
