"""Files that a run leaves beside the store: whole or not there, and for their owner alone."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_OTHERS = 0o077
"""Permission bits of group and others."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write to that takes the place of `path` in one act at the end.

    A kill leaves the file before, or all of the new one.
    """
    part = path.with_name(f"{path.name}.part")
    yield private_file(part)
    part.replace(path)


def save_json(path: Path, content: object) -> None:
    """Write a file in one act."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, sort_keys=True))


def read_json(path: Path) -> Any:
    """What `save_json` has written; None where there is nothing, or where it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError):
        return None


def read_parquet(path: Path) -> pa.Table | None:
    """The rows of a Parquet file; None where there is nothing, or where it is damaged."""
    try:
        return pq.read_table(path, memory_map=False, partitioning=None)
    except (OSError, pa.ArrowException):
        return None


def is_parquet(path: Path) -> bool:
    """Whether a file is a whole Parquet file, by its ends."""
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False
    return True


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, for its owner alone; returns it."""
    if not path.parent.exists():
        private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    _restrict(path)
    return path


def private_file(path: Path) -> Path:
    """Make an empty file where there is none, for its owner alone; returns it."""
    path.touch(mode=0o600)
    _restrict(path)
    return path


def make_private(path: Path) -> None:
    """Leave a file, or a folder and all that is in it, to its owner alone."""
    for each in _within(path):
        _restrict(each)


def _within(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))


def _restrict(path: Path) -> None:
    # Skip files that belong to another user or have been deleted meanwhile.
    with suppress(PermissionError, FileNotFoundError):
        mode = path.lstat().st_mode
        if mode & _OTHERS and not path.is_symlink():
            path.chmod(mode & 0o777 & ~_OTHERS)
