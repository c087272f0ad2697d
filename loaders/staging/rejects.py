"""Rejected rows, each with a reason."""

import glob
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

_SHORT = 40
_BULK = 10_000

SCHEMA = pa.schema(
    {
        "table": pa.string(),
        "file": pa.string(),
        "row": pa.int64(),
        "column": pa.string(),
        "reason": pa.string(),
        "value": pa.string(),
    }
)
"""Columns of the rejects file; `row` counts a file's rows from 1, without the header."""


class Reject(NamedTuple):
    """A rejected row: its position, and the reason."""

    file: str
    row: int
    column: str | None
    reason: str
    value: object = None
    cells: Mapping[str, object] | None = None
    """For a row that can't be parsed, the values that can be read, by column."""


@dataclass
class Rejects:
    """Writes a table's rejects to a Parquet file, in bulks."""

    table: str
    path: Path

    def __post_init__(self) -> None:
        self.count = 0
        self.forgotten = 0
        """How many of them are rows of forgotten customers."""
        self.refusals: set[str] = set()
        """Customers with rejected consents that may be refusals."""
        self.unmatched_refusals = 0
        """How many rejected consents may be refusals but name no customer."""
        self._waiting: list[Reject] = []
        self._writer = pq.ParquetWriter(self.path, SCHEMA)

    def add(self, rejects: Sequence[Reject]) -> None:
        """Add rejected rows; shortens their values."""
        self.count += len(rejects)
        self._waiting += rejects
        if len(self._waiting) >= _BULK:
            self._write()

    def refuse(self, customers: Collection[str]) -> None:
        """Record the customers whom a rejected consent may be about."""
        self.refusals.update(customers)
        self.unmatched_refusals += not customers

    def close(self) -> None:
        """Finish the file."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        rows = [(self.table, *r[:4], _short(r.value)) for r in self._waiting]
        self._waiting = []
        if rows:
            columns = [
                pa.array(c, t) for c, t in zip(zip(*rows, strict=True), SCHEMA.types, strict=True)
            ]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))


@dataclass(frozen=True)
class Reason:
    """A reason for rejects of a table, with their number."""

    table: str
    column: str | None
    reason: str
    count: int
    sample: str | None
    """The first value among these rows, shortened."""


def reasons(path: Path) -> list[Reason]:
    """Count the reasons of a rejects file, the most frequent first."""
    with duckdb.connect() as db:
        db.from_parquet(glob.escape(str(path)), file_row_number=True).create_view("rejects")
        rows = db.execute(
            'SELECT "table", "column", reason, count(*) AS n, arg_min("value", file_row_number) '
            "FROM rejects GROUP BY ALL ORDER BY n DESC, min(file_row_number)"
        )
        return [Reason(*row) for row in rows.fetchall()]


def next_file(folder: Path, loaded_at: datetime | None) -> Path:
    """A unique name for a load's rejects: `rejects/TIME-NUMBER.parquet`."""
    number = max((_number(path) for path in _files(folder)), default=0) + 1
    time = f"{loaded_at.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}" if loaded_at else "undated"
    return folder / f"{time}-{number}.parquet"


def forget_all_but(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` rejects files."""
    for path in sorted(_files(folder), key=_number)[:-keep]:
        path.unlink()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.parquet") if path.stem.rpartition("-")[2].isdigit()]


def _number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _short(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
