"""When to send each customer's offers: outside quiet hours, at the hour they usually answer."""

import zoneinfo
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pandas as pd

from followsuit.policy.contact.answers import Answers
from followsuit.policy.declared.policy import Quiet

_DAY = timedelta(days=1)


def send_times(as_of: datetime, answers: Answers, quiet: Quiet | None) -> np.ndarray:
    """(customers,) the earliest time to send, in UTC; None if it may be sent at once.

    Args:
        as_of: the run's instant.
        answers: the customers' time zones, and when they answered.
        quiet: the hours in which nothing is sent.
    """
    default = quiet.zone if quiet else "UTC"
    zones = np.array([_known_zone(zone, default) for zone in answers.zone], dtype=object)
    hours = _usual_hours(answers, zones)
    pairs = pd.DataFrame({"zone": zones, "hour": hours})
    times = {
        (zone, hour): _first(as_of, zone, None if np.isnan(hour) else int(hour), quiet)
        for zone, hour in pairs.drop_duplicates().itertuples(index=False)
        if not np.isnan(hour)
    }
    at_once = {zone: _first(as_of, zone, None, quiet) for zone in pairs.zone.unique()}
    result = np.empty(len(zones), dtype=object)
    result[:] = [
        at_once[zone] if np.isnan(hour) else times[zone, hour]
        for zone, hour in zip(zones, hours, strict=True)
    ]
    return result


def _known_zone(zone: str | None, default: str) -> str:
    return zone if zone in _ZONES else default


_ZONES = zoneinfo.available_timezones()


def _usual_hours(answers: Answers, zones: np.ndarray) -> np.ndarray:
    """(customers,) the local hour of most of each customer's answers; NaN if unknown."""
    hours = np.full(len(zones), np.nan)
    rows = answers.answered_at
    if not len(rows):
        return hours
    zone = zones[rows.row]
    local = np.empty(len(rows), dtype=np.int64)
    for name in np.unique(zone.astype(str)):
        own = np.flatnonzero(zone == name)
        local[own] = rows["at"].iloc[own].dt.tz_convert(name).dt.hour
    counts = pd.DataFrame({"row": rows.row, "hour": local}).value_counts().reset_index()
    best = counts.sort_values(["row", "count", "hour"], ascending=[True, False, True])
    best = best.drop_duplicates("row")
    hours[best.row] = best.hour
    return hours


def _first(as_of: datetime, zone: str, hour: int | None, quiet: Quiet | None) -> datetime | None:
    """The first time from an instant on that suits; None if the instant itself does."""
    local = as_of.astimezone(zoneinfo.ZoneInfo(zone))
    if hour is not None:
        usual = _next(local, time(hour))
        if not is_quiet(usual, quiet):
            return usual.astimezone(UTC)
    if quiet is None or not is_quiet(local, quiet):
        return None
    return _next(local, quiet.until).astimezone(UTC)


def _next(local: datetime, clock: time) -> datetime:
    """The next time, from `local` on, at which clocks show a time of day."""
    same_day = datetime.combine(local.date(), clock, local.tzinfo)
    return same_day if same_day.astimezone(UTC) >= local.astimezone(UTC) else same_day + _DAY


def is_quiet(local: datetime, quiet: Quiet | None) -> bool:
    """Whether a local time is in the quiet hours; their end isn't."""
    if quiet is None:
        return False
    clock = local.time()
    if quiet.start < quiet.until:
        return quiet.start <= clock < quiet.until
    return clock >= quiet.start or clock < quiet.until
