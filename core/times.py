"""Instants and lengths of time as people write them."""

import re
from datetime import UTC, date, datetime, time, timedelta

from followsuit.core.errors import FollowsuitError

_LENGTH = re.compile(r"0*(\d{1,7})([hdw])", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_LONGEST = timedelta(days=36_525)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class TimeError(FollowsuitError):
    """Text that is no date, or no length of time."""


def instant(value: str | date | datetime) -> datetime:
    """An instant in UTC: a date is its 00:00 UTC, a time without a zone is in UTC.

    Raises:
        TimeError: the text is neither, or it lies centuries away.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise TimeError(f"{value!r} is no date. Write 2025-12-31.") from error
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise TimeError(f"{value} is not of the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def length(text: str | timedelta) -> timedelta:
    """A length of time: `14d`, `2w`, `36h`.

    Raises:
        TimeError: the text is none, or it is 0 or longer than a hundred years.
    """
    if isinstance(text, str):
        match = _LENGTH.fullmatch(text)
        if match is None:
            raise TimeError(f"{text!r} is no length of time. Write 14d, 2w or 36h.")
        found = int(match[1]) * _UNITS[match[2]]
    else:
        found = text
    if not timedelta() < found <= _LONGEST:
        raise TimeError(f"{text} is no length from an hour to a hundred years.")
    return found
