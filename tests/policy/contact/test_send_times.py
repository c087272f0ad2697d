"""Offers go out outside quiet hours, at the hour at which the customer usually answers."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from followsuit.policy.contact.answers import Answers
from followsuit.policy.contact.send_times import is_quiet, send_times
from followsuit.policy.declared.policy import Quiet

BERLIN = Quiet.model_validate({"from": "21:00", "until": "08:00", "zone": "Europe/Berlin"})
EARLIEST, LATEST = datetime.fromisoformat("2024-01-01"), datetime.fromisoformat("2026-01-01")
NOON_PAUSE = Quiet.model_validate({"from": "12:00", "until": "14:00", "zone": "UTC"})


def answers(zone: str | None, *answered_at: datetime) -> Answers:
    at = pd.Series(pd.to_datetime(list(answered_at), utc=True))
    rows = pd.DataFrame({"row": np.zeros(len(at), dtype=np.int64), "at": at})
    return Answers(np.zeros((1, 1)), np.array([zone], dtype=object), rows)


def time_for(
    as_of: datetime, zone: str | None, quiet: Quiet | None, *answered_at: datetime
) -> datetime | None:
    (time,) = send_times(as_of, answers(zone, *answered_at), quiet)
    return time if time is None else time.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("as_of", "zone", "expected"),
    [
        (datetime(2025, 1, 10, 0, tzinfo=UTC), None, datetime(2025, 1, 10, 7, tzinfo=UTC)),
        (datetime(2025, 7, 10, 0, tzinfo=UTC), None, datetime(2025, 7, 10, 6, tzinfo=UTC)),
        (datetime(2025, 1, 10, 0, tzinfo=UTC), "Asia/Tokyo", None),
        (datetime(2025, 1, 10, 22, tzinfo=UTC), None, datetime(2025, 1, 11, 7, tzinfo=UTC)),
        (datetime(2025, 1, 10, 9, tzinfo=UTC), "Nowhere/Land", None),
        # Clocks go forward in the night.
        (datetime(2025, 3, 30, 0, tzinfo=UTC), None, datetime(2025, 3, 30, 6, tzinfo=UTC)),
    ],
)
def test_quiet_hours_are_in_the_customers_own_time(
    as_of: datetime, zone: str | None, expected: datetime | None
) -> None:
    assert time_for(as_of, zone, BERLIN) == expected


def test_offers_wait_for_the_hour_of_most_answers() -> None:
    night = datetime(2025, 1, 10, tzinfo=UTC)
    evenings = [datetime(2025, 1, d, 17, 20, tzinfo=UTC) for d in (1, 3, 5)]
    morning = datetime(2025, 1, 4, 9, tzinfo=UTC)
    assert time_for(night, "Europe/Berlin", None, *evenings, morning) == datetime(
        2025, 1, 10, 17, tzinfo=UTC
    )
    late = [datetime(2025, 1, d, 22, 20, tzinfo=UTC) for d in (1, 3, 5)]
    in_the_morning = datetime(2025, 1, 10, 7, tzinfo=UTC)
    assert time_for(night, None, BERLIN, *late) == in_the_morning, "never in quiet hours"


@given(
    as_of=st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
    quiet=st.sampled_from([BERLIN, NOON_PAUSE]),
    hour=st.integers(0, 23),
)
def test_nothing_is_sent_in_quiet_hours_or_in_the_past(
    as_of: datetime, zone: str, quiet: Quiet, hour: int
) -> None:
    answered = [datetime(2023, 5, day, hour, tzinfo=UTC) for day in (1, 2, 3)]
    time = time_for(as_of, zone, quiet, *answered) or as_of
    assert as_of <= time <= as_of + timedelta(days=1, hours=2)
    assert not is_quiet(time.astimezone(ZoneInfo(zone)), quiet)
