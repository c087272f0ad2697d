"""Compares the rows of a delivery with those of the store, on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from followsuit.graph.duck import open_duck
from followsuit.graph.schema import Col, Element, NodeType


@dataclass(frozen=True)
class Differences:
    """Row counts, and Parquet files with the rows in the element's columns."""

    fresh: int
    changed: int
    """Known rows whose new content differs, deleted ones included."""
    fresh_rows: Path
    changed_rows: Path
    kept_rows: Path
    """Known rows that don't change; the file is written only if `changed` isn't 0."""


def differences(element: Element, new: Path, old: Path, folder: Path, memory: int) -> Differences:
    """Compare the new rows of an element with its old ones by key.

    Args:
        element: the element of the rows in both files.
        new: Parquet file with at most one row per key.
        old: Parquet file with at most one row per key.
        folder: the folder for the results.
        memory: limit in bytes; beyond it, the comparison spills to `folder`.
    """
    columns = element.arrow_schema().names
    key = [element.key] if isinstance(element, NodeType) else list(element.key)
    rest = [c for c in columns if c not in key]
    same_key = " AND ".join(f'n."{c}" IS NOT DISTINCT FROM o."{c}"' for c in key)
    differs = " OR ".join(f'n."{c}" IS DISTINCT FROM o."{c}"' for c in rest) or "FALSE"
    has_end = "TRUE" if isinstance(element, NodeType) else f'n."{Col.TARGET}" IS NOT NULL'
    fresh, changed, unchanged = (
        folder / f"{part}.parquet" for part in ("fresh", "changed", "kept")
    )
    with open_duck(memory, folder, n=new, o=old) as db:
        db.execute("SET preserve_insertion_order = false")
        # These texts contain only names from the schema.
        db.sql(f"SELECT n.* FROM n ANTI JOIN o ON {same_key} WHERE {has_end}").write_parquet(
            str(fresh)
        )
        db.sql(f"SELECT n.* FROM n JOIN o ON {same_key} WHERE {differs}").write_parquet(
            str(changed)
        )
        if n_changed := _rows(changed):
            db.read_parquet(str(changed)).create_view("c")
            same_key = same_key.replace("n.", "c.")
            db.sql(f"SELECT o.* FROM o ANTI JOIN c ON {same_key}").write_parquet(str(unchanged))
    return Differences(_rows(fresh), n_changed, fresh, changed, unchanged)


def without(old: Path, deleted: Path, columns: Sequence[str], remaining: Path, memory: int) -> None:
    """Copy rows to another file, except those that should be deleted.

    Args:
        old: Parquet file of the rows.
        deleted: Parquet file with the values of the rows to leave out.
        columns: the columns to compare; an empty cell equals an empty cell.
        remaining: the file to write.
        memory: limit in bytes.
    """
    same = " AND ".join(f'o."{c}" IS NOT DISTINCT FROM g."{c}"' for c in columns)
    with open_duck(memory, remaining.parent, o=old, g=deleted) as db:
        db.execute("SET preserve_insertion_order = false")
        db.sql(f"SELECT o.* FROM o ANTI JOIN g ON {same}").write_parquet(str(remaining))


def _rows(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)
