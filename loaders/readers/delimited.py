"""CSV and TSV: Arrow's parser, with a check of quotes and the numbers of rejected rows."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from followsuit.loaders.mapping import BLANKS
from followsuit.loaders.readers.batches import (
    LONGEST_ROW,
    Batches,
    OnFault,
    Reader,
    plain_bytes,
    row_too_long,
    with_rows,
)
from followsuit.loaders.readers.quoting import well_formed
from followsuit.loaders.sources import DeliveryError, Source, suffix_of
from followsuit.loaders.staging.rejects import Reject

_BLOCK = 2**20
_MISQUOTED = "has a quote that neither opens nor closes a cell; quotes within a cell are doubled"


def open_delimited(path: Path, source: Source, on_fault: OnFault) -> Reader:
    """Open a CSV or TSV file.

    Args:
        path: the file.
        source: the source that the file belongs to.
        on_fault: called with each row that has too few or too many cells, or malformed quotes.

    Raises:
        DeliveryError: the file has no header, or its header can't be read.
    """
    encoding = source.encoding
    delimiter = source.mapping.delimiter or ("\t" if suffix_of(path.name) == ".tsv" else ",")
    by_blanks = delimiter == BLANKS
    delimiter = "\t" if by_blanks else delimiter

    def text(stream: IO[bytes]) -> Iterator[bytes]:
        blocks = _without_mark(_utf8(stream, encoding))
        return _with_tabs(blocks, path.name) if by_blanks else blocks

    if source.mapping.header is None:
        header, lines = _header(path, text, delimiter)
    else:
        header, lines = list(source.mapping.header), 0

    def batches(chosen: Sequence[str], _nested: Collection[str]) -> Batches:
        places = [header.index(name) for name in chosen]
        with plain_bytes(path) as stream:
            blocks = _without_lines(text(stream), lines)
            for batch in _read(path.name, blocks, delimiter, header, places, on_fault):
                yield batch.rename_columns([*chosen, *batch.schema.names[len(chosen) :]])

    return Reader([name for name in header if name], batches)


def _header(
    path: Path, text_of: Callable[[IO[bytes]], Iterator[bytes]], delimiter: str
) -> tuple[list[str], int]:
    """The names of the columns, and the number of lines up to the end of the header."""
    with plain_bytes(path) as stream:
        bytes_ = io.BufferedReader(_Stream(text_of(stream)))
        text = io.TextIOWrapper(bytes_, "utf-8", newline="")
        rows = csv.reader(text, delimiter=delimiter)
        try:
            names = [name.strip() for name in next((row for row in rows if row), [])]
        except csv.Error as error:
            raise DeliveryError(
                f"The header of {path.name} can't be read ({error}). Is a quote left open?"
            ) from error
    if not any(names):
        raise DeliveryError(f"{path.name} has no header. Deliver it again, or leave it out.")
    return names, rows.line_num


def _utf8(stream: IO[bytes], encoding: str) -> Iterator[bytes]:
    """Convert a stream of bytes to UTF-8."""
    codec = codecs.lookup(encoding)
    decoder = None if codec.name == "utf-8" else codec.incrementaldecoder()
    while data := stream.read(_BLOCK):
        yield decoder.decode(data).encode() if decoder else data
    if decoder:
        yield decoder.decode(b"", final=True).encode()


def _without_mark(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks without a byte-order mark."""
    mark = codecs.BOM_UTF8
    first = b""
    for block in blocks:
        first += block
        if len(first) >= len(mark):
            break
    yield first.removeprefix(mark)
    yield from blocks


def _with_tabs(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Blocks of whole lines, with one tab for the blanks between cells, and none around them."""
    rest = b""
    for block in blocks:
        data = rest + block
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        yield _tabbed(data[:end])
        rest = data[end:]
        if len(rest) > LONGEST_ROW:
            raise row_too_long(name)
    yield _tabbed(rest)


def _tabbed(lines: bytes) -> bytes:
    joined = re.sub(rb"[ \t]+", b"\t", lines)
    return re.sub(rb"(?:(?<=[\r\n])|\A)\t|\t(?=[\r\n]|\Z)", b"", joined)


def _without_lines(blocks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """The blocks after the first lines."""
    after_return = False
    for block in blocks:
        rest = block[1:] if after_return and block.startswith(b"\n") else block
        if lines:
            ends = [end.end() for end in islice(re.finditer(rb"\r\n?|\n", rest), lines)]
            lines -= len(ends)
            rest = b"" if lines else rest[ends[-1] :]
            after_return = not rest and block.endswith(b"\r")
        else:
            after_return = False
        yield rest


class _Stream(io.RawIOBase):
    """A file of blocks of bytes."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # Fill the buffer, because Arrow treats each read as a block.
        while len(self._ready) < len(buffer) and (more := next(self._blocks, None)) is not None:
            self._ready += more
        taken = self._ready[: len(buffer)]
        self._ready = self._ready[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _read(
    name: str,
    blocks: Iterator[bytes],
    delimiter: str,
    header: Sequence[str],
    places: Sequence[int],
    on_fault: OnFault,
) -> Batches:
    # A row with one cell too many, which no file contains by chance.
    misquoted = uuid4().hex + delimiter * len(header)
    lines: deque[bytes] = deque()
    aside: list[int] = []

    def put_aside(row: pacsv.InvalidRow) -> str:
        aside.append(row.number)
        reason = f"has {row.actual_columns} cells where the header has {row.expected_columns}"
        # The row's text is a customer's data, so report only its number.
        wrong = row.text == misquoted
        text = lines.popleft().decode(errors="replace") if wrong else row.text
        values = next(csv.reader([text], delimiter=delimiter), [])
        cells = dict(zip(header, values, strict=False))
        on_fault(Reject(name, row.number, None, _MISQUOTED if wrong else reason, cells=cells))
        return "skip"

    columns = [str(place) for place in places]
    reader = pacsv.open_csv(
        pa.PythonFile(
            _Stream(well_formed(blocks, delimiter, misquoted.encode(), lines, name)), mode="r"
        ),
        # With threads, Arrow doesn't know the numbers of invalid rows.
        # Arrow reads up to 32 blocks ahead, and a row must fit into a block.
        pacsv.ReadOptions(
            block_size=LONGEST_ROW,
            use_threads=False,
            column_names=list(map(str, range(len(header)))),
        ),
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


def _numbers(done: int, count: int, aside: Sequence[int]) -> np.ndarray:
    """The numbers of the next `count` rows after `done`, without the rejected ones."""
    gone = np.array(aside, dtype=np.int64)
    numbers = np.arange(done + 1, done + count + len(gone) + 1)
    return numbers[~np.isin(numbers, gone)][:count]
