"""Splits rows into cells that several writers can send to a server without a deadlock.

Creating a relationship locks both of its ends. The hashes (buckets) of a row's source and target
choose its cell. Two cells without a common bucket share no node, so their writers never wait for
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


def split_into_cells(element: Element, rows: Path, folder: Path, memory: int) -> list[Cell]:
    """Split an element's rows into cells, each sorted by its ends.

    Args:
        element: the label or relationship type of the rows.
        rows: a Parquet file of the rows.
        folder: the folder for the cells' files.
        memory: limit in bytes.
    """
    if pq.read_metadata(rows).num_rows <= _FEW:
        return [Cell(rows, frozenset())]
    if isinstance(element, NodeType):
        ends, n_buckets = [(element.label, element.key)], WRITERS
    else:
        ends = [(element.source.label, Col.SOURCE), (element.target.label, Col.TARGET)]
        # With both ends of one label, disjoint cells need twice the buckets.
        n_buckets = WRITERS * (2 if element.source == element.target else 1)
    columns = [str(column) for _, column in ends]
    cells = []
    with open_duck(memory, folder, rows=rows) as db:
        relation = db.view("rows")
        for buckets in itertools.product(range(n_buckets), repeat=len(ends)):
            path = folder / f"cell-{'-'.join(map(str, buckets))}.parquet"
            within = " AND ".join(
                f"hash(coalesce({c}, '')) % {n_buckets} = {b}"
                for c, b in zip(columns, buckets, strict=True)
            )
            relation.filter(within).order(", ".join(columns)).write_parquet(str(path))
            labels = (label for label, _ in ends)
            cells.append(Cell(path, frozenset(zip(labels, buckets, strict=True))))
    return cells


def rounds(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Group the cells so that no two in a group share a bucket, at most `WRITERS` per group."""
    remaining = list(cells)
    while remaining:
        group: list[Cell] = []
        for cell in remaining:
            if len(group) < WRITERS and all(cell.buckets.isdisjoint(c.buckets) for c in group):
                group.append(cell)
        remaining = [cell for cell in remaining if cell not in group]
        yield group
