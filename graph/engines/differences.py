"""What a delivery changes: new rows against those that a store already has, on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from followsuit.graph.duck import open_duck
from followsuit.graph.schema import Col, Element, NodeType


@dataclass(frozen=True)
class Differences:
    """Row counts, and the Parquet files that hold the rows, in the element's columns."""

    fresh: int
    changed: int
    """Known rows whose new content differs, those that are taken away included."""
    fresh_rows: Path
    changed_rows: Path
    kept_rows: Path
    """Known rows that stay as they are; written only where `changed` is not 0."""


def differences(element: Element, new: Path, old: Path, folder: Path, memory: int) -> Differences:
    """Compare the new rows of an element with its old ones by key.

    Args:
        element: whose columns both files have.
        new: Parquet file with at most one row a key.
        old: Parquet file, likewise.
        folder: where the results go.
        memory: bytes that the comparison may use; beyond, it spills to `folder`.
    """
    columns = element.arrow_schema().names
    key = [element.key] if isinstance(element, NodeType) else list(element.key)
    rest = [c for c in columns if c not in key]
    same_key = " AND ".join(f'n."{c}" IS NOT DISTINCT FROM o."{c}"' for c in key)
    differs = " OR ".join(f'n."{c}" IS DISTINCT FROM o."{c}"' for c in rest) or "FALSE"
    has_end = "TRUE" if isinstance(element, NodeType) else f'n."{Col.TARGET}" IS NOT NULL'
    fresh, changed, kept = (folder / f"{part}.parquet" for part in ("fresh", "changed", "kept"))
    with open_duck(memory, folder, n=new, o=old) as db:
        db.execute("SET preserve_insertion_order = false")
        # Only names from the schema are put into these texts.
        db.sql(f"SELECT n.* FROM n ANTI JOIN o ON {same_key} WHERE {has_end}").write_parquet(
            str(fresh)
        )
        db.sql(f"SELECT n.* FROM n JOIN o ON {same_key} WHERE {differs}").write_parquet(
            str(changed)
        )
        if n_changed := _rows(changed):
            db.read_parquet(str(changed)).create_view("c")
            same_key = same_key.replace("n.", "c.")
            db.sql(f"SELECT o.* FROM o ANTI JOIN c ON {same_key}").write_parquet(str(kept))
    return Differences(_rows(fresh), n_changed, fresh, changed, kept)


def without(old: Path, gone: Path, columns: Sequence[str], kept: Path, memory: int) -> None:
    """Copy the rows of a Parquet file that equal no row of `gone` in these columns."""
    same = " AND ".join(f'o."{c}" IS NOT DISTINCT FROM g."{c}"' for c in columns)
    with open_duck(memory, kept.parent, o=old, g=gone) as db:
        db.execute("SET preserve_insertion_order = false")
        db.sql(f"SELECT o.* FROM o ANTI JOIN g ON {same}").write_parquet(str(kept))


def _rows(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)
