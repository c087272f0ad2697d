"""Splits rows into cells that several writers can send to a server without a deadlock.

Creating a relationship locks both of its ends. A hash of a row's source and one of its target
decide on its cell. Two cells without a common bucket share no node, so their writers never wait for
each other. (Other programs that write to the database may still make a writer wait; the driver
retries its transactions.)
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.graph.duck import open_duck
from followsuit.graph.schema import Col, Element, NodeType

WRITERS = 2
_FEW = 20_000
"""Up to this many rows stay in one cell, because splitting them costs more than it saves."""


@dataclass(frozen=True)
class Cell:
    """Rows in a Parquet file, and the buckets of the nodes that they touch."""

    path: Path
    buckets: frozenset[tuple[str, int]]

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows, at most `rows` at a time."""
        yield from pq.ParquetFile(self.path).iter_batches(rows)


def deal(element: Element, rows: Path, folder: Path, memory: int) -> list[Cell]:
    """Split an element's rows into cells, each sorted by its ends, in files under `folder`."""
    if pq.read_metadata(rows).num_rows <= _FEW:
        return [Cell(rows, frozenset())]
    if isinstance(element, NodeType):
        ends, wide = [(element.label, element.key)], WRITERS
    else:
        ends = [(element.source.label, Col.SOURCE), (element.target.label, Col.TARGET)]
        # With both ends of one label, disjoint cells need twice the buckets.
        wide = WRITERS * (2 if element.source == element.target else 1)
    columns = [str(column) for _, column in ends]
    cells = []
    with open_duck(memory, folder, rows=rows) as db:
        relation = db.view("rows")
        for dealt in itertools.product(range(wide), repeat=len(ends)):
            path = folder / f"cell-{'-'.join(map(str, dealt))}.parquet"
            within = " AND ".join(
                f"hash(coalesce({c}, '')) % {wide} = {b}"
                for c, b in zip(columns, dealt, strict=True)
            )
            relation.filter(within).order(", ".join(columns)).write_parquet(str(path))
            labels = (label for label, _ in ends)
            cells.append(Cell(path, frozenset(zip(labels, dealt, strict=True))))
    return cells


def rounds(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Group the cells so that no two in a group share a bucket, at most `WRITERS` per group."""
    left = list(cells)
    while left:
        group: list[Cell] = []
        for cell in left:
            if len(group) < WRITERS and all(cell.buckets.isdisjoint(c.buckets) for c in group):
                group.append(cell)
        left = [cell for cell in left if cell not in group]
        yield group
