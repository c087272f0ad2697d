"""Converts numbers to the contract's Arrow columns."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from followsuit.graph import schema as g
from followsuit.graph.tables import TABLES
from followsuit.simulator.draw import DAY, Flags
from followsuit.simulator.world import World

Column: TypeAlias = "pa.Array[Any]"
Chunks: TypeAlias = "pa.ChunkedArray[Any]"
pc: Any = pyarrow.compute
"""Arrow's functions, untyped because the stubs lack overloads."""

MADE = tuple(
    name for name in TABLES if name not in ("offer_items", "categories", "sensitive_values")
)
"""The tables of the contract that a simulated delivery has, in loading order."""

_ZERO = ord("0")


def ids(prefix: str, count: int, least: int = 1) -> Column:
    """`count` ids like `c0042`, numbered from 1, padded to one width."""
    width = max(least, len(str(count)))
    numbers = np.arange(1, count + 1, dtype=np.int64)
    text = np.empty((count, 1 + width), dtype=np.uint8)
    text[:, 0] = ord(prefix)
    for place in range(width):
        text[:, width - place] = _ZERO + numbers // 10**place % 10
    ends = np.arange(count + 1, dtype=np.int64) * (1 + width)
    long = pa.Array.from_buffers(
        pa.large_string(), count, [None, pa.py_buffer(ends.data), pa.py_buffer(text.data)]
    )
    return long.cast(pa.string())


def words(values: Sequence[str]) -> Column:
    """A text column."""
    return pa.array(values, g.TEXT)


def take(values: Column, index: NDArray[np.signedinteger]) -> Column:
    """The values at the indices; a negative index is a missing value."""
    return values.take(pa.array(index, mask=index < 0))


def joined(parts: Sequence[Column], separator: str) -> Column:
    """Texts joined row by row; missing where one is missing."""
    texts: Column = pc.binary_join_element_wise(*parts, separator)
    return texts


def times(world: World, seconds: NDArray[np.signedinteger], missing: Flags | None = None) -> Column:
    """Instants, given in seconds from the start of the world's period."""
    start = np.datetime64(world.start, "s").astype(np.int64)
    micros = (start + seconds.astype(np.int64)) * 1_000_000
    return pa.array(micros, pa.int64(), mask=missing).cast(g.TIME)


def dates(world: World, days: NDArray[np.signedinteger], missing: Flags) -> Column:
    """Dates, given in days from the start of the world's period."""
    start = np.datetime64(world.start, "D").astype(np.int64)
    return pa.array((start + days).astype(np.int32), mask=missing).cast(g.DATE)


def rows(name: str, columns: Mapping[str, Column]) -> pa.Table:
    """A table of the contract; missing columns are empty."""
    schema = TABLES[name].arrow_schema()
    count = len(next(iter(columns.values())))
    arrays = [
        columns[field.name] if field.name in columns else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def day_of(seconds: NDArray[np.signedinteger]) -> NDArray[np.int64]:
    """The day of the period that contains each second."""
    return seconds.astype(np.int64) // DAY
