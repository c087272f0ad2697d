"""A table of a delivery as it is read, before it is staged and without a store."""

import tempfile
from collections.abc import Mapping as AbstractMapping
from pathlib import Path
from typing import Any

from support.loading import MEMORY

from followsuit.graph.tables import TABLES
from followsuit.loaders.mapping import Mapping
from followsuit.loaders.readers.batches import ROW
from followsuit.loaders.readers.readers import opened
from followsuit.loaders.sources import find_delivery
from followsuit.loaders.staging.faults import FAULT_COLUMN, FAULT_REASON, FAULT_VALUE
from followsuit.loaders.staging.rejects import Reject
from followsuit.loaders.staging.standardise import LEFT_OUT, standard_for

Read = tuple[list[dict[str, Any]], list[tuple[Any, ...]]]


def read(place: str | Path, table: str, mapping: AbstractMapping[str, Any] | None = None) -> Read:
    """Its rows, what is empty left out, and the row, column, reason and value of each fault.

    `mapping` is what the TOML file of one would hold for the table.
    """
    understood = Mapping.model_validate({"tables": {table: mapping} if mapping else {}})
    sources = find_delivery(str(place), understood).sources
    (source,) = (s for s in sources if s.table.name == table)
    rejects: list[Reject] = []
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as spill:
        for part, name in enumerate(source.names):
            with opened(source, part, rejects.append) as reader:
                standard = standard_for(source.table, source.mapping, reader, name)
                batches = standard.apply(
                    reader.batches(standard.wanted, standard.attributes), MEMORY, Path(spill)
                )
                rows += [r for batch in batches for r in batch.to_pylist() if r[LEFT_OUT] is None]
    names = {f.name for f in TABLES[table].fields}
    sound = [
        {k: v for k, v in row.items() if k in names and v is not None}
        for row in rows
        if row[FAULT_COLUMN] is None
    ]
    faults = [r[1:5] for r in rejects] + [
        (row[ROW], row[FAULT_COLUMN], row[FAULT_REASON], row[FAULT_VALUE])
        for row in rows
        if row[FAULT_COLUMN] is not None
    ]
    return sound, sorted(faults)
