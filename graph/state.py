"""The state folder of a store: the paths in it, for its owner alone.

It holds files that can be made again (snapshots, models, files of runs), and the staging and
rejects of loads. Only this module knows its paths; `core.files` writes the files.
"""

import shutil
import uuid
import weakref
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from followsuit.core.files import make_private, private_folder

_LOCK = "lock"
_WORK, _LOCKED = "work-", ".locked"


class StateFolder:
    """The state folder beside a store.

    Args:
        path: the folder; it may be missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = path / _LOCK
        """The file that readers and the writer of an embedded store lock."""
        self.snapshots = path / "snapshots"
        """One folder per revision."""
        self.staging = path / "staging"
        """The folder of the current load."""
        self.rejects = path / "rejects"
        """One Parquet file per load."""
        self.runs = path / "runs"
        """One folder per run of `score`, named by its id."""
        self.models = path / "models"
        """Fitted models, see `ModelStore`."""
        self.activated = path / "activated"
        """The offers of runs that were activated lately, one Parquet file per run."""
        self.forgotten = path / "forgotten.json"
        """The keyed hashes of forgotten customers, see `Forgotten`."""
        self.forgotten_key = path / "forgotten.key"
        """The key of these hashes."""
        self.forgetting = path / "forgetting.json"
        """What an unfinished `forget` has to erase; missing otherwise."""
        self.changing = path / "changing.json"
        """An unfinished change of a customer's rows; missing otherwise."""
        self.pruning = path / "pruning.json"
        """The instants of an unfinished `prune`; missing otherwise."""
        self.offline_import = path / "offline-import"
        """A server's rows, for the offline import that rewrites its files."""

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Whether the folder exists."""
        return self.path.exists()

    def create(self) -> None:
        """Make the folder unless it exists."""
        private_folder(self.path)

    def make_private(self) -> None:
        """Restrict the folder and everything in it to its owner."""
        make_private(self.path)

    def work_folder(self) -> "WorkFolder":
        """Make a temporary folder on the same disk."""
        return WorkFolder(private_folder(self.path))

    def clear(self) -> None:
        """Delete the files of a store that no longer exists.

        The lock stays, and so does the list of forgotten customers: a new store at the same place
        gets the deliveries of the old one.
        """
        kept = {self.forgotten, self.forgotten_key}
        for stale in self.path.iterdir():
            if stale.is_dir():
                shutil.rmtree(stale)
            elif not stale.name.startswith(_LOCK) and stale not in kept:
                stale.unlink()


class WorkFolder:
    """A temporary folder, deleted by `close` or at the latest with this object.

    A folder that a killed process has left is deleted when the next one is made: the lock file
    beside a folder is locked as long as its process lives.

    Args:
        home: the folder to make it in.
    """

    def __init__(self, home: Path) -> None:
        _delete_abandoned(home)
        self.path = home / f"{_WORK}{uuid.uuid4().hex}"
        lock = FileLock(self.path.with_suffix(_LOCKED), mode=0o600, thread_local=False)
        lock.acquire()
        private_folder(self.path)
        self.close = weakref.finalize(self, _delete, self.path, lock)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()


def _delete_abandoned(home: Path) -> None:
    for path in home.glob(f"{_WORK}*{_LOCKED}"):
        lock = FileLock(path, blocking=False)
        try:
            lock.acquire()
        except Timeout:
            continue
        _delete(path.with_suffix(""), lock)


def _delete(folder: Path, lock: BaseFileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock_file = Path(lock.lock_file)
    lock_file.unlink(missing_ok=True)
    lock.release(force=True)
