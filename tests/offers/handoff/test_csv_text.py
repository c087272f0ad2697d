"""CSV that spreadsheets show and don't run."""

import csv
import io
from datetime import UTC, datetime

import pytest

from followsuit.offers.handoff.csv_text import csv_line, csv_lines


def read(line: str) -> list[str]:
    (cells,) = csv.reader([line])
    return cells


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+A1",
        "-A1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        '=HYPERLINK("http://x")',
        "-1+cmd|' /C",
    ],
)
def test_what_a_spreadsheet_might_run_is_quoted(text: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_line([text, "x"]), newline="")))
    assert rows == [[f"'{text}", "x"]]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_no_cell_begins_a_line_of_its_own(end: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_line([f"a{end}=1", "x"]), newline="")))
    assert rows == [[f"a{end}=1", "x"]]


@pytest.mark.parametrize("text", ["+49 (0)30 555-1", "-12", 'Müller, "Ann"', "a=b", "x@y.org"])
def test_phone_numbers_and_other_text_stay_as_they_are(text: str) -> None:
    assert read(csv_line([text])) == [text]


def test_times_are_in_utc_and_nothing_is_an_empty_cell() -> None:
    at = datetime(2025, 1, 2, 8, tzinfo=UTC)
    assert csv_line([at, None, 3]) == "2025-01-02T08:00:00+00:00,,3\n"


def test_lines_have_a_header_and_the_attributes_of_each_row() -> None:
    at = datetime(2025, 1, 2, tzinfo=UTC)
    assert list(csv_lines(("year", "day"), [at])) == ["year,day\n", "2025,2\n"]
