"""Checks before a run is activated: a stale or empty run must not replace a good one.

| a run is refused if | overridden by |
|---|---|
| its `as_of` is older than the active run's | `activate` |
| nobody is eligible, or no offer is active | `activate` |
| there is no purchase or visit, or the result has no offers | `activate` |
| the newest purchase or visit is older than `max_age` | a longer `max_age` |
| too few of the active run's customers get an offer again | a lower `min_share` |

The checks of the result come last; the others come before the work starts. If `activate` is False,
the checks give notes instead, unless there is nothing to do.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from followsuit.core.errors import FollowsuitError
from followsuit.graph import tables as t
from followsuit.graph.results.runs import Run
from followsuit.graph.views.view import View
from followsuit.offers.run_parameters import OFFERED_TO

MAX_AGE = timedelta(days=7)
MIN_SHARE = 0.5

_DAY = timedelta(days=1)

Tell = Callable[[str], None]

_EMPTY = "or give --activate to activate a run without offers"


def ignore_note(note: str) -> None:
    """Ignore a note: the default of functions that take a `Tell`."""


class Refused(FollowsuitError):
    """The run is stale or empty. It isn't activated, and the active run stays."""


@dataclass(frozen=True)
class Guards:
    """The limits that a run must meet.

    Args:
        max_age: maximum age of the newest purchase or visit, before `as_of`.
        min_share: share of the customers with offers in the active run, from 0 to 1, who must get
            an offer again.
        activate: None to activate unless a check refuses; True to also activate an older or an
            empty run; False to activate nothing.
        tell: called with each note.

    Raises:
        Refused: `min_share` isn't between 0 and 1.
    """

    max_age: timedelta
    min_share: float
    activate: bool | None
    tell: Tell

    def __post_init__(self) -> None:
        if not 0 <= self.min_share <= 1:
            raise Refused(f"--min-share {self.min_share} isn't valid. Give a share from 0 to 1.")

    def check_order(self, active: Run | None, as_of: datetime) -> None:
        """Refuse a run whose `as_of` is older than the active run's.

        Raises:
            Refused: it is older, and `activate` is None.
        """
        if active is not None and as_of < active.as_of and not self.activate:
            self._refuse(
                f"The active run {active.run_id} is as of {_time(active.as_of)}, later than "
                f"{_time(as_of)}.",
                "Give --activate to replace it, or --no-activate to score without activating.",
            )

    def check_data(self, view: View) -> None:
        """Refuse if there can't be any offers, or if the data is too old.

        Raises:
            Refused: nobody is eligible, no offer is active, there is no purchase or visit, or the
                newest one is too old.
        """
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
        """Give a note about options that differ from those of the offers that are kept."""
        if other:
            self.tell(f"The other customers' offers were made with a different {', '.join(other)}.")

    def check_offers(self, customers: Set[str], contacted: Set[str]) -> None:
        """Refuse a run without offers.

        Args:
            customers: the customers with offers in the new run.
            contacted: the customers who get none because they have been contacted enough.

        Raises:
            Refused: there are none, and `activate` is None.
        """
        if not customers | contacted and not self.activate:
            self._refuse(
                "No customer has a reason, so there are no offers.",
                f"Check the consents and the newest purchases, {_EMPTY}.",
            )

    def check_share(
        self, active: Run, before: Set[str], customers: Set[str], contacted: Set[str]
    ) -> None:
        """Refuse a run with offers for too few of the customers with offers in the active run.

        Customers whose offers were withdrawn since the active run was made count as lost. Those who
        have been contacted enough don't.

        Args:
            active: the active run, made with the same options.
            before: the customers with offers in the active run.
            customers: the customers with offers in the new run.
            contacted: the customers who get none because they have been contacted enough.

        Raises:
            Refused: the share is less than `min_share`, and `activate` isn't False.
        """
        had = int(active.parameters.get(OFFERED_TO, len(before)))
        kept = len(before & (customers | contacted))
        if customers and kept < self.min_share * had:
            self._refuse(
                f"Of the {had:,} customers with offers in the active run {active.run_id}, "
                f"{kept:,} get one ({kept / had:.0%}): fewer than --min-share {self.min_share:g}.",
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
    """Format a length of time as options take it: in days if they are whole, else in hours."""
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
        f"No offer in the table offers is active as of {_time(view.as_of)}.",
        f"Load offers that are active, {_EMPTY}.",
    )


def _anybody_shares(view: View) -> bool:
    return bool(view.people.filter(view.people.shares).count().execute())


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
