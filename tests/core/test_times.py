"""Parsing instants and lengths of time."""

from datetime import UTC, date, datetime, timedelta

import pytest

from followsuit.core.times import TimeError, instant, length

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-01",
        "2026-01-01T00:00",
        "2026-01-01T00:00:00Z",
        "2026-01-01T02:00:00+02:00",
        "2025-12-31 19:00:00-05:00",
        date(2026, 1, 1),
        datetime(2026, 1, 1),  # noqa: DTZ001
        NEW_YEAR,
    ],
)
def test_an_instant_is_in_utc_and_a_date_means_midnight(written: str | date) -> None:
    assert instant(written) == NEW_YEAR
    assert instant(written).tzinfo is UTC


@pytest.mark.parametrize("written", ["", "soon", "2025-13-01", "2025-02-29", "31.12.2025", "1735"])
def test_the_message_names_an_invalid_date(written: str) -> None:
    with pytest.raises(TimeError, match=r"isn't a valid date\. Write 2025-12-31") as caught:
        instant(written)
    assert repr(written) in str(caught.value)


def test_a_number_is_no_instant() -> None:
    with pytest.raises(TimeError, match=r"^20250101 isn't a valid date\. Write 2025-12-31"):
        instant(20250101)  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["1899-12-31", "2101-01-01", "0001-01-01T00:00:00+14:00"])
def test_an_instant_centuries_away_is_refused(written: str) -> None:
    with pytest.raises(TimeError, match="from the years 1900 to 2100"):
        instant(written)


@pytest.mark.parametrize(
    ("written", "long"),
    [
        ("14d", timedelta(days=14)),
        ("2w", timedelta(days=14)),
        ("36h", timedelta(hours=36)),
        ("007d", timedelta(days=7)),
        (timedelta(minutes=5), timedelta(minutes=5)),
    ],
)
def test_a_length_is_a_number_and_a_unit(written: str | timedelta, long: timedelta) -> None:
    assert length(written) == long


@pytest.mark.parametrize(
    "written", ["", "14", "d", "14 d", "-1d", "1.5d", "14D", "14m", "٣d", "99999999999999999999d"]
)
def test_the_message_names_an_invalid_length(written: str) -> None:
    with pytest.raises(TimeError, match=r"isn't a valid length of time\. Write 14d, 2w or 36h"):
        length(written)


@pytest.mark.parametrize("written", ["0d", "9999999w", "36526d", timedelta(), timedelta(days=-1)])
def test_a_length_is_positive_and_limited(written: str | timedelta) -> None:
    with pytest.raises(TimeError, match="is out of range"):
        length(written)
