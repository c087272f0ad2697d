"""What commands write is for its owner alone, also where a generous umask is set."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.cli_shop import AS_OF, Shop

from followsuit.cli.app import to_write


def run(*arguments: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "followsuit", *arguments],
        cwd=folder,
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def open_to_others(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.lstat().st_mode & 0o077 and not path.is_symlink()
    )


def test_stores_states_and_answers_are_private(shop: Shop, tmp_path: Path) -> None:
    delivery = str(shop.folder / "delivery")
    run("load", delivery, "--json", "load.json", folder=tmp_path)
    run("score", "--as-of", AS_OF, "--out", "o.parquet", "--json", "s.json", folder=tmp_path)
    for file_format in ("csv", "json", "parquet"):
        question = ("cypher", "MATCH (c:Customer) RETURN c.name AS name")
        run(*question, "--out", f"names.{file_format}", folder=tmp_path)
    run("influence", "learn", "--as-of", AS_OF, "--out", "ties.parquet", folder=tmp_path)
    names = {path.name for path in tmp_path.rglob("*")}
    assert {"followsuit.lbug", "o.parquet", "names.csv", "ties.parquet", "snapshots"} <= names
    assert open_to_others(tmp_path) == []


def test_a_file_that_is_written_anew_becomes_private(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "counts.csv"
    out.touch()
    out.chmod(0o666)
    store = str(shop.folder / "followsuit.lbug")
    run("query", "counts", "--out", out.name, "--store", store, folder=tmp_path)
    assert open_to_others(tmp_path) == []


def test_a_link_is_followed_to_the_file_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o644)
    (tmp_path / "link").symlink_to("file")
    to_write(tmp_path / "link")
    assert open_to_others(tmp_path) == []


@pytest.mark.parametrize("device", ["/dev/null"])
def test_what_is_no_file_stays_as_it_is(device: str) -> None:
    before = Path(device).stat().st_mode
    to_write(Path(device))
    assert Path(device).stat().st_mode == before
