"""Parses the instants and lengths of time that users write."""

import re
from datetime import UTC, date, datetime, time, timedelta

from followsuit.core.errors import FollowsuitError

_LENGTH = re.compile(r"0*(\d{1,7})([hdw])", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_LONGEST = timedelta(days=36_525)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class TimeError(FollowsuitError):
    """The text isn't a valid date or length of time."""


def instant(value: str | date | datetime) -> datetime:
    """An instant in UTC: a date means 00:00 UTC, and a time without a zone is in UTC.

    Raises:
        TimeError: it isn't a valid date or time, or its year is out of range.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise TimeError(f"{value!r} isn't a valid date. Write 2025-12-31.") from error
    if not isinstance(value, date):
        raise TimeError(f"{value!r} isn't a valid date. Write 2025-12-31.")
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise TimeError(
            f"{value} is out of range. Give a date from the years {_FIRST_YEAR} to {_LAST_YEAR}."
        )
    return utc(value)


def utc(time: datetime) -> datetime:
    """A time in UTC; one without a zone is in UTC already."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def length(text: str | timedelta) -> timedelta:
    """A length of time: `14d`, `2w`, `36h`.

    Raises:
        TimeError: the text isn't a valid length, or the length is 0 or over a hundred years.
    """
    if isinstance(text, str):
        match = _LENGTH.fullmatch(text)
        if match is None:
            raise TimeError(f"{text!r} isn't a valid length of time. Write 14d, 2w or 36h.")
        span = int(match[1]) * _UNITS[match[2]]
    else:
        span = text
    if not timedelta() < span <= _LONGEST:
        raise TimeError(f"{text} is out of range. Give a length from an hour to a hundred years.")
    return span
