"""Parquet files, whose values come with their types."""

import gzip
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from followsuit.loaders.reading import BULK, Batches, Reader, with_rows
from followsuit.loaders.sources import DeliveryError


@contextmanager
def open_parquet(path: Path) -> Iterator[Reader]:
    """Open a Parquet file, unpacked to a temporary one where it is packed."""
    with _unpacked(path) as plain, _streamed(plain) as file:
        names = file.schema_arrow.names
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise DeliveryError(
                f"{path.name} has the column {min(repeated)} more than once. Name each differently."
            )

        def batches(chosen: Sequence[str]) -> Batches:
            done = 0
            for batch in file.iter_batches(BULK, columns=list(chosen)):
                columns = [_plain(path.name, name, batch[name]) for name in chosen]
                numbers = range(done + 1, done + batch.num_rows + 1)
                yield with_rows(pa.RecordBatch.from_arrays(columns, list(chosen)), numbers)
                done += batch.num_rows

        yield Reader(names, batches)


def _streamed(path: Path) -> pq.ParquetFile:
    # By default all of a row group is read at once, and some writers make but one.
    return pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False)


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


def _plain(file: str, name: str, values: pa.Array) -> pa.Array:
    """The same values in a type that DuckDB reads, and reads as what is meant."""
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
        return values.cast(pa.string())  # as some writers of Parquet put text
    if pt.is_decimal256(kind) or pt.is_null(kind):
        return values.cast(pa.string())
    if pt.is_timestamp(kind):
        # Digits beyond microseconds are cut off, as they are of text; what is too far is an error.
        return values.cast(pa.timestamp("us", kind.tz), safe=kind.unit != "ns")
    return values.cast(pa.float32()) if pt.is_float16(kind) else values
