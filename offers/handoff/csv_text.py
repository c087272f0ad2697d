"""CSV whose cells no spreadsheet takes for a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet may run a cell that begins with one of these."""
_NUMBER = re.compile(r"[+-][0-9 ()./-]*")
"""Phone and other numbers: they stay as they are, because programs read them."""
_END = "\r\n"


def csv_line(cells: Iterable[object]) -> str:
    """A line of CSV: times as ISO 8601, None as an empty cell."""
    text = io.StringIO()
    # The writer quotes cells with a character of its line's end: else "\r" could begin a line.
    csv.writer(text, lineterminator=_END).writerow([_cell(value) for value in cells])
    return text.getvalue().removesuffix(_END) + "\n"


def csv_lines(columns: Sequence[str], rows: Iterable[object]) -> Iterable[str]:
    """A header, and a line with these attributes of each row."""
    yield csv_line(columns)
    for row in rows:
        yield csv_line([getattr(row, column) for column in columns])


def _cell(value: object) -> str:
    """The text of a cell; a quote precedes what might be run."""
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
