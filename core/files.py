"""Files beside the store: written atomically, and readable by their owner alone."""

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
    """Yield a temporary file to write to; at the end it replaces `path` atomically.

    After a kill, `path` is the old file or the whole new one.
    """
    part = path.with_name(f"{path.name}.part")
    yield private_file(part)
    part.replace(path)


def save_json(path: Path, content: object) -> None:
    """Write content as JSON, atomically."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, sort_keys=True))


def read_json(path: Path) -> Any:
    """Read what `save_json` wrote; None if the file is missing or damaged."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError):
        return None


def read_parquet(path: Path) -> pa.Table | None:
    """Read a Parquet file; None if it is missing or damaged."""
    try:
        return pq.read_table(path, memory_map=False, partitioning=None)
    except (OSError, pa.ArrowException):
        return None


def is_parquet(path: Path) -> bool:
    """Whether a file is a complete Parquet file; checks its metadata only."""
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False
    return True


def is_readable_parquet(path: Path) -> bool:
    """Whether all rows of a Parquet file can be read; reads them, a batch at a time."""
    try:
        with pq.ParquetFile(path, memory_map=False) as file:
            for _ in file.iter_batches():
                pass
    except (OSError, pa.ArrowException):
        return False
    return True


def private_folder(path: Path) -> Path:
    """Make a folder and its missing parents, for their owner alone; returns the folder."""
    if not path.parent.exists():
        private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    _restrict(path)
    return path


def private_file(path: Path) -> Path:
    """Make an empty file unless it exists, for its owner alone; returns the file."""
    path.touch(mode=0o600)
    _restrict(path)
    return path


def make_private(path: Path) -> None:
    """Restrict a file, or a folder and everything in it, to its owner."""
    for entry in _within(path):
        _restrict(entry)


def _within(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))


def _restrict(path: Path) -> None:
    # Skip files of another user, and files that were deleted meanwhile.
    with suppress(PermissionError, FileNotFoundError):
        mode = path.lstat().st_mode
        if mode & _OTHERS and not path.is_symlink():
            path.chmod(mode & 0o777 & ~_OTHERS)
