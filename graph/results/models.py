"""Fitted models beside a store: each is stored once, by a digest of its inputs, for all runs."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from followsuit.core.files import make_private, private_folder, read_json, save_json
from followsuit.graph.state import StateFolder

_KEY = re.compile("[0-9a-f]{16}")
_USED = "uses.json"
"""In a run's folder: the key of the model that the run uses."""


def model_key(*inputs: object) -> str:
    """The key of a model: the same for the same version of followsuit and the same inputs.

    Args:
        inputs: everything that the fit depends on: the model's name, settings, data and seed.
    """
    text = json.dumps([version("followsuit"), *inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class ModelStore:
    """The models of a store: a folder for each key, and links to some of them by name.

    `prune` deletes every model that no name and no run uses. So call `naming` or `note_use` before
    `save`.

    Args:
        state: the state folder of the store.
    """

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._folder = state.models

    def path(self, key: str) -> Path:
        """The folder of a model; it is complete or missing."""
        return self._folder / key

    def named(self, name: str) -> Path:
        """The folder of the model that currently has a name."""
        return self._folder / name

    def save(self, key: str, write: Callable[[Path], object]) -> None:
        """Store a model; replaces a damaged one.

        Args:
            key: the model's key, see `model_key`.
            write: writes the model into a folder.
        """
        home = private_folder(self._folder)
        with tempfile.TemporaryDirectory(dir=home, prefix=f"{key}.") as part:
            model = Path(part) / "model"
            write(model)
            make_private(model)
            shutil.rmtree(self.path(key), ignore_errors=True)
            try:
                model.rename(self.path(key))
            except OSError:
                # Another process may have stored the same model meanwhile.
                if not self.path(key).exists():
                    raise

    @contextmanager
    def naming(self, name: str, key: str) -> Iterator[None]:
        """Give a name to the model that is stored within the block.

        Until the block ends, the name belongs to its previous model. The name is a link, and
        changes atomically.
        """
        private_folder(self._folder)
        link, new = self.named(name), self.named(f"{name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(key)
        yield
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)  # An earlier version stored the model itself there.
        new.replace(link)

    def note_use(self, run_id: str, key: str) -> None:
        """Note that a run uses a model."""
        save_json(private_folder(self._state.runs / run_id) / _USED, {"key": key})

    def delete_of_run(self, run_id: str) -> None:
        """Delete the model that a run uses, even if other runs use it too."""
        folder = self._state.runs / run_id
        # An earlier version stored the model itself in the run's folder.
        for model in (folder / "taste", *map(self.path, _used(folder))):
            shutil.rmtree(model, ignore_errors=True)

    def clear(self) -> None:
        """Delete all models and interrupted trainings, after customers were forgotten."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for folder in self._state.runs.iterdir() if self._state.runs.exists() else ():
            self.delete_of_run(folder.name)

    def delete_older(self, last: datetime) -> None:
        """Delete the models that were stored at an instant or before, named ones too."""
        entries = list(self._folder.iterdir()) if self._folder.exists() else []
        for entry in entries:
            if entry.exists() and entry.stat().st_mtime <= last.timestamp():
                entry.unlink() if entry.is_symlink() or entry.is_file() else shutil.rmtree(entry)

    def prune(self) -> None:
        """Delete models that no run and no name uses, and leftovers of killed processes."""
        entries = list(self._folder.iterdir()) if self._folder.exists() else []
        used = {link.readlink().name for link in entries if link.is_symlink()}
        for folder in self._state.runs.iterdir() if self._state.runs.exists() else ():
            used |= _used(folder)
        for entry in entries:
            key = entry.name.partition(".")[0]
            if _KEY.fullmatch(key) and key not in used:
                shutil.rmtree(entry, ignore_errors=True)


def _used(run_folder: Path) -> set[str]:
    """The key of the model that a run uses; empty if the run noted none."""
    note = read_json(run_folder / _USED)
    return {note["key"]} if note else set()
