"""Readers: the rows of a file or a database table as Arrow batches, a bounded number at a time.

Every reader keeps what stands in the source: text formats give text, to be understood by
`followsuit.loaders.standardise`. A row that can't be taken apart goes to `on_fault`; a file that
can't raises DeliveryError.
"""

import csv
import gzip
import io
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import sqlalchemy

from followsuit.loaders.rejects import Reject
from followsuit.loaders.sources import DeliveryError, Source

ROW = "row"
"""The column that every reader adds: the number of the row within its file, from 1."""

_BLOCK = 16 * 2**20
_BULK = 65_536

OnFault = Callable[[Reject], None]
Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Reader:
    """An open file or database table: its columns, and a way to read some of them and `row`."""

    columns: list[str]
    batches: Callable[[Sequence[str]], Batches]


@contextmanager
def opened(source: Source, part: int, on_fault: OnFault) -> Iterator[Reader]:
    """Open one file of a source (or its database table).

    Raises:
        DeliveryError: it can't be read, at once or while its batches are taken.
    """
    if source.database is not None:
        with _sql_faults(source):
            yield _open_sql(source)
        return
    path = source.files[part]
    if path.stat().st_size == 0:
        raise DeliveryError(f"{path.name} is empty. Deliver it again, or leave it out.")
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    try:
        if kind == "parquet":
            with _unpacked(path) as plain:
                yield _open_parquet(plain)
        elif kind == "jsonl":
            yield _open_jsonl(path, source, on_fault)
        else:
            yield _open_csv(path, source, on_fault)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DeliveryError(
            f"{path.name} is damaged or cut short ({error}). Deliver it again."
        ) from error
    except UnicodeDecodeError as error:
        raise _undecodable(path, source) from error
    except pa.ArrowInvalid as error:
        raise _unreadable(path, source, error) from error


def _undecodable(path: Path, source: Source) -> DeliveryError:
    return DeliveryError(
        f"{path.name} is not {source.mapping.encoding}. Say its `encoding` in the mapping, "
        "latin-1 perhaps."
    )


def _unreadable(path: Path, source: Source, error: pa.ArrowInvalid) -> DeliveryError:
    text = str(error)
    if "UTF8" in text:
        return _undecodable(path, source)
    if "straddling" in text:
        return DeliveryError(
            f"{path.name} has a row of more than {_BLOCK // 2**20} MB. Is a quote left open?"
        )
    return DeliveryError(f"{path.name} can't be read: {text.splitlines()[0]} Deliver it again.")


def _plain(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


# CSV and TSV.


class _Tail(io.RawIOBase):
    """A stream that remembers the last bytes that were read from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.tail = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        if data:
            self.tail = (self.tail + data[-16:])[-16:]
        return len(data)


def _open_csv(path: Path, source: Source, on_fault: OnFault) -> Reader:
    encoding = source.mapping.encoding
    delimiter = source.mapping.delimiter or ("\t" if ".tsv" in path.name else ",")
    header = _header(path, encoding, delimiter)
    names = [name.strip() for name in header]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise DeliveryError(f"{path.name} has the column {min(repeated)} more than once.")

    def batches(chosen: Sequence[str]) -> Batches:
        raw = {header[names.index(name)]: name for name in chosen}
        return _read_csv(path, raw, delimiter, encoding, on_fault)

    return Reader(names, batches)


def _read_csv(
    path: Path, raw: dict[str, str], delimiter: str, encoding: str, on_fault: OnFault
) -> Batches:
    skipped: list[int] = []

    def put_aside(row: pacsv.InvalidRow) -> str:
        number = row.number - 1
        skipped.append(number)
        reason = f"has {row.actual_columns} columns where the header has {row.expected_columns}"
        on_fault(Reject(path.name, number, None, reason, row.text))
        return "skip"

    with _plain(path) as stream:
        tail = _Tail(stream)
        reader = pacsv.open_csv(
            pa.PythonFile(tail, mode="r"),
            pacsv.ReadOptions(block_size=_BLOCK, encoding=encoding),
            pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=put_aside
            ),
            pacsv.ConvertOptions(
                include_columns=list(raw),
                column_types=dict.fromkeys(raw, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        done, last = 0, None
        for batch in reader:
            numbers = _numbers(done, batch.num_rows, skipped)
            done = int(numbers[-1]) if len(numbers) else done
            yield _with_rows(batch.rename_columns(list(raw.values())), numbers)
            last = batch
    if last is not None and _left_open(last, tail.tail):
        raise DeliveryError(f"{path.name} opens a quote near its end and never closes it.")


def _header(path: Path, encoding: str, delimiter: str) -> list[str]:
    if len(delimiter) != 1:
        raise DeliveryError(f"The delimiter {delimiter!r} is not one character.")
    try:
        with _plain(path) as stream:
            text = io.TextIOWrapper(stream, encoding, newline="")
            names = next(csv.reader(text, delimiter=delimiter), [])
    except LookupError as error:
        raise DeliveryError(f"There is no encoding {encoding!r}.") from error
    if not any(names):
        raise DeliveryError(f"{path.name} has no header. Deliver it again, or leave it out.")
    return [names[0].removeprefix("\ufeff"), *names[1:]]


def _numbers(done: int, count: int, skipped: Sequence[int]) -> np.ndarray:
    """The numbers of the next `count` rows after `done`, leaving out those put aside."""
    gone = np.array([number for number in skipped if number > done], dtype=np.int64)
    numbers = np.arange(done + 1, done + count + len(gone) + 1)
    return numbers[~np.isin(numbers, gone)][:count]


def _left_open(batch: pa.RecordBatch, tail: bytes) -> bool:
    """Whether the last value has swallowed the end of the file: it ends as the file does."""
    if not batch.num_rows:
        return False
    ends = [column[-1].as_py() for column in batch.columns]
    return any(v and v.endswith("\n") and tail.endswith(v[-16:].encode()) for v in ends)


def _with_rows(batch: pa.RecordBatch, numbers: Iterable[int]) -> pa.RecordBatch:
    return batch.append_column(ROW, pa.array(numbers, pa.int64()))


# JSON lines.


def _open_jsonl(path: Path, source: Source, on_fault: OnFault) -> Reader:
    encoding = source.mapping.encoding
    return Reader(
        _json_columns(path, encoding),
        lambda chosen: _read_jsonl(path, encoding, chosen, on_fault),
    )


def _read_jsonl(path: Path, encoding: str, chosen: Sequence[str], on_fault: OnFault) -> Batches:
    with _plain(path) as stream:
        bulk: list[tuple[int, dict[str, Any]]] = []
        for number, line in enumerate(io.TextIOWrapper(stream, encoding), 1):
            if not line.strip():
                continue
            row = _json_object(line)
            if row is None:
                on_fault(Reject(path.name, number, None, "is no JSON object", line))
                continue
            bulk.append((number, row))
            if len(bulk) == _BULK:
                yield _json_batch(bulk, chosen)
                bulk = []
        if bulk:
            yield _json_batch(bulk, chosen)


def _json_columns(path: Path, encoding: str) -> list[str]:
    """The names that any of the first rows has: JSON lines may leave out what is empty."""
    names: dict[str, None] = {}
    with _plain(path) as stream:
        for number, line in enumerate(io.TextIOWrapper(stream, encoding)):
            names |= dict.fromkeys(_json_object(line) or {})
            if number == _BULK:
                break
    if not names:
        raise DeliveryError(f"{path.name} holds no JSON object. It needs one on each line.")
    return list(names)


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        # Numbers stay as written: an id 007 or an amount 19.990 must not become a float.
        value = json.loads(line, parse_float=str, parse_int=str)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _json_batch(bulk: list[tuple[int, dict[str, Any]]], names: Sequence[str]) -> pa.RecordBatch:
    columns = {n: pa.array([_json_text(row.get(n)) for _, row in bulk], pa.string()) for n in names}
    return _with_rows(pa.RecordBatch.from_pydict(columns), [number for number, _ in bulk])


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


# Parquet and databases: values come with their types.


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    if path.suffix != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="followsuit-") as folder:
        plain = Path(folder) / path.stem
        with gzip.open(path) as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        yield plain


def _open_parquet(path: Path) -> Reader:
    file = pq.ParquetFile(path)

    def batches(chosen: Sequence[str]) -> Batches:
        done = 0
        for batch in file.iter_batches(_BULK, columns=list(chosen)):
            numbers = range(done + 1, done + batch.num_rows + 1)
            yield _with_rows(batch.select(list(chosen)), numbers)
            done += batch.num_rows

    return Reader(file.schema_arrow.names, batches)


@contextmanager
def _sql_faults(source: Source) -> Iterator[None]:
    try:
        yield
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise DeliveryError(
            f"The table {source.names[0]} can't be read ({type(error).__name__}). See that the "
            "database runs and the login may read it."
        ) from error


def _open_sql(source: Source) -> Reader:
    assert source.database is not None
    engine = source.database
    schema, _, name = source.names[0].rpartition(".")
    table = sqlalchemy.Table(
        name, sqlalchemy.MetaData(), schema=schema or None, autoload_with=engine
    )

    def batches(chosen: Sequence[str]) -> Batches:
        select = sqlalchemy.select(*(table.c[c] for c in chosen))
        done = 0
        with engine.connect() as connection:
            rows = connection.execution_options(stream_results=True).execute(select)
            while bulk := rows.fetchmany(_BULK):
                columns = {c: _sql_array([row[i] for row in bulk]) for i, c in enumerate(chosen)}
                numbers = range(done + 1, done + len(bulk) + 1)
                yield _with_rows(pa.RecordBatch.from_pydict(columns), numbers)
                done += len(bulk)

    return Reader([c.name for c in table.columns], batches)


def _sql_array(values: list[Any]) -> pa.Array:
    """Text, so that a column has one type in every batch, whatever the driver gives."""
    texts = [v if v is None or isinstance(v, str) else _sql_text(v) for v in values]
    return pa.array(texts, pa.string())


def _sql_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
