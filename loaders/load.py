"""Load a delivery into a store: stage everything, then write it, so that a fault loses nothing.

What is staged and what is written is noted on disk beside the store; a load that was interrupted
goes on from there, when it is run again on the same files. Until it ends the store is marked.
"""

import glob
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.graph.duck import open_duck
from followsuit.graph.errors import FollowsuitError
from followsuit.graph.progress import Progress, silent
from followsuit.graph.schema import RELATIONSHIPS, Col, Element, NodeType, RelationshipType
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import NODE_TABLES, TABLES, Table
from followsuit.loaders.mapping import Mapping
from followsuit.loaders.rejects import SCHEMA as REJECTS
from followsuit.loaders.sources import Delivery, DeliveryError, find_delivery
from followsuit.loaders.spill import write_parquet
from followsuit.loaders.stage import Counts, stage
from followsuit.loaders.to_graph import Step, mentioned, steps, write_rows


@dataclass(frozen=True)
class LoadReport:
    """What became of a delivery, table by table, and where its rejects are."""

    tables: dict[str, Counts]
    rejects: Path
    ignored: tuple[str, ...]
    """Files of the folder that are no table of the contract."""

    def as_dict(self) -> dict[str, Any]:
        """As `load --json` prints it."""
        tables = {name: asdict(counts) for name, counts in self.tables.items()}
        return {"tables": tables, "rejects": str(self.rejects)}


def load(
    store: GraphStore,
    place: str,
    mapping: Mapping | None = None,
    *,
    assume_consent: bool = False,
    replace: Sequence[str] = (),
    memory: int = 2**30,
    progress: Progress = silent,
) -> LoadReport:
    """Load a folder or a database into a store.

    Args:
        store: new, or one of ours.
        place: a folder, or an SQLAlchemy URL.
        mapping: for files and columns that are named otherwise than in the contract.
        assume_consent: take contact and social use as granted where no row says otherwise.
        replace: tables that are delivered whole: what is not in them is deleted.
        memory: bytes for what has to see all rows of a table.
        progress: told of each step.

    Raises:
        DeliveryError: a file or table can't be read; nothing is loaded.
        StoreError: the store can't be written.
    """
    delivery = find_delivery(place, mapping or Mapping())
    names = {source.table.name for source in delivery.sources}
    for table in replace:
        if table not in names:
            raise DeliveryError(
                f"--replace {table}: {delivery.name} has no such table; it has "
                f"{', '.join(sorted(names))}."
            )
    with store.writing():
        job = _Load(store, delivery, _Staging.of(store, delivery, tuple(replace)), tuple(replace))
        before = store.meta.pending
        _note_pending(store, [*(name for name in before if name != delivery.name), delivery.name])
        try:
            job.stage(memory, progress)
        except FollowsuitError:
            # Nothing has been written: the store is what it was.
            _note_pending(store, before)
            raise
        pa.default_memory_pool().release_unused()  # the engine may need it now
        job.write(assume_consent, memory, progress)
        report = LoadReport(job.staging.counts, job.collect_rejects(), delivery.ignored)
        shutil.rmtree(job.staging.folder)
    return report


def _note_pending(store: GraphStore, names: list[str]) -> None:
    store.note(**_pending(names))


def _pending(names: list[str]) -> dict[str, object]:
    """Notes of the loads that have begun and not ended; the store speaks of the first."""
    return {"pending": names, "loading": names[0] if names else None}


class _Staging:
    """A load's folder and its notes: what is staged, what is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = folder / "notes.json"
        notes = json.loads(self._notes.read_text()) if self._notes.exists() else {}
        self.counts = {name: Counts(**c) for name, c in notes.get("counts", {}).items()}
        self.written: list[str] = notes.get("written", [])

    @classmethod
    def of(cls, store: GraphStore, delivery: Delivery, replace: tuple[str, ...]) -> "_Staging":
        """The staging of this very load, as far as it came; that of any other is deleted."""
        home = store.state / "staging"
        mark = delivery.fingerprint()
        digest = hashlib.sha256(repr((mark, store.meta.store_id, replace)).encode()).hexdigest()
        folder = home / digest[:16]
        for other in home.iterdir() if home.exists() else ():
            if mark is None or other != folder:
                shutil.rmtree(other)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def path(self, table: str) -> Path:
        """The staged rows of a table."""
        return self.folder / f"{table}.parquet"

    def save(self) -> None:
        """Note on disk how far the load has come."""
        notes = {
            "counts": {name: asdict(c) for name, c in self.counts.items()},
            "written": self.written,
        }
        part = self._notes.with_suffix(".part")
        part.write_text(json.dumps(notes))
        part.replace(self._notes)


@dataclass(frozen=True)
class _Load:
    store: GraphStore
    delivery: Delivery
    staging: _Staging
    replace: tuple[str, ...]

    def stage(self, memory: int, progress: Progress) -> None:
        sources = {source.table: source for source in self.delivery.sources}
        known: dict[str, Path] = {}
        for table in TABLES.values():
            if table in sources and table.name not in self.staging.counts:
                counts = stage(sources[table], self.staging.folder, known, memory, progress)
                self.staging.counts[table.name] = counts
                self.staging.save()
            if table.name in NODE_TABLES and (keys := self._known_keys(table, memory)):
                known[table.name] = keys

    def _known_keys(self, table: Table, memory: int) -> Path | None:
        """The keys that others may refer to; None where no table has ever listed them."""
        node = table.parts[0].element
        assert isinstance(node, NodeType)
        staged = table.name in self.staging.counts
        if not staged and table.name not in self.store.meta.delivered:
            return None
        files = [self.staging.path(table.name)] if staged else []
        if table.name not in self.replace:
            files.append(self.staging.folder / f"{table.name}.stored.parquet")
            self.store.export(node, files[-1])
        keys = self.staging.folder / f"{table.name}.keys.parquet"
        with open_duck(memory, self.staging.folder) as db:
            db.read_parquet([glob.escape(str(f)) for f in files]).create_view("listed")
            write_parquet(db, f'SELECT DISTINCT "{node.key}" AS key FROM listed', keys)
        return keys

    def write(self, assume_consent: bool, memory: int, progress: Progress) -> None:
        meta = self.store.meta
        delivered = set(self.staging.counts)
        made = mentioned(delivered, set(meta.delivered))
        todo = steps(delivered, made)
        with progress("writing", len(todo)) as advance:
            for step in todo:
                if step.name not in self.staging.written:
                    self._write_step(step, memory, progress)
                    self.staging.written.append(step.name)
                    self.staging.save()
                advance(1)
        others = [name for name in meta.pending if name != self.delivery.name]
        self.store.note(
            **_pending(others),
            delivered=sorted(set(meta.delivered) | delivered & set(NODE_TABLES)),
            assume_consent=assume_consent,
            revision=meta.revision + 1,
        )

    def _write_step(self, step: Step, memory: int, progress: Progress) -> None:
        rows = self.staging.folder / "rows.parquet"
        staged = {name: self.staging.path(name) for name in self.staging.counts}
        write_rows(step, staged, rows, memory)
        self._leave_other_part(step, rows, memory)
        whole = step.table.name in self.replace
        if whole and isinstance(step.element, RelationshipType) and step.table.node is None:
            self.store.clear(step.element)
        self.store.write(step.element, rows, progress)
        if whole and isinstance(step.element, NodeType) and step.element.key == step.table.key[0]:
            self._delete_stale(step.element, rows, memory)

    def _leave_other_part(self, step: Step, rows: Path, memory: int) -> None:
        """Delete events that were a view to the store, and are another act now, or the reverse."""
        key = step.table.key[0]
        for part in step.table.parts:
            parted = step.part is not None and part.views is not step.part.views
            both = [e.arrow_schema().names for e in (step.element, part.element)]
            if parted and all(key in names for names in both) and self.store.count(part.element):
                moved = self._stored(part.element, key, key, "SEMI", rows, key, memory)
                self.store.delete(part.element, key, moved)

    def _delete_stale(self, node: NodeType, rows: Path, memory: int) -> None:
        """Delete the nodes that were not delivered, and first what is nothing without them."""
        for owned in RELATIONSHIPS:
            if owned.source is node and owned.key == (Col.TARGET,):
                targets = self._stored(
                    owned, Col.TARGET, Col.SOURCE, "ANTI", rows, node.key, memory
                )
                self.store.delete(owned.target, owned.target.key, targets)
        stale = self._stored(node, node.key, node.key, "ANTI", rows, node.key, memory)
        self.store.delete(node, node.key, stale)

    def _stored(
        self, element: Element, column: str, by: str, how: str, rows: Path, key: str, memory: int
    ) -> list[str]:
        """A column of the stored rows whose `by` is (SEMI) or is not (ANTI) a key in `rows`."""
        stored = self.staging.folder / "stored.parquet"
        self.store.export(element, stored)
        with open_duck(memory, self.staging.folder, stored=stored, rows=rows) as db:
            join = f'FROM stored {how} JOIN rows ON stored."{by}" = rows."{key}"'
            return [row[0] for row in db.execute(f'SELECT stored."{column}" {join}').fetchall()]

    def collect_rejects(self) -> Path:
        path = self.store.state / "rejects.parquet"
        with pq.ParquetWriter(path, REJECTS) as writer:
            for name in self.staging.counts:
                file = pq.ParquetFile(self.staging.folder / f"{name}.rejects.parquet")
                for batch in file.iter_batches():
                    writer.write_batch(batch)
        return path
