"""Conditions on dates: anniversaries and windows in the customer's own days."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import view_from

from followsuit.triggers.compiler.dates import on_date
from followsuit.triggers.definitions.definition import OnDate

MOMENT = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def reached(
    folder: Path, as_of: datetime, condition: OnDate, **customer: Any
) -> tuple[datetime, datetime | None] | None:
    """When the date came within reach and when it ends; None if the condition doesn't hold."""
    view = view_from(folder, as_of, customers=[{"customer_id": "ann", **customer}])
    rows = on_date(view, condition).to_pyarrow().to_pylist()
    return (rows[0]["last_at"], rows[0]["until"]) if rows else None


def birthday(folder: Path, as_of: datetime, days: int, **customer: Any) -> Any:
    return reached(folder, as_of, OnDate(date="birth_date", ahead=f"{days}d"), **customer)


@pytest.mark.parametrize(
    ("day", "within_reach"),
    [(7, False), (8, True), (15, True), (16, False)],
)
def test_an_anniversary_is_within_reach_from_days_before_to_its_end(
    day: int, within_reach: bool, tmp_path: Path
) -> None:
    born = date(1990, 6, 15)
    found = birthday(tmp_path, utc(f"2025-06-{day:02}T12:00"), 7, birth_date=born)
    assert found == ((utc("2025-06-08"), utc("2025-06-16")) if within_reach else None)


def test_days_begin_in_the_customers_zone(tmp_path: Path) -> None:
    new_york = {"birth_date": date(1990, 6, 15), "timezone": "America/New_York"}
    begins, ends = utc("2025-06-14T04:00"), utc("2025-06-16T04:00")
    instants = [(begins - MOMENT, False), (begins, True), (ends - MOMENT, True), (ends, False)]
    for number, (as_of, held) in enumerate(instants):
        found = birthday(tmp_path / str(number), as_of, 1, **new_york)
        assert found == ((begins, ends) if held else None)


@pytest.mark.parametrize("zone", ["Nowhere/Land", "../etc", "", None])
def test_an_unknown_zone_counts_as_utc(zone: str | None, tmp_path: Path) -> None:
    born = date(1990, 6, 15)
    found = birthday(tmp_path, utc("2025-06-15"), 1, birth_date=born, timezone=zone)
    assert found == (utc("2025-06-14"), utc("2025-06-16"))


def test_where_clocks_skip_midnight_the_day_begins_after_the_gap(tmp_path: Path) -> None:
    # Havana's clocks went from 00:00 to 01:00 on 9 March 2025, at 05:00 UTC.
    found = birthday(
        tmp_path,
        utc("2025-03-08T18:00"),
        7,
        birth_date=date(1990, 3, 8),
        timezone="America/Havana",
    )
    assert found == (utc("2025-03-01T05:00"), utc("2025-03-09T05:00"))


@pytest.mark.parametrize(
    ("as_of", "day"),
    [
        ("2024-02-27", "2024-02-29"),
        ("2025-02-27", "2025-02-28"),
        ("2025-12-31", None),
        ("2100-02-28", "2100-02-28"),
    ],
)
def test_the_29th_of_february_is_the_28th_in_other_years(
    as_of: str, day: str | None, tmp_path: Path
) -> None:
    found = birthday(tmp_path, utc(as_of), 7, birth_date=date(1988, 2, 29))
    wanted = day and (utc(day) - timedelta(days=7), utc(day) + timedelta(days=1))
    assert found == wanted


def test_an_anniversary_may_lie_in_the_next_year(tmp_path: Path) -> None:
    found = birthday(tmp_path, utc("2025-12-30"), 7, birth_date=date(1990, 1, 2))
    assert found == (utc("2025-12-26"), utc("2026-01-03"))


def test_the_day_of_joining_is_no_anniversary(tmp_path: Path) -> None:
    condition = OnDate(date="joined_at", ahead="7d")
    joined = utc("2024-06-15T09:00")
    assert reached(tmp_path / "a", joined, condition, joined_at=joined) is None
    year_later = reached(tmp_path / "b", utc("2025-06-15"), condition, joined_at=joined)
    assert year_later == (utc("2025-06-08"), utc("2025-06-16"))


@pytest.mark.parametrize(
    ("as_of", "held"),
    [("2025-05-31", False), ("2025-06-01", True), ("2025-06-08", True), ("2025-06-09", False)],
)
def test_a_kept_date_ahead_counts_itself(as_of: str, held: bool, tmp_path: Path) -> None:
    attributes = json.dumps({"contract_ends": "2025-06-08", "other": "never"})
    condition = OnDate(date="contract_ends", ahead="7d")
    found = reached(tmp_path, utc(as_of), condition, attributes=attributes)
    assert (found is not None) == held


def test_a_date_within_a_window_is_an_instant(tmp_path: Path) -> None:
    condition = OnDate(date="joined_at", within="14d")
    joined = utc("2025-06-01T09:00")
    ends = joined + timedelta(days=14)
    for number, (as_of, held) in enumerate([(joined, True), (ends - MOMENT, True), (ends, False)]):
        found = reached(tmp_path / str(number), as_of, condition, joined_at=joined)
        assert found == ((joined, None) if held else None)


def test_a_missing_or_broken_date_never_holds(tmp_path: Path) -> None:
    for number, attributes in enumerate([None, "{}", '{"renewal": "soon"}']):
        condition = OnDate(date="renewal", ahead="99d")
        folder = tmp_path / str(number)
        assert reached(folder, utc("2025-06-01"), condition, attributes=attributes) is None
    assert birthday(tmp_path, utc("2025-06-01"), 99) is None
