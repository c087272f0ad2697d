"""A LadybugDB file: who may open it, how it is opened, and what goes wrong."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import ladybug
import pyarrow as pa

from followsuit.core.files import make_private
from followsuit.graph.engines.embedded_rows import run
from followsuit.graph.state import StateFolder
from followsuit.graph.store import StoreBusy, StoreDamaged, StoreError, first_line, missing

_WAIT = 5.0
"""Seconds to wait for another process to release the store."""
_LOG, _SHADOW = ".wal", ".shadow"
"""Endings of the files that the engine writes beside its own."""
_NEW = ".new"
"""Ending of a file that replaces the store's own when it is whole."""


class RecoveryPending(Exception):
    """A writer was killed during a checkpoint; opening the file for writing recovers it."""


class EmbeddedFile:
    """A LadybugDB file, and the folder `<file>.state` beside it.

    LadybugDB lets a process read a file while another writes to it, with undefined results; so our
    own lock keeps readers and the writer apart.

    Links are resolved, so that a file has one lock and one state folder whatever path leads to it.
    All files are private to their owner.

    Args:
        path: the file; it may be missing.
        memory: limit of the engine, in bytes.

    Attributes:
        name: the path as the user named it.
        path: the path without links.
        state: the folder for locks, snapshots and staging.
        database: the open database; None while the file is closed.
        writable: whether the file is open for writing.
    """

    def __init__(self, path: Path, memory: int) -> None:
        self.name = str(path)
        self.path = Path(os.path.realpath(path))
        self.state = StateFolder(self._beside(".state"))
        self._memory = memory
        self.database: ladybug.Database | None = None
        self.writable = False
        self._connection: ladybug.Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._connection is not None

    @property
    def files(self) -> list[Path]:
        """The files of the store that exist."""
        beside = [self._beside(ending) for ending in ("", _LOG, _SHADOW, _NEW)]
        return [path for path in beside if path.is_file()]

    def check_there(self) -> None:
        """Raise StoreMissing or StoreDamaged unless the file exists and isn't empty."""
        if not self.path.is_file() or (self.is_empty() and not self.state.exists()):
            raise missing(self.name)
        if self.is_empty():
            raise self.emptied()

    def is_empty(self) -> bool:
        """Whether the file exists and is empty."""
        return self.path.is_file() and self.path.stat().st_size == 0

    def emptied(self) -> StoreDamaged:
        """The error for an empty file whose state folder isn't empty."""
        return StoreDamaged(
            f"{self.name} is empty, and {self.state} beside it is not: the store has lost its "
            "content. Restore the file from a backup, or delete both and load again."
        )

    def create(self) -> None:
        """Create the file of a new store atomically, so that a kill leaves no empty file.

        Files beside it belong to a deleted store, and are deleted too.
        """
        if self.path.is_symlink():
            raise StoreError(
                f"{self.name} is a link that leads back to itself. Name another store with --store."
            )
        for ending in (_LOG, _SHADOW):
            self._beside(ending).unlink(missing_ok=True)
        self.state.clear()
        with self.replacing() as new:
            pass
        new.replace(self.path)

    @contextmanager
    def replacing(self) -> Iterator[Path]:
        """Make a new file beside the store's and open it for writing; returns its path."""
        new = self._beside(_NEW)
        for ending in ("", _LOG, _SHADOW):
            new.with_name(new.name + ending).unlink(missing_ok=True)
        with self.opened(write=True, path=new):
            yield new

    @contextmanager
    def locked(self, write: bool) -> Iterator[None]:
        """Keep writers out, or all other processes if `write`.

        Raises:
            StoreBusy: another process holds the lock.
        """
        try:
            self.state.create()
        except OSError as error:
            raise StoreError(
                f"{self.name} can't be used: {error.strerror}: {error.filename}. Name another "
                "store with --store."
            ) from error
        lock = filelock.ReadWriteLock(self.state.lock, timeout=_WAIT, is_singleton=False)
        try:
            held = lock.write_lock(_WAIT) if write else lock.read_lock(_WAIT)
            held.__enter__()
        except filelock.Timeout:
            raise self._busy("using" if write else "writing to") from None
        try:
            yield
        finally:
            held.__exit__(None, None, None)

    @contextmanager
    def opened(self, write: bool, path: Path | None = None) -> Iterator[None]:
        """Open the file, or another one, for `run`; call it within `locked`.

        Raises:
            StoreBusy: another process has it open.
            RecoveryPending: it must be opened for writing first.
            StoreError: it isn't a LadybugDB file.
        """
        path = path or self.path
        try:
            database = ladybug.Database(path, read_only=not write, buffer_pool_size=self._memory)
        except RuntimeError as error:
            raise self.unopened(str(error)) from error
        if write:
            make_private(path)
        self.database, self.writable = database, write
        self._connection = ladybug.Connection(database)
        try:
            yield
        finally:
            self._connection.close()
            database.close()
            self.database, self._connection, self.writable = None, None, False

    def unopened(self, message: str) -> Exception:
        """The error for a file that the engine can't open, by the engine's message."""
        if "set lock" in message:
            return self._busy("using")
        if "recovery is pending" in message:
            return RecoveryPending()
        return StoreError(
            f"{self.name} can't be opened as a LadybugDB file: {first_line(message)} Name another "
            f"store with --store; or, if it was a store, restore it from a backup, or delete it "
            f"and {self.state} and load again."
        )

    def run(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run statements on the open file; returns the rows of the last one."""
        assert self._connection is not None, "outside reading() and writing()"
        try:
            return run(self._connection, cypher, parameters)
        finally:
            if self.writable and (log := self._beside(_LOG)).exists():
                make_private(log)

    def _busy(self, doing: str) -> StoreBusy:
        return StoreBusy(
            f"Another process is {doing} {self.name}. Wait until it is done, then run this again."
        )

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)
