"""Parquet files, whose values already have types."""

import gzip
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from followsuit.loaders.readers.batches import BULK, Batches, Reader, with_rows
from followsuit.loaders.sources import DeliveryError

_IN_SECOND = {"s": 1, "ms": 10**3, "us": 10**6}
_FIRST, _END = -62_135_596_800, 253_402_300_800
"""Seconds from 1970 to the years 1 and 10000."""
_INFINITE = 2**63 - 1
"""DuckDB's infinite time."""


@contextmanager
def open_parquet(path: Path) -> Iterator[Reader]:
    """Open a Parquet file; decompresses it to a temporary file if necessary."""
    with _unpacked(path) as plain, _streamed(plain) as file:
        names = file.schema_arrow.names

        def batches(chosen: Sequence[str], _nested: Collection[str]) -> Batches:
            done = 0
            for batch in file.iter_batches(BULK, columns=list(chosen)):
                columns = [_plain(path.name, name, batch[name]) for name in chosen]
                numbers = range(done + 1, done + batch.num_rows + 1)
                yield with_rows(pa.RecordBatch.from_arrays(columns, list(chosen)), numbers)
                done += batch.num_rows

        yield Reader(names, batches)


def _streamed(path: Path) -> pq.ParquetFile:
    # By default a whole row group is read at once, and some files have only one; and old
    # 96-bit times are read as nanoseconds, which end in the year 2262.
    return pq.ParquetFile(
        path, buffer_size=2**20, pre_buffer=False, coerce_int96_timestamp_unit="us"
    )


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    if path.suffix.lower() != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="followsuit-") as folder:
        plain = Path(folder) / path.stem
        with gzip.open(path) as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        yield plain


def _plain(file: str, name: str, values: pa.Array) -> pa.Array:
    """Convert values to a type that DuckDB reads correctly."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):  # a UUID, say
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())
    if pt.is_nested(kind):
        raise DeliveryError(
            f"The column {name} of {file} holds {kind}, not single values. Deliver it flat."
        )
    if pt.is_dictionary(kind):
        return _plain(file, name, values.dictionary_decode())
    if pt.is_fixed_size_binary(kind):
        return values.cast(pa.binary()).cast(pa.string())
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind):
        return values.cast(pa.string())  # as some programs write text
    if pt.is_decimal256(kind) or pt.is_null(kind):
        return values.cast(pa.string())
    if pt.is_date64(kind):
        return _microseconds(values.cast(pa.timestamp("ms")))
    if pt.is_timestamp(kind):
        return _microseconds(values)
    return values.cast(pa.float32()) if pt.is_float16(kind) else values


def _microseconds(times: pa.Array) -> pa.Array:
    """Convert times to microseconds; years with more than four digits become infinite.

    Smaller digits are cut off, as in text.
    """
    unit = times.type.unit
    if unit == "ns":  # years have at most four digits
        return times.cast(pa.timestamp("us", times.type.tz), safe=False)
    counts = times.cast(pa.int64())
    second, factor = _IN_SECOND[unit], _IN_SECOND["us"] // _IN_SECOND[unit]
    early = pc.less(counts, _FIRST * second)
    late = pc.greater_equal(counts, _END * second)
    counts = pc.if_else(pc.or_(early, late), 0, counts)
    counts = pc.if_else(early, -_INFINITE, pc.if_else(late, _INFINITE, pc.multiply(counts, factor)))
    return counts.cast(pa.timestamp("us", times.type.tz))
