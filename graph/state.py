"""The state folder of a store: the paths in it, for its owner alone.

It holds what can be made again (snapshots, models, files of runs) and what a load leaves: its
staging and its rejects. Nobody else joins a path onto it; `core.files` writes into it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from followsuit.core.files import make_private, private_folder

_LOCK = "lock"


class StateFolder:
    """The folder beside a store.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = path / _LOCK
        """The file that readers and the writer of an embedded store lock."""
        self.snapshots = path / "snapshots"
        """A folder for each revision."""
        self.staging = path / "staging"
        """A folder for the load that is under way."""
        self.rejects = path / "rejects"
        """A Parquet file for each load."""
        self.runs = path / "runs"
        """A folder for each run of `score`, by its id."""
        self.models = path / "models"
        """Fitted models, see `ModelStore`."""

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Whether the folder is there."""
        return self.path.exists()

    def create(self) -> None:
        """Make the folder where it is missing."""
        private_folder(self.path)

    def make_private(self) -> None:
        """Leave all that is in it to its owner alone."""
        make_private(self.path)

    @contextmanager
    def work_folder(self) -> Iterator[Path]:
        """A folder on the same disk that is deleted at the end."""
        with tempfile.TemporaryDirectory(dir=self.path, prefix="work-") as folder:
            yield Path(folder)

    def clear(self) -> None:
        """Delete what is in it, but for the lock: it belongs to a store that is gone."""
        for stale in self.path.iterdir():
            if stale.is_dir():
                shutil.rmtree(stale)
            elif not stale.name.startswith(_LOCK):
                stale.unlink()
