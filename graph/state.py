"""The state folder of a store: the paths in it, for its owner alone.

It holds files that can be made again (snapshots, models, files of runs), and the staging and
rejects of loads. Only this module knows its paths; `core.files` writes the files.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from followsuit.core.files import make_private, private_folder

_LOCK = "lock"


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

    @contextmanager
    def work_folder(self) -> Iterator[Path]:
        """Yield a temporary folder on the same disk."""
        with tempfile.TemporaryDirectory(dir=self.path, prefix="work-") as folder:
            yield Path(folder)

    def clear(self) -> None:
        """Delete everything but the lock: the files of a store that no longer exists."""
        for stale in self.path.iterdir():
            if stale.is_dir():
                shutil.rmtree(stale)
            elif not stale.name.startswith(_LOCK):
                stale.unlink()
