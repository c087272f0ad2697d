"""Lookups: the ids of a table's rows by another column of it, such as customers by e-mail."""

import glob
from collections.abc import Iterable
from pathlib import Path

from followsuit.graph.duck import open_duck
from followsuit.graph.tables import TABLES, Field
from followsuit.loaders.sources import DeliveryError, Source
from followsuit.loaders.staging.spill import write_parquet
from followsuit.loaders.staging.sql import folded, quoted

_FEW = 10
"""How many customers may share an address for its refusal to block them all. More share something
like "none"."""


def wanted_lookups(sources: Iterable[Source]) -> list[str]:
    """The lookups that the mappings of some sources name, see `lookup_name`."""
    columns = [
        (source.table[name], mapping)
        for source in sources
        for name, mapping in source.mapping.columns.items()
    ]
    return sorted({lookup_name(f, c.lookup) for f, c in columns if c.lookup is not None})


def lookup_name(field: Field, lookup: str) -> str:
    """A unique name: `customers.email` for ids, `offers.valid_from.value` for values."""
    return lookup if field.refers is not None else f"{lookup}.value"


def write_lookup(lookup: str, rows: list[Path], path: Path, memory: int) -> None:
    """Write a lookup as a Parquet file.

    Its columns are `key` (folded), `n`, the number of rows with it, `value` of one of them, and
    `several`, the values of all of them if they are few.

    Args:
        lookup: the lookup's name.
        rows: Parquet files of the table's rows; of two rows with one id, that of the first counts.
        path: the file to write.
        memory: limit in bytes.

    Raises:
        DeliveryError: no row of the table is known.
    """
    name, column, *by_id = lookup.split(".")
    if not rows:
        raise DeliveryError(
            f"lookup '{name}.{column}' needs the table {name}, which is neither in this delivery "
            f"nor in the store. Deliver {name} too, or load them first."
        )
    key, value = quoted(TABLES[name].key[0]), quoted(column)
    with open_duck(memory, path.parent) as db:
        tables = [f"SELECT {key}, {value}, {i} AS place FROM rows{i}" for i in range(len(rows))]
        for i, file in enumerate(rows):
            db.read_parquet(glob.escape(str(file))).create_view(f"rows{i}")
        first = f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY place) = 1"
        newest = f"SELECT * FROM ({' UNION ALL '.join(tables)}) {first}"
        text, result = (key, value) if by_id else (value, key)
        several = f"CASE WHEN count(*) <= {_FEW} THEN min({result}, {_FEW}) ELSE [] END"
        write_parquet(
            db,
            f"SELECT {folded(text)} AS key, min({result}) AS value, {several} AS several, "
            f"count(*) AS n FROM ({newest}) WHERE {text} IS NOT NULL GROUP BY 1",
            path,
        )
