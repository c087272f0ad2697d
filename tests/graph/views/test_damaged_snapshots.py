"""Damaged or partly deleted snapshot files are made again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from followsuit.graph import schema as g
from followsuit.graph import tables
from followsuit.graph.views.snapshot import Snapshot, take_snapshot
from followsuit.testing.graph_rows import nodes
from followsuit.testing.places import Place

NAMES = [f"c{number}" for number in range(300)]


def garble(path: Path) -> None:
    """Change a file's content, but not its size."""
    content = bytearray(path.read_bytes())
    content[40:60] = bytes(20)
    path.write_bytes(content)


def replaced_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda f: os.truncate(f / "customers.parquet", 100),
    "without its end": lambda f: os.truncate(
        f / "customers.parquet", (f / "customers.parquet").stat().st_size - 1
    ),
    "empty file": lambda f: os.truncate(f / "products.parquet", 0),
    "garbled": lambda f: garble(f / "customers.parquet"),
    "other bytes": lambda f: (f / "likes.parquet").write_bytes(b"customer_id,interest\n"),
    "another table's": lambda f: shutil.copy(f / "likes.parquet", f / "customers.parquet"),
    "missing table": lambda f: (f / "purchases.parquet").unlink(),
    "missing notes": lambda f: (f / "notes.json").unlink(),
    "garbled notes": lambda f: (f / "notes.json").write_bytes(b"\x00{\xff"),
    "half the notes": lambda f: os.truncate(f / "notes.json", 30),
    "notes of nothing": lambda f: (f / "notes.json").write_text("[]"),
    "notes without a note": lambda f: (f / "notes.json").write_text('{"meta": {}}'),
    "empty folder": emptied,
    "a file in its place": replaced_by_a_file,
}


def people(snapshot: Snapshot) -> list[str]:
    return sorted(snapshot.rows(tables.CUSTOMERS).customer_id.execute())


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_snapshot_is_made_again(
    damage: Callable[[Path], object], embedded: Place
) -> None:
    with embedded.open() as store:
        with store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, *NAMES))
            store.changed()
        first = take_snapshot(store)
        content, folder = first.content, first.folder
        before = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
        damage(folder)
        again = take_snapshot(store)
        assert (again.folder, again.content) == (folder, content)
        assert people(again) == sorted(NAMES)
        assert {path.name: path.read_bytes() for path in folder.glob("*.parquet")} == before
        assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_files_that_were_only_touched_stay(embedded: Place) -> None:
    with embedded.open() as store:
        with store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, *NAMES))
            store.changed()
        folder = take_snapshot(store).folder
        for path in folder.iterdir():
            os.utime(path, (1, 1))
        take_snapshot(store)
        assert {path.stat().st_mtime for path in folder.iterdir()} == {1}
