"""Paths to an embedded store: links, and files that have lost their content."""

import os
import shutil
from pathlib import Path

import pytest

from followsuit.graph import schema as g
from followsuit.graph.connect import connect
from followsuit.graph.engines import embedded_file
from followsuit.graph.store import GraphStore, StoreBusy, StoreDamaged, StoreError, StoreMissing
from followsuit.testing.graph_rows import nodes
from followsuit.testing.places import Place


def fill(store: GraphStore, *customers: str) -> None:
    with store.writing():
        store.write(g.CUSTOMER, nodes(g.CUSTOMER, *customers))
        store.changed()


@pytest.fixture
def ways(tmp_path: Path) -> list[Path]:
    """A missing file, and links to it and to its folder."""
    (tmp_path / "real" / "inner").mkdir(parents=True)
    file = tmp_path / "real" / "store.lbug"
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file").symlink_to("real/store.lbug")
    (tmp_path / "again").symlink_to(tmp_path / "file")
    return [
        file,
        tmp_path / "folder" / "store.lbug",
        tmp_path / "file",
        tmp_path / "again",
        tmp_path / "real" / "inner" / ".." / "store.lbug",
    ]


@pytest.mark.parametrize("maker", range(5))
def test_a_store_has_one_state_folder_whatever_the_path(ways: list[Path], maker: int) -> None:
    fill(connect(ways[maker]), "ann")
    stores = [connect(way) for way in ways]
    assert {store.state.path for store in stores} == {ways[0].with_name("store.lbug.state")}
    assert [store.count(g.CUSTOMER) for store in stores] == [1] * 5
    assert not ways[0].is_symlink()
    assert {p.name for p in ways[2].parent.iterdir()} == {"real", "folder", "file", "again"}


def test_a_store_has_one_lock_whatever_the_path(
    ways: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_file, "_WAIT", 0.2)
    fill(connect(ways[0]), "ann")
    with connect(ways[0]).writing():
        for way in ways[1:]:
            with pytest.raises(StoreBusy):
                connect(way).count(g.CUSTOMER)


def test_a_relative_path_keeps_its_meaning_when_the_folder_changes(
    ways: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path / "folder")
    store = connect("../file")
    monkeypatch.chdir("/")
    fill(store, "ann")
    assert connect(ways[0]).count(g.CUSTOMER) == 1


def test_circular_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(StoreMissing):
        connect(tmp_path / "a").count(g.CUSTOMER)
    with pytest.raises(StoreError, match="leads back to itself"), connect(tmp_path / "a").writing():
        pytest.fail("there is no such place")


def test_an_emptied_store_is_refused_and_kept(embedded: Place) -> None:
    path = Path(embedded.name)
    with embedded.open() as store:
        fill(store, "ann")
        os.truncate(path, 0)
        for _ in range(2):
            with pytest.raises(StoreDamaged, match=r"is empty, and .*state beside it") as refused:
                store.count(g.CUSTOMER)
            with pytest.raises(StoreDamaged, match="Restore the file from a backup, or delete"):
                fill(store, "bob")
            with pytest.raises(StoreDamaged):
                store.query_apart("RETURN 1 AS x")
        assert "\n" not in str(refused.value)
        assert path.stat().st_size == 0
        path.unlink()
        shutil.rmtree(store.state.path)
        fill(store, "bob", "cas")
        assert store.count(g.CUSTOMER) == 2


@pytest.mark.parametrize("size", [1, 4096, 20_000])
def test_a_truncated_store_says_what_to_do(embedded: Place, size: int) -> None:
    with embedded.open() as store:
        fill(store, *(f"c{number}" for number in range(2000)))
        os.truncate(embedded.name, size)
        with pytest.raises(StoreError, match="restore it from a backup, or delete it") as no:
            store.count(g.CUSTOMER)
        assert "\n" not in str(no.value)
        with pytest.raises(StoreError, match="can't be opened as a LadybugDB file"):
            fill(store, "bob")
        with pytest.raises(StoreError, match="can't be opened as a LadybugDB file"):
            store.query_apart("RETURN 1 AS x")


def test_a_new_store_keeps_nothing_of_the_previous_one(embedded: Place) -> None:
    with embedded.open() as store:
        fill(store, "ann")
        (store.state.runs / "2025").mkdir(parents=True)
        (store.state.path / "rejects.parquet").touch()
        Path(embedded.name).unlink()
        # Of a writer that was killed.
        (store.state.path.parent / "store.lbug.wal").write_bytes(b"what was never folded in")
        (store.state.path.parent / "store.lbug.new").write_bytes(b"half")
        fill(store, "bob")
        assert [path.name for path in store.state.path.iterdir()] == ["lock"]
        assert store.read(g.CUSTOMER)[g.CUSTOMER.key].to_pylist() == ["bob"]
    names = {path.name for path in Path(embedded.name).parent.iterdir()}
    assert names == {"store.lbug", "store.lbug.state"}
