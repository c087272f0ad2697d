"""Time formats: the whole text must match the format."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.deliveries import deliver
from support.reading import read

from followsuit.loaders.staging.time_formats import OFFSET, pattern_of


def times(folder: Path, *cells: str, **options: str) -> list[datetime | None]:
    """The loaded value of each cell of a column; None for a fault."""
    rows = [
        {"visit_id": f"v{i}", "customer_id": "c", "store_id": "s", "t": cell}
        for i, cell in enumerate(cells)
    ]
    mapping = {"columns": {"at": {"column": "t", **options}}}
    sound, _ = read(deliver(folder, visits=rows), "visits", mapping)
    time_by_id = {row["visit_id"]: row["at"] for row in sound}
    return [time_by_id.get(f"v{i}") for i in range(len(cells))]


class TestFormats:
    @pytest.mark.parametrize(
        ("form", "good", "bad"),
        [
            (
                "%d.%m.%Y",
                ("05.01.2025", "5.1.2025"),
                (
                    "5.1.25",
                    "05.01.02025",
                    "05.01.2025x",
                    "05. 01.2025",
                    "005.01.2025",
                    "05.13.2025",
                    "31.04.2025",
                    "5-1-2025",
                    "٠٥.٠١.٢٠٢٥",
                ),
            ),
            ("%Y%m%d", ("20250105",), ("2025015", "250105", "2025-01-05", "202501051")),
            ("%d/%m/%y", ("05/01/25",), ("05/01/2025", "05/01/5")),
            ("%-d.%-m.%Y", ("5.1.2025", "05.01.2025"), ("5.1.25", "5.1.2025.")),
            ("%x", ("2025-01-05",), ("25-01-05", "2025-01-05T00")),
            ("%d %b %Y", ("05 Jan 2025", "5 JAN 2025"), ("5 Jän 2025", "5 January 2025")),
            ("%B %d, %Y", ("January 05, 2025",), ("Jan 05, 2025",)),
            ("%Y-%j", ("2025-005",), ("2025-366", "25-005", "2025-0005")),
            ("%d.%m.%Y%%", ("05.01.2025%",), ("05.01.2025",)),
            ("(%Y)+%m.%d", ("(2025)+01.05",), ("(2025)01.05", "(2025)+01x05")),
        ],
    )
    def test_a_day_must_match_the_format(
        self, tmp_path: Path, form: str, good: tuple[str, ...], bad: tuple[str, ...]
    ) -> None:
        parsed = times(tmp_path, *good, *bad, format=form)
        assert parsed == [datetime(2025, 1, 5, tzinfo=UTC)] * len(good) + [None] * len(bad)

    @pytest.mark.parametrize(
        ("form", "good", "bad"),
        [
            ("%Y-%m-%d %H:%M", ("2025-01-05 17:30",), ("2025-01-05 24:00", "2025-01-05 17:60")),
            (
                "%Y-%m-%d %I:%M %p",
                ("2025-01-05 05:30 PM", "2025-01-05 5:30 pm"),
                ("2025-01-05 17:30 PM", "2025-01-05 00:30 PM", "2025-01-05 5:30"),
            ),
            (
                "%Y-%m-%dT%H:%M:%S.%f",
                ("2025-01-05T17:30:00.0", "2025-01-05T17:30:00.000000"),
                ("2025-01-05T17:30:00.0000000", "2025-01-05T17:30:60.0", "2025-01-05T17:30:00."),
            ),
            (
                "%Y-%m-%d %T %z",
                (
                    "2025-01-05 23:00:00 +0530",
                    "2025-01-05 12:00:00 -05:30",
                    "2025-01-05 18:30:00 +01",
                ),
                (
                    "2025-01-05 17:30:00 +24:00",
                    "2025-01-05 17:30:00 +0060",
                    "2025-01-05 17:30:00 +5",
                    "2025-01-05 17:30:00 +05:30:15",
                    "2025-01-05 17:30:00 +99:99",
                ),
            ),
            (
                "%Y-%m-%d %H:%M %Z",
                ("2025-01-05 18:30 Europe/Berlin", "2025-01-05 17:30 UTC"),
                ("2025-01-05 17:30 Nowhere/Town", "2025-01-05 17:30 +01:00"),
            ),
        ],
    )
    def test_a_time_must_match_the_format(
        self, tmp_path: Path, form: str, good: tuple[str, ...], bad: tuple[str, ...]
    ) -> None:
        parsed = times(tmp_path, *good, *bad, format=form)
        assert parsed == [datetime(2025, 1, 5, 17, 30, tzinfo=UTC)] * len(good) + [None] * len(bad)

    @settings(deadline=None)
    @given(
        st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)),  # noqa: DTZ001
        st.sampled_from(["%Y-%m-%d %H:%M:%S.%f", "%d%m%Y%H%M%S", "%b %d %Y %I:%M:%S %p", "%Y %j"]),
    )
    def test_what_python_writes_matches(self, time: datetime, form: str) -> None:
        assert re.fullmatch(pattern_of(form), time.strftime(form))


class TestOffsets:
    @given(st.integers(0, 99), st.integers(0, 99), st.sampled_from("+-"), st.booleans())
    def test_hours_end_at_23_and_minutes_at_59(
        self, hours: int, minutes: int, sign: str, colon: bool
    ) -> None:
        text = f"{sign}{hours:02}{':' * colon}{minutes:02}"
        assert bool(re.fullmatch(OFFSET, text)) == (hours < 24 and minutes < 60)

    def test_they_hold_for_every_kind_of_time_and_date(self, tmp_path: Path) -> None:
        sound = ("Z", "+00:00", "-23:59", "+2359", "+14")
        wrong = ("+24:00", "-2400", "+24", "+05:60", "+0599", "-99:99", "+1", "+001")
        offsets = (*sound, *wrong)
        cells = [f"2025-01-05T12:00:00{offset}" for offset in offsets]
        parsed = times(tmp_path / "1", *cells)
        assert parsed[:5] == [datetime.fromisoformat(cell).astimezone(UTC) for cell in cells[:5]]
        assert parsed[5:] == [None] * 8
        people = [{"customer_id": o, "birth_date": c} for o, c in zip(offsets, cells, strict=True)]
        rows, _ = read(deliver(tmp_path / "2", customers=people), "customers")
        assert tuple(row["customer_id"] for row in rows) == sound
        likes = [
            {"customer_id": o, "interest": "x", "at": c}
            for o, c in zip(offsets, cells, strict=True)
        ]
        rows, _ = read(deliver(tmp_path / "3", likes=likes), "likes")
        assert tuple(row["customer_id"] for row in rows) == sound
