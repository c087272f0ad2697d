"""The state folder: its paths, its modes, and what is deleted with its store."""

import subprocess
import sys
from pathlib import Path

import pytest

from followsuit.core.files import private_folder, replacing
from followsuit.graph.state import StateFolder


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "s.lbug.state")
    state.create()
    return state


def test_the_folder_and_its_content_are_private(state: StateFolder) -> None:
    private_folder(state.models)
    (state.models / "open.npz").touch(mode=0o644)
    state.make_private()
    modes = {path.name: path.stat().st_mode & 0o777 for path in state.path.rglob("*")}
    assert (state.path.stat().st_mode & 0o777, modes) == (
        0o700,
        {"models": 0o700, "open.npz": 0o600},
    )


def test_a_work_folder_is_deleted_even_after_a_failure(state: StateFolder) -> None:
    def work() -> None:
        with state.work_folder() as folder:
            (folder / "rows").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert list(state.path.iterdir()) == []


def test_work_that_a_killed_process_left_is_deleted_by_the_next(state: StateFolder) -> None:
    leave = (
        "import os, pathlib, signal, sys; from followsuit.graph.state import StateFolder\n"
        "work = StateFolder(pathlib.Path(sys.argv[1])).work_folder()\n"
        "(work.path / 'rows').touch()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", leave, str(state.path)], check=False)
    (left,) = state.path.glob("work-*/rows")
    with state.work_folder() as mine, state.work_folder() as other:
        assert not left.exists()
        assert mine.exists()
        assert other.exists()
    assert list(state.path.iterdir()) == []


def test_a_cleared_folder_keeps_only_the_lock(state: StateFolder) -> None:
    for folder in (state.runs, state.models / "a"):
        private_folder(folder)
    state.lock.touch()
    (state.path / "left.parquet").touch()
    state.clear()
    assert list(state.path.iterdir()) == [state.lock]


def test_a_file_is_replaced_whole_or_not_at_all(state: StateFolder) -> None:
    path = state.path / "notes.json"

    def write(content: str, fails: bool) -> None:
        with replacing(path) as part:
            part.write_text(content)
            if fails:
                raise KeyboardInterrupt

    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write("aft", fails=True)
    assert path.read_text() == "before"
    write("after", fails=False)
    assert path.read_text() == "after"
    assert path.stat().st_mode & 0o777 == 0o600
