"""What all readers share: the batches that they give, and how a file's bytes are opened."""

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from followsuit.graph.store import nfc
from followsuit.loaders.sources import DeliveryError
from followsuit.loaders.staging.rejects import Reject

ROW = "row"
"""The column that every reader adds: the number of the row within its file, from 1."""
HAS = "has"
"""A column that a reader may add before `row`: bit i says that the row has the i-th column read."""
BULK = 16_384
"""Rows of a batch, where a reader may choose."""
LONGEST_ROW = 2 * 2**20
"""Bytes (of JSON: characters). Rows are read some at a time, so that one can't be of any length."""

OnFault = Callable[[Reject], None]
Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Reader:
    """An open file or database table.

    Attributes:
        columns: its names; a column without a name is not among them.
        batches: read some of these columns, in that order, and `row` after them.
        open_ended: whether a later row may have a column that `columns` does not name.
    """

    columns: list[str]
    batches: Callable[[Sequence[str]], Batches]
    open_ended: bool = False


def alike(name: str, names: Iterable[str]) -> list[str]:
    """The names that match a column: exactly, or else apart from case and outer blanks."""
    found = list(names)
    return [n for n in found if n == name] or [n for n in found if _folded(n) == _folded(name)]


def _folded(name: str) -> str:
    return nfc(name).strip().casefold()


def row_too_long(name: str) -> DeliveryError:
    """The fault of a row that is longer than LONGEST_ROW."""
    megabytes = LONGEST_ROW // 2**20
    return DeliveryError(
        f"{name} has a row of more than {megabytes} MB. Is a quote left open, or a line end lost?"
    )


def with_rows(batch: pa.RecordBatch, numbers: Iterable[int]) -> pa.RecordBatch:
    """A batch with the numbers of its rows."""
    return batch.append_column(ROW, pa.array(numbers, pa.int64()))


def plain_bytes(path: Path) -> IO[bytes]:
    """Open a file's bytes, unpacked where it is packed."""
    packed = path.suffix.lower() == ".gz"
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]
