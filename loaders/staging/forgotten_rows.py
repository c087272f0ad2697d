"""Rejects the rows of forgotten customers, and keeps nothing of them."""

import pyarrow as pa
import pyarrow.compute as pc

from followsuit.graph.erasure.forgotten import Forgotten
from followsuit.graph.tables import CUSTOMERS, Table
from followsuit.loaders.readers.batches import ROW
from followsuit.loaders.sources import Source
from followsuit.loaders.staging.faults import FAULT_COLUMN, FAULT_VALUE
from followsuit.loaders.staging.rejects import Reject, Rejects

REASON = "was forgotten"


def put_aside_forgotten(
    source: Source,
    file: str,
    batch: pa.RecordBatch,
    forgotten: Forgotten,
    rejects: Rejects,
) -> pa.RecordBatch:
    """Reject a batch's rows that name a forgotten customer; returns the others.

    Args:
        source: the source of the rows.
        file: the name of its file.
        batch: standardised rows.
        forgotten: the forgotten customers.
        rejects: receives the rows, without their values.
    """
    for column in naming(source.table):
        named = forgotten.among(pc.unique(batch[column]).drop_null().to_pylist())
        if named:
            gone = pc.is_in(batch[column], pa.array(sorted(named), pa.string()))
            numbers = batch.filter(gone)[ROW].to_pylist()
            rejects.add([Reject(file, number, column, REASON) for number in numbers])
            rejects.forgotten += len(numbers)
            batch = batch.filter(pc.invert(gone))
    return batch


def without_lookups(source: Source, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows without the value of a lookup among the customers that found nobody.

    It may be the address of a forgotten customer.
    """
    lookups = [
        name
        for name, mapped in source.mapping.columns.items()
        if mapped.lookup is not None and source.table[name].refers == CUSTOMERS.name
    ]
    looked_up = pc.is_in(batch[FAULT_COLUMN], pa.array(lookups, pa.string()))
    values = pc.if_else(looked_up, pa.scalar(None, pa.string()), batch[FAULT_VALUE])
    place = batch.schema.get_field_index(FAULT_VALUE)
    return batch.set_column(place, FAULT_VALUE, values)


def naming(table: Table) -> list[str]:
    """The columns of a table that name customers."""
    own = [table.key[0]] if table is CUSTOMERS else []
    return own + [field.name for field in table.fields if field.refers == CUSTOMERS.name]
