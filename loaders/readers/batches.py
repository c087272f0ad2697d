"""Shared by all readers: their batches, and opening a file's bytes."""

import gzip
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from followsuit.core.text import nfc
from followsuit.loaders.sources import DeliveryError
from followsuit.loaders.staging.rejects import Reject

ROW = "row"
"""A column that every reader adds: the row's number within its file, from 1."""
HAS = "has"
"""A column that a reader may add before `row`: bit i is set if the row has the i-th column."""
BULK = 16_384
"""Rows per batch, if the reader can choose."""
LONGEST_ROW = 2 * 2**20
"""The maximum size of a row in bytes (of JSON: characters), to bound memory."""

OnFault = Callable[[Reject], None]
Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Reader:
    """An open file or database table.

    Attributes:
        columns: the names of the columns, without unnamed ones.
        batches: reads some of these columns in order, followed by `row`. The second argument names
            those whose nested values are read as JSON; elsewhere they are faults.
        open_ended: whether later rows may have columns that `columns` doesn't name.
        iso_dates: whether dates and times come in ISO 8601, whatever format the mapping names.
    """

    columns: list[str]
    batches: Callable[[Sequence[str], Collection[str]], Batches]
    open_ended: bool = False
    iso_dates: bool = False


def alike(name: str, names: Iterable[str]) -> list[str]:
    """The names that match a column: exactly, or else ignoring case and outer spaces."""
    candidates = list(names)
    return [n for n in candidates if n == name] or [
        n for n in candidates if folded_name(n) == folded_name(name)
    ]


def folded_name(name: str) -> str:
    """A column's name without case and outer spaces."""
    return nfc(name).strip().casefold()


def number_text(value: float) -> str:
    """A number as text; a whole one without its point, so that 12 and 12.0 are one id."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)


def row_too_long(name: str) -> DeliveryError:
    """The error for a row longer than LONGEST_ROW."""
    megabytes = LONGEST_ROW // 2**20
    return DeliveryError(
        f"{name} has a row of more than {megabytes} MB. Is a quote left open or a line end missing?"
    )


def with_rows(batch: pa.RecordBatch, numbers: Iterable[int]) -> pa.RecordBatch:
    """Add the row numbers to a batch."""
    return batch.append_column(ROW, pa.array(numbers, pa.int64()))


def plain_bytes(path: Path) -> IO[bytes]:
    """Open a file's bytes, decompressed if necessary."""
    packed = path.suffix.lower() == ".gz"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]
