"""Rows as an Excel workbook: what its cells hold, and what it refuses to hold."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

from followsuit.cli.app import OutputError
from followsuit.cli.excel import MAX_ROWS
from followsuit.cli.tables import format_of, write_rows

TIMES = [datetime(2025, 6, 1, 10, tzinfo=UTC), datetime(1850, 1, 1, tzinfo=UTC)] + 3 * [None]
ODD = {
    "text": ["007", "=1+1", "https://a.example", "  é", None],
    "whole": [3, 2**60, -1, 0, None],
    "number": [0.1, float("inf"), float("nan"), -2.5, None],
    "flag": [True, False, None, None, None],
    "at": pa.array(TIMES, pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us", tz="+02:00")),
    "day": [date(2025, 6, 1), date(1900, 1, 1), None, None, None],
    "list": [[1, 2], [], None, None, None],
}


def test_cells_hold_the_values_and_text_stays_text(tmp_path: Path) -> None:
    write_rows(pa.table(ODD), None, tmp_path / "odd.xlsx")
    (sheet,) = openpyxl.load_workbook(tmp_path / "odd.xlsx").worksheets
    header, *rows = sheet.values
    assert header == tuple(ODD)
    assert rows == [
        ("007", 3, 0.1, True, datetime(2025, 6, 1, 10), datetime(2025, 6, 1), "[1, 2]"),  # noqa: DTZ001
        ("=1+1", str(2**60), "inf", False, "1850-01-01T02:00:00+02:00", "1900-01-01", "[]"),
        ("https://a.example", -1, "nan", None, None, None, None),
        ("  é", 0, -2.5, None, None, None, None),
    ]
    assert {cell.data_type for row in sheet["A2:A5"] for cell in row} == {"s"}
    assert sheet["A4"].hyperlink is None


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_rows(pa.table(ODD), None, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_more_than_a_sheet_holds_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "big.xlsx"
    path.write_text("old")
    with pytest.raises(OutputError, match=r"1,048,576 rows .* holds 1,048,575 .* Write \.parquet"):
        write_rows(pa.table({"n": pa.nulls(MAX_ROWS + 1)}), None, path)
    assert path.read_text() == "old"
    with pytest.raises(OutputError, match="Row 2 has 40,000 characters in story; a cell of Excel"):
        write_rows(pa.table({"story": ["short", "x" * 40_000]}), None, path)


def test_without_the_extra_the_error_names_it_before_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(OutputError, match=r"\.xlsx needs XlsxWriter: pip install 'followsuit\[ex"):
        format_of(Path("o.xlsx"))
