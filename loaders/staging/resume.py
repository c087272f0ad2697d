"""The staging folder of a load and its progress, from which an interrupted load resumes."""

import hashlib
import shutil
from dataclasses import asdict
from pathlib import Path

from followsuit.core.files import is_parquet, private_folder, read_json, save_json
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import TABLES
from followsuit.loaders.sources import Delivery
from followsuit.loaders.staging.stage import Counts, Staged

_FORMAT = 4
"""The version of the staging's format; increase it when the format changes."""


class Staging:
    """A load's staging folder, and its notes on what is staged and written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = folder / "notes.json"
        notes = read_json(self._notes) or {}
        noted = notes.get("tables", {})
        self.tables = {
            name: Staged(Counts(**noted[name].pop("counts")), **noted[name])
            for name in TABLES
            if name in noted and is_parquet(self.path(name)) and is_parquet(self.rejects_of(name))
        }
        self.rejects: str | None = notes.get("rejects")
        """The name of the rejects file, once it is written."""
        self.deleted: dict[str, int] | None = notes.get("deleted")
        """How many rows `replace` deletes, by table, once checked."""
        self.written: list[str] = notes.get("written", [])

    @classmethod
    def of(cls, store: GraphStore, delivery: Delivery, replace: tuple[str, ...]) -> "Staging":
        """The staging of this load, to resume it; deletes the staging of any other load."""
        home = store.state.staging
        mark = delivery.fingerprint()
        digest = hashlib.sha256(
            repr((_FORMAT, mark, store.meta.store_id, replace)).encode()
        ).hexdigest()
        folder = home / digest[:16]
        for other in home.iterdir() if home.exists() else ():
            if mark is None or other != folder:
                shutil.rmtree(other)
        return cls(private_folder(folder))

    @property
    def counts(self) -> dict[str, Counts]:
        """The counts of each table's rows."""
        return {name: staged.counts for name, staged in self.tables.items()}

    @property
    def filtered_by(self) -> dict[str, dict[str, int]]:
        """By table and condition of `where`, how many rows were left out."""
        return {name: staged.filtered_by for name, staged in self.tables.items()}

    def path(self, table: str) -> Path:
        """The staged rows of a table."""
        return self.folder / f"{table}.parquet"

    def rejects_of(self, table: str) -> Path:
        """The rejects of a table."""
        return self.folder / f"{table}.rejects.parquet"

    def save(self) -> None:
        """Write the notes to disk."""
        notes = {
            "tables": {name: asdict(staged) for name, staged in self.tables.items()},
            "rejects": self.rejects,
            "deleted": self.deleted,
            "written": self.written,
        }
        save_json(self._notes, notes)
