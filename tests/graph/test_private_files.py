"""A store's files are private to their owner, whatever the umask and their previous modes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from followsuit.core.files import (
    make_private,
    private_file,
    private_folder,
    read_json,
    read_parquet,
    save_json,
)
from followsuit.graph import schema as g
from followsuit.graph.views.snapshot import take_snapshot
from followsuit.testing.graph_rows import samples
from followsuit.testing.places import Place


@pytest.fixture(autouse=True)
def _generous() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Everything in a folder that other users may read or write."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    )


def test_a_store_and_its_state_folder_are_private(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        with store.writing():
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
            store.changed()
            assert open_to_others(tmp_path) == []
        take_snapshot(store)
    assert open_to_others(tmp_path) == []
    assert place.is_server or len(list(tmp_path.rglob("*.parquet"))) > 10


def test_the_next_writer_makes_a_readable_store_private(embedded: Place, tmp_path: Path) -> None:
    with embedded.open() as store:
        with store.writing():
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
            store.changed()
        take_snapshot(store)
        for path in tmp_path.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        with store.writing():
            pass
    assert open_to_others(tmp_path) == []


def test_the_umask_of_a_notebook_stays(embedded: Place) -> None:
    with embedded.open() as store:
        with store.writing():
            store.changed()
        take_snapshot(store)
    assert os.umask(0o022) == 0o022


def test_missing_folders_are_created_private_and_others_unchanged(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    made = private_folder(tmp_path / "a" / "b")
    assert [stat.S_IMODE(p.stat().st_mode) for p in (made, made.parent, tmp_path)] == [
        0o700,
        0o700,
        0o755,
    ]


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").touch(mode=0o644)
    private_folder(tmp_path / "in")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "outside")
    make_private(tmp_path / "in")
    assert stat.S_IMODE((tmp_path / "outside").stat().st_mode) == 0o644


def test_a_saved_file_is_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "done.json"
    save_json(path, {"rows": 3})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_json(path) == {"rows": 3}


@pytest.mark.parametrize("content", [b"", b"{", b'{"rows": 3', b"\xff\xfe\x00", b"\x00" * 40])
def test_a_damaged_file_reads_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    assert (read_json(path), read_parquet(path)) == (None, None)
    private_file(path).write_bytes(content)
    assert (read_json(path), read_parquet(path)) == (None, None)
    assert (read_json(tmp_path), read_json(path / "below")) == (None, None)
