"""Rows put aside, each with a reason; nothing is dropped in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
"""Columns of the rejects file; `row` counts a file's data rows from 1, its header not counted."""


class Reject(NamedTuple):
    """One row put aside: where it stood and what is wrong with it."""

    file: str
    row: int
    column: str | None
    reason: str
    value: object = None


@dataclass
class Rejects:
    """Collects a table's rejects in a Parquet file, a bulk at a time."""

    table: str
    path: Path

    def __post_init__(self) -> None:
        self.count = 0
        self._waiting: list[Reject] = []
        self._writer = pq.ParquetWriter(self.path, SCHEMA)

    def add(self, rejects: Sequence[Reject]) -> None:
        """Put rows aside; values are shortened."""
        self.count += len(rejects)
        self._waiting += rejects
        if len(self._waiting) >= _BULK:
            self._write()

    def close(self) -> None:
        """Finish the file."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        rows = [(self.table, *r[:-1], _short(r.value)) for r in self._waiting]
        self._waiting = []
        if rows:
            columns = [
                pa.array(c, t) for c, t in zip(zip(*rows, strict=True), SCHEMA.types, strict=True)
            ]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))


def _short(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
