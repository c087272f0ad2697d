"""CSV and TSV: Arrow's parser, and what it does not tell by itself."""

import codecs
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from followsuit.loaders.reading import (
    LONGEST_ROW,
    Batches,
    OnFault,
    Reader,
    plain_bytes,
    with_rows,
)
from followsuit.loaders.rejects import Reject
from followsuit.loaders.sources import DeliveryError, Source


def open_delimited(path: Path, source: Source, on_fault: OnFault) -> Reader:
    """Open a CSV or TSV file; rows of too few or too many cells go to `on_fault`."""
    encoding = source.mapping.encoding
    delimiter = source.mapping.delimiter or ("\t" if ".tsv" in path.name else ",")
    header = _header(path, encoding, delimiter)
    names = [name.strip() for name in header]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise DeliveryError(
            f"{path.name} has the column {min(repeated)} more than once. Name each differently."
        )

    def batches(chosen: Sequence[str]) -> Batches:
        raw = [header[names.index(name)] for name in chosen]
        return _read(path, encoding, delimiter, names, raw, on_fault)

    return Reader(names, batches)


def _header(path: Path, encoding: str, delimiter: str) -> list[str]:
    with plain_bytes(path) as stream:
        bytes_ = io.BufferedReader(_Utf8(stream, encoding))
        text = io.TextIOWrapper(bytes_, "utf-8-sig", newline="")
        try:
            names = next((row for row in csv.reader(text, delimiter=delimiter) if row), [])
        except csv.Error as error:
            raise DeliveryError(
                f"The header of {path.name} can't be read ({error}). Is a quote left open?"
            ) from error
    if not any(names):
        raise DeliveryError(f"{path.name} has no header. Deliver it again, or leave it out.")
    return names


class _Utf8(io.RawIOBase):
    """A stream of bytes as UTF-8, with some more bytes after its end."""

    def __init__(self, stream: IO[bytes], encoding: str, end: bytes = b"") -> None:
        self._stream = stream
        self._end = end
        self._ready = b""
        self._left = True
        codec = codecs.lookup(encoding)
        self._decoder = None if codec.name == "utf-8" else codec.incrementaldecoder()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # As much as is asked for: Arrow wants the header, and its end, in what it reads first.
        while self._left and len(self._ready) < len(buffer):
            data = self._stream.read(len(buffer))
            self._left = bool(data)
            self._ready += self._decoder.decode(data, not data).encode() if self._decoder else data
            if not data:
                self._ready += self._end
        taken = self._ready[: len(buffer)]
        self._ready = self._ready[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _read(
    path: Path,
    encoding: str,
    delimiter: str,
    names: list[str],
    columns: list[str],
    on_fault: OnFault,
) -> Batches:
    # A row of one cell too many goes behind the last. Where it does not come out as a row of its
    # own, a quote that nobody closes has swallowed it, and all the rows before it.
    mark = "\x1a" + delimiter * len(names)
    marked = False
    aside: list[int] = []

    def put_aside(row: pacsv.InvalidRow) -> str:
        nonlocal marked
        if row.text == mark:
            marked = True
            return "skip"
        number = row.number - 1  # the header is row 1
        aside.append(number)
        reason = f"has {row.actual_columns} cells where the header has {row.expected_columns}"
        # The row's text is a customer's data: its number will do.
        cells = dict(zip(names, next(csv.reader([row.text], delimiter=delimiter)), strict=False))
        on_fault(Reject(path.name, number, None, reason, cells=cells))
        return "skip"

    with plain_bytes(path) as stream:
        reader = pacsv.open_csv(
            pa.PythonFile(_Utf8(stream, encoding, f"\n{mark}\n".encode()), mode="r"),
            # With threads Arrow does not know the numbers of the rows that it puts aside.
            # It reads up to 32 blocks ahead, and a row must fit into a block.
            pacsv.ReadOptions(block_size=LONGEST_ROW, use_threads=False),
            pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=put_aside
            ),
            pacsv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        done = 0
        for batch in reader:
            numbers = _numbers(done, batch.num_rows, aside)
            done = int(numbers[-1]) if len(numbers) else done
            aside[:] = [number for number in aside if number > done]
            yield with_rows(batch, numbers)
    if not marked:
        raise DeliveryError(
            f"{path.name} opens a quote and never closes it. Close it, or double the quotes that "
            "are part of a value."
        )


def _numbers(done: int, count: int, aside: Sequence[int]) -> np.ndarray:
    """The numbers of the next `count` rows after `done`, leaving out those put aside."""
    gone = np.array(aside, dtype=np.int64)
    numbers = np.arange(done + 1, done + count + len(gone) + 1)
    return numbers[~np.isin(numbers, gone)][:count]
