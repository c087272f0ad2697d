"""Stage a table on disk: read it, standardise it, check each row, and resolve its keys.

A staged table is a Parquet file in the contract's columns, with one row per key and only known
references. Memory is bounded: rows stream, and steps that need all rows (keys, references) run in
DuckDB, which spills to disk.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.progress import Advance, Progress, silent
from followsuit.graph.erasure.forgotten import Forgotten
from followsuit.graph.tables import CONSENTS, Kind, Table
from followsuit.loaders.readers.batches import ROW
from followsuit.loaders.readers.readers import opened
from followsuit.loaders.sources import DeliveryError, Source
from followsuit.loaders.staging.contract import faults
from followsuit.loaders.staging.faults import FAULT_COLUMN, FAULT_REASON, FAULT_VALUE
from followsuit.loaders.staging.forgotten_rows import put_aside_forgotten, without_lookups
from followsuit.loaders.staging.lookup import wanted_lookups
from followsuit.loaders.staging.refusals import BrokenConsents, keep_refusals
from followsuit.loaders.staging.rejects import Reject, Rejects
from followsuit.loaders.staging.settle import PART, settle
from followsuit.loaders.staging.standardise import GIVEN, LEFT_OUT, ORDER, Standard, standard_for


@dataclass(frozen=True)
class Counts:
    """The counts of a table's rows: read = loaded + duplicates + rejected + filtered."""

    read: int
    loaded: int
    duplicates: int
    rejected: int
    filtered: int = 0
    """Rows that the mapping's `where` leaves out."""


@dataclass(frozen=True)
class Staged:
    """A staged table."""

    counts: Counts
    columns: list[str]
    """The columns that any of its rows has."""
    refusals: list[str]
    """For consents: customers with a rejected row that may be a refusal."""
    unmatched_refusals: int
    """For consents: rejected rows that may be refusals but name no customer."""
    filtered_by: dict[str, int]
    """How many rows were left out, by the condition of `where` that they don't meet."""


def _nothing_stored() -> None:
    """The default of `stored`: the store has no rows of the table."""


def stage(
    sources: Sequence[Source],
    folder: Path,
    known: dict[str, Path],
    memory: int,
    progress: Progress = silent,
    stored: Callable[[], Path | None] = _nothing_stored,
    lookups: Mapping[str, Path] = MappingProxyType({}),
    forgotten: Forgotten | None = None,
) -> Staged:
    """Stage one table as `folder/TABLE.parquet`, its rejects as `folder/TABLE.rejects.parquet`.

    Args:
        sources: the sources of the table's rows, in order.
        folder: the folder for results and temporary files.
        known: by table, a Parquet file whose column `key` lists the keys; references to other
            tables are not checked.
        memory: limit in bytes for steps that need all rows.
        progress: progress callback, one unit per row.
        stored: returns the store's rows of the table as a Parquet file, or None.
        lookups: the file of each lookup that the mappings name, see `write_lookup`.
        forgotten: the forgotten customers, whose rows are rejected.

    Raises:
        DeliveryError: a file can't be read, lacks a column, or all rows of the table are rejected.
    """
    table = sources[0].table
    sound = folder / f"{table.name}.sound.parquet"
    staged = folder / f"{table.name}.parquet"
    rejects_path = folder / f"{table.name}.rejects.parquet"
    with closing(Rejects(table.name, rejects_path)) as rejects:
        with progress(f"reading {table.name}") as advance:
            filtered = _stage_sound(sources, sound, rejects, memory, advance, lookups, forgotten)
        n_sound = pq.read_metadata(sound).num_rows
        kept = n_sound + rejects.count
        columns = settle(sources, sound, staged, known, stored, rejects, memory)
    sound.unlink(missing_ok=True)
    loaded = pq.read_metadata(staged).num_rows
    if kept > rejects.forgotten and not loaded:
        raise _nothing_left(table, kept, rejects_path)
    left_out = filtered.total()
    counts = Counts(kept + left_out, loaded, kept - loaded - rejects.count, rejects.count, left_out)
    return Staged(
        counts,
        columns,
        sorted(rejects.refusals - (forgotten.among(rejects.refusals) if forgotten else set())),
        rejects.unmatched_refusals,
        dict(sorted(filtered.items(), key=lambda item: (-item[1], item[0]))),
    )


def _nothing_left(table: Table, read: int, rejects: Path) -> DeliveryError:
    first = pq.read_table(rejects).slice(0, 1).to_pylist()[0]
    return DeliveryError(
        f"No row of {table.name} survives: all {read} were rejected, the first (row "
        f"{first['row']} of {first['file']}) because {first['column'] or 'it'} {first['reason']}. "
        "Fix them, or describe them in a --mapping."
    )


def _stage_sound(
    sources: Sequence[Source],
    path: Path,
    rejects: Rejects,
    memory: int,
    advance: Advance,
    lookups: Mapping[str, Path],
    forgotten: Forgotten | None,
) -> Counter[str]:
    """Write the rows without faults, with their part, row, order and columns.

    Returns:
        How many rows the mappings' `where` leaves out, by the condition that they don't meet.
    """
    table = sources[0].table
    extra = {PART: pa.int32(), ROW: pa.int64(), ORDER: pa.float64(), GIVEN: pa.int64()}
    schema = pa.schema([*table.arrow_schema(), *extra.items()])
    # The file is read only once, so use a dictionary only for short, repeated values.
    repeated = [f.name for f in table.fields if f.kind in (Kind.CODE, Kind.CURRENCY)]
    files = [(source, part) for source in sources for part in range(len(source.names))]
    filtered: Counter[str] = Counter()
    with pq.ParquetWriter(
        path, schema, compression="lz4", use_dictionary=repeated, write_statistics=False
    ) as writer:
        for number, (source, part) in enumerate(files):
            for batch, left_out in _sound_batches(
                source, part, path.parent, rejects, memory, lookups, forgotten
            ):
                numbers = pa.array(np.full(batch.num_rows, number, dtype=np.int32))
                rows = batch.append_column(PART, numbers).select(schema.names)
                # Write tables, because the writer buffers a million rows of batches in memory.
                writer.write_table(pa.Table.from_batches([rows.cast(schema)]))
                filtered.update(left_out)
                advance(batch.num_rows)
    return filtered


def _sound_batches(
    source: Source,
    part: int,
    spill: Path,
    rejects: Rejects,
    memory: int,
    lookups: Mapping[str, Path],
    forgotten: Forgotten | None,
) -> Iterator[tuple[pa.RecordBatch, Counter[str]]]:
    """The rows without faults of one file, and how many rows `where` left out of each batch."""
    file = source.names[part]

    def put_aside(reject: Reject) -> None:
        rejects.add([reject])
        if source.table is CONSENTS:
            broken.add(reject)

    with opened(source, part, put_aside) as reader:
        standard = standard_for(source.table, source.mapping, reader, file, source.shared)
        wanted = {name: lookups[name] for name in wanted_lookups([source])}
        broken = BrokenConsents(standard, memory, spill, wanted, rejects)
        batches = reader.batches(standard.wanted, standard.attributes)
        for batch in standard.apply(batches, memory, spill, wanted):
            kept = batch.filter(pc.is_null(batch[LEFT_OUT]))
            if forgotten and forgotten.hashes:
                kept = put_aside_forgotten(source, file, kept, forgotten, rejects)
                kept = without_lookups(source, kept)
            readable = _put_aside_unreadable(source, file, kept, rejects)
            yield _put_aside_faulty(source, file, readable, rejects), _left_out(standard, batch)
        broken.keep()


def _left_out(standard: Standard, batch: pa.RecordBatch) -> Counter[str]:
    """How many rows `where` leaves out, by the condition that they don't meet."""
    counted = pc.value_counts(batch[LEFT_OUT].drop_null()).to_pylist()
    return Counter({standard.filters[each["values"]]: each["counts"] for each in counted})


def _put_aside_unreadable(
    source: Source, file: str, batch: pa.RecordBatch, rejects: Rejects
) -> pa.RecordBatch:
    sound = pc.is_null(batch[FAULT_COLUMN])
    if sound.true_count == batch.num_rows:
        return batch
    names = (ROW, FAULT_COLUMN, FAULT_REASON, FAULT_VALUE)
    unsound = batch.filter(pc.invert(sound))
    if source.table is CONSENTS:
        keep_refusals(unsound, rejects)
    bad = unsound.select(names).to_pylist()
    rejects.add([Reject(file, *(row[name] for name in names)) for row in bad])
    return batch.filter(sound)


def _shown(source: Source, column: str, value: object) -> object:
    """A standardised value, about as it was delivered."""
    if value is pd.NA:
        return None
    if source.table[column].kind is Kind.MONEY and isinstance(value, int):
        mapped = source.mapping.columns.get(column)
        minor = mapped is not None and mapped.unit == "minor"
        return value if minor else Decimal(value).scaleb(-2)
    return value


def _put_aside_faulty(
    source: Source, file: str, batch: pa.RecordBatch, rejects: Rejects
) -> pa.RecordBatch:
    rows = batch.select(source.table.arrow_schema().names).to_pandas(types_mapper=pd.ArrowDtype)
    faulty = faults(source.table, rows, source.mapping.returns)
    if faulty.empty:
        return batch
    numbers = batch[ROW].take(pa.array(faulty.index))
    rejects.add(
        [
            Reject(file, number, column, reason, _shown(source, column, rows[column][index]))
            for index, number, column, reason in zip(
                faulty.index, numbers.to_pylist(), faulty.column, faulty.reason, strict=True
            )
        ]
    )
    if source.table is CONSENTS:
        keep_refusals(batch.take(pa.array(faulty.index)), rejects)
    sound = np.ones(batch.num_rows, dtype=bool)
    sound[faulty.index] = False
    return batch.filter(pa.array(sound))
