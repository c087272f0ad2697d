"""Sheets of Excel workbooks (.xlsx), row by row, with the extra `excel`.

The first row that isn't empty is the header, unless the mapping names the columns. `row` counts the
sheet's rows below it, empty ones too. Cells become text: whole numbers without a point, dates and
times in ISO 8601, formulas as Excel last computed them.
"""

import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from followsuit.loaders.readers.batches import (
    BULK,
    LONGEST_ROW,
    Batches,
    OnFault,
    Reader,
    alike,
    number_text,
    with_rows,
)
from followsuit.loaders.sources import DeliveryError, Source
from followsuit.loaders.staging.rejects import Reject

_MOST_TEXT = 256 * 2**20
"""The maximum size in bytes of a workbook's list of texts, which must be in memory at once."""
_ROWS = 500
"""Rows to read at a time."""
_OLD_FORMAT = b"\xd0\xcf\x11\xe0"
"""The first bytes of .xls files, and of workbooks with a password."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ERRORS = {
    *("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA"),
    *("#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!"),
}
"""What a cell holds if its formula fails."""
_ERROR = "is an error of Excel"
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, KeyError, IndexError, ValueError),
    *(TypeError, AttributeError, RuntimeError),
)
"""What openpyxl raises for a damaged workbook."""

Cells = Sequence[Any]


class _Sheet(NamedTuple):
    """A sheet of a workbook."""

    file: str
    sheet: Any

    def rows(self) -> Iterator[Cells]:
        """The values of each row, from the sheet's first."""
        rows = self.sheet.iter_rows(values_only=True)
        size = 1  # often the first row is enough
        while True:
            with _damage(self.file):
                some = list(islice(rows, size))
            if not some:
                return
            yield from some
            size = _ROWS

    def is_empty(self) -> bool:
        """Whether no cell has a value."""
        return all(map(_is_blank, self.rows()))


@contextmanager
def open_workbook(path: Path, source: Source, on_fault: OnFault) -> Iterator[Reader]:
    """Open a sheet of a workbook.

    Args:
        path: the workbook.
        source: the source that the workbook belongs to.
        on_fault: called with each row that has an error in a column that is read.

    Raises:
        DeliveryError: the extra `excel` isn't installed; or the workbook can't be read, has a
            password, or lacks the sheet.
    """
    _require_openpyxl(path.name)
    _require_workbook(path)
    import openpyxl

    with path.open("rb") as file:
        with _damage(path.name):
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        with closing(book):
            sheet = _sheet(book, source, path.name)
            header, above = _header(sheet, source)

            def batches(chosen: Sequence[str], attributes: Collection[str]) -> Batches:
                places = {name: header.index(name) for name in chosen}
                named = [place for place, name in enumerate(header) if name]
                commas = _with_commas(source, chosen)
                rows = _filled_rows(sheet, above, named)
                lines = _lines(rows, places, attributes, commas, path.name, on_fault)
                return _batches(lines, chosen, path.name)

            yield Reader([name for name in header if name], batches, iso_dates=True)


def _require_openpyxl(name: str) -> None:
    if find_spec("openpyxl") is None:
        raise DeliveryError(
            f"Reading {name} needs openpyxl: pip install 'followsuit[excel]'. Or deliver it as CSV."
        )


def _require_workbook(path: Path) -> None:
    """Raise DeliveryError for a file that isn't a readable workbook, and say what it is."""
    if not zipfile.is_zipfile(path):
        content = path.read_bytes()
        if not content.startswith(_OLD_FORMAT):
            raise DeliveryError(
                f"{path.name} isn't an Excel workbook, or is cut short. Save it as .xlsx, or "
                "deliver it as CSV."
            )
        if _ENCRYPTED in content:
            raise DeliveryError(f"{path.name} has a password. Save it without one.")
        raise DeliveryError(f"{path.name} has the old format of Excel. Save it as .xlsx.")
    with _damage(path.name), zipfile.ZipFile(path) as archive:
        texts = [m.file_size for m in archive.infolist() if "sharedstrings" in m.filename.lower()]
    if sum(texts) > _MOST_TEXT:
        raise DeliveryError(
            f"{path.name} holds more than {_MOST_TEXT // 2**20} MB of text, too much for a "
            "workbook. Deliver it as CSV or Parquet."
        )


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """Convert openpyxl's errors to a DeliveryError; leaves out its warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _DAMAGE as error:
        raise DeliveryError(
            f"{name} is damaged, or isn't an Excel workbook ({type(error).__name__}). Save it in "
            "Excel again, or deliver it as CSV."
        ) from error


def _sheet(book: Any, source: Source, name: str) -> _Sheet:
    """The sheet that the mapping names, that of the table's name, or the only one with cells."""
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # some programs write wrong ones
    sheets = {sheet.title: _Sheet(name, sheet) for sheet in book.worksheets}
    wanted = source.mapping.sheet
    if wanted is not None:
        same = alike(wanted, sheets)
        if len(same) != 1:
            raise DeliveryError(f"{name} has no sheet {wanted!r}; it has {', '.join(sheets)}.")
        return sheets[same[0]]
    visible = {t: s for t, s in sheets.items() if s.sheet.sheet_state == "visible"}
    if len(same := alike(source.table.name, visible)) == 1:
        return visible[same[0]]
    filled = visible if len(visible) == 1 else _filled(visible)
    if len(filled) > 1:
        raise DeliveryError(
            f"{name} has several sheets: {', '.join(filled)}. Name the `sheet` of "
            f"{source.table.name} in a --mapping."
        )
    if not filled:
        raise _no_header(name)
    return next(iter(filled.values()))


def _filled(sheets: dict[str, _Sheet]) -> dict[str, _Sheet]:
    return {title: sheet for title, sheet in sheets.items() if not sheet.is_empty()}


def _no_header(name: str) -> DeliveryError:
    return DeliveryError(f"{name} has no header. Deliver it again, or leave it out.")


def _header(sheet: _Sheet, source: Source) -> tuple[list[str], int]:
    """The names of the columns, empty for unnamed ones, and the number of rows up to them."""
    if source.mapping.header is not None:
        return list(source.mapping.header), 0
    for number, row in enumerate(sheet.rows(), start=1):
        if not _is_blank(row):
            return [(_text(value) or "").strip() for value in row], number
    raise _no_header(sheet.file)


def _is_blank(row: Cells) -> bool:
    return all(value is None or (isinstance(value, str) and not value.strip()) for value in row)


def _filled_rows(sheet: _Sheet, above: int, named: Sequence[int]) -> Iterator[tuple[int, Cells]]:
    """The numbered rows below the header that have a value in a named column."""
    for number, row in enumerate(islice(sheet.rows(), above, None), start=1):
        if not _is_blank([row[place] for place in named if place < len(row)]):
            yield number, row


def _with_commas(source: Source, names: Sequence[str]) -> set[str]:
    """The columns of numbers whose text has a decimal comma, by the mapping."""
    mapped = [c for c in source.mapping.columns.values() if c.decimal == ","]
    return {same for column in mapped for name in column.all_names for same in alike(name, names)}


def _lines(
    rows: Iterator[tuple[int, Cells]],
    places: dict[str, int],
    attributes: Collection[str],
    commas: Collection[str],
    file: str,
    on_fault: OnFault,
) -> Iterator[tuple[int, list[str | None]]]:
    """The text of each row's cells; rows with an error of Excel go to `on_fault`."""
    for number, row in rows:
        cells = {name: row[at] if at < len(row) else None for name, at in places.items()}
        failed = {name: value for name, value in cells.items() if _is_error(value)}
        texts = {name: _text(value, name in commas) for name, value in cells.items()}
        texts |= dict.fromkeys(failed)
        if faulty := next((name for name in failed if name not in attributes), None):
            on_fault(Reject(file, number, faulty, _ERROR, failed[faulty], cells=texts))
        else:
            yield number, list(texts.values())


def _is_error(value: Any) -> bool:
    return isinstance(value, str) and value in _ERRORS


def _batches(
    lines: Iterator[tuple[int, list[str | None]]], names: Sequence[str], file: str
) -> Batches:
    bulk: list[tuple[int, list[str | None]]] = []
    size = 0
    for number, texts in lines:
        length = sum(len(text) for text in texts if text is not None)
        if length > LONGEST_ROW:
            raise DeliveryError(
                f"{file} has a row of more than {LONGEST_ROW // 2**20} MB. Shorten it, or leave "
                "it out."
            )
        bulk.append((number, texts))
        size += length
        if len(bulk) == BULK or size > 4 * LONGEST_ROW:
            yield _batch(bulk, names)
            bulk, size = [], 0
    if bulk:
        yield _batch(bulk, names)


def _batch(bulk: Sequence[tuple[int, list[str | None]]], names: Sequence[str]) -> pa.RecordBatch:
    columns = [pa.array([texts[i] for _, texts in bulk], pa.string()) for i in range(len(names))]
    batch = pa.RecordBatch.from_arrays(columns, list(names))
    return with_rows(batch, [number for number, _ in bulk])


def _text(value: Any, comma: bool = False) -> str | None:
    """A cell as text; `comma` writes a decimal comma, so that a number suits its mapping."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            text = number_text(value)
            return text.replace(".", ",") if comma else text
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _clock(value)
    return str(value)


def _clock(length: timedelta) -> str:
    """A time of day that Excel shows as a length, such as 09:15:00."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
