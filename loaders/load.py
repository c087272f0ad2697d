"""Load a delivery into a store: stage all tables, then write them, so that a fault loses nothing.

A load notes on disk what it has staged and written. If it is interrupted, running it again on the
same files resumes it. Until it finishes, the store counts as incomplete.
"""

import glob
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import private_folder
from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.duck import open_duck
from followsuit.graph.erasure.forgotten import Forgotten
from followsuit.graph.results.withdrawals import withdraw_results
from followsuit.graph.schema import (
    RELATIONSHIPS,
    RUN,
    Col,
    Element,
    NodeType,
    RelationshipType,
)
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import (
    CATEGORIES,
    CONSENTS,
    CUSTOMERS,
    NODE_TABLES,
    PRODUCTS,
    SENSITIVE_VALUES,
    STORES,
    TABLES,
    Table,
)
from followsuit.graph.views.snapshot import snapshot_ahead
from followsuit.loaders.answers import keep_answers
from followsuit.loaders.load_report import LoadReport, history_with, rejected, warnings
from followsuit.loaders.mapping import Mapping
from followsuit.loaders.sources import Delivery, DeliveryError, find_delivery
from followsuit.loaders.staging.lookup import wanted_lookups, write_lookup
from followsuit.loaders.staging.rejects import SCHEMA as REJECTS
from followsuit.loaders.staging.rejects import forget_all_but, next_file, reasons
from followsuit.loaders.staging.resume import Staging
from followsuit.loaders.staging.spill import write_parquet
from followsuit.loaders.staging.stage import stage
from followsuit.loaders.stored import Stored, deletions
from followsuit.loaders.to_graph import Step, mentioned, steps, write_rows

_KEPT = 30
"""How many rejects files to keep, one per load."""
_DELETED = 0.01
"""The share of a table's rows that `--replace` may delete without `--yes`."""
_ALLOWING = {
    table.name for table in (CUSTOMERS, PRODUCTS, STORES, CATEGORIES, SENSITIVE_VALUES, CONSENTS)
}
"""Tables that decide whose activity and which products results may use."""


def load(
    store: GraphStore,
    place: str,
    mapping: Mapping | None = None,
    *,
    assume_consent: bool = False,
    replace: Sequence[str] = (),
    yes: bool = False,
    max_rejects: float | None = None,
    loaded_at: datetime | None = None,
    memory: int = 2**30,
    progress: Progress = silent,
    announce: Callable[[str], None] | None = None,
) -> LoadReport:
    """Load a folder or a database into a store.

    A delivery updates the columns that its rows have; other columns keep their values.

    Args:
        store: a new store, or one that followsuit wrote.
        place: a folder, or an SQLAlchemy URL.
        mapping: maps files and columns with other names to the contract.
        assume_consent: treat contact and social use as granted unless a row says otherwise.
        replace: tables that the delivery contains in full; the rows that it lacks are deleted.
        yes: allow `replace` to delete more than 1 % of a table's rows.
        max_rejects: the largest share of a table's rows, from 0 to 1, that may be rejected.
        loaded_at: the time in the name of the rejects file.
        memory: limit in bytes for steps that need all rows of a table.
        progress: progress callback.
        announce: called with a message before rows are deleted.

    Raises:
        DeliveryError: a file or table can't be read, too many rows are rejected, or `replace` would
            delete too many; nothing is loaded.
        MappingError: the mapping doesn't fit the delivery.
        ForgottenMissing: the list of forgotten customers is shorter than it was.
        StoreError: the store can't be written.
    """
    delivery = find_whole_delivery(place, mapping, replace, max_rejects)
    with store.writing():
        Forgotten(store.state).require(store.meta.forgotten)
        job = LoadJob(
            store, delivery, Staging.of(store, delivery, tuple(replace)), tuple(replace), memory
        )
        before = store.meta.pending
        _note_pending(store, [*(name for name in before if name != delivery.name), delivery.name])
        try:
            job.stage(progress)
            rejects = job.collect_rejects(loaded_at)
            job.check_rejects(max_rejects, rejects)
            job.announce_deletions(yes, announce)
        except FollowsuitError:
            # Nothing has been written; the store is unchanged.
            _note_pending(store, before)
            raise
        pa.default_memory_pool().release_unused()  # the engine may need it now
        messages = warnings(job.staging.counts, store.meta.row_counts)
        if store.meta.assume_consent and not assume_consent:
            messages.append(
                "Consent is no longer assumed, as it was before. Give --assume-consent with every "
                "load of data without consents."
            )
        job.write(assume_consent, progress)
        report = LoadReport(
            tables=job.staging.counts,
            rejects=rejects,
            ignored=delivery.ignored,
            reasons=reasons(rejects),
            warnings=messages,
            deleted=job.staging.deleted or {},
            withdrawn=job.withdrawn,
            assume_consent=assume_consent,
            blocked_customers=store.meta.blocked_customers,
            unmatched_refusals=job.unmatched_refusals,
            filtered_by=job.staging.filtered_by,
        )
        shutil.rmtree(job.staging.folder)
    return report


def find_whole_delivery(
    place: str, mapping: Mapping | None, replace: Sequence[str], max_rejects: float | None
) -> Delivery:
    """Find the tables of a delivery, and check the options of its load; see `load`.

    Raises:
        DeliveryError: `max_rejects` is no share, or `replace` names a table that isn't delivered.
    """
    if max_rejects is not None and not 0 <= max_rejects <= 1:
        raise DeliveryError(f"--max-rejects {max_rejects:g} isn't a share from 0 to 1.")
    delivery = find_delivery(place, mapping or Mapping())
    names = {source.table.name for source in delivery.sources}
    for table in replace:
        if table not in names:
            raise DeliveryError(
                f"--replace {table}: {delivery.name} has no such table; it has "
                f"{', '.join(sorted(names))}."
            )
    return delivery


def _note_pending(store: GraphStore, names: list[str]) -> None:
    store.note(**_pending(names))


def _pending(names: list[str]) -> dict[str, object]:
    """The notes on unfinished loads; messages name the first."""
    return {"pending": names, "loading": names[0] if names else None}


class LoadJob:
    """One load: its delivery, and what is staged and written so far."""

    def __init__(
        self,
        store: GraphStore,
        delivery: Delivery,
        staging: Staging,
        replace: tuple[str, ...],
        memory: int,
    ) -> None:
        self.store = store
        self.delivery = delivery
        self.staging = staging
        self.replace = replace
        self.memory = memory
        self._stored = Stored(store, staging.folder / "stored", memory)
        self._known: dict[str, Path] = {}
        self.withdrawn: dict[str, int] = {}
        self.forgotten = Forgotten(store.state)

    def stage(self, progress: Progress) -> None:
        """Read, check and stage all tables that aren't staged yet."""
        for table in TABLES.values():
            sources = [s for s in self.delivery.sources if s.table is table]
            if sources and table.name not in self.staging.tables:
                self.staging.tables[table.name] = stage(
                    sources,
                    self.staging.folder,
                    self._known,
                    self.memory,
                    progress,
                    partial(self._stored.rows, table),
                    {name: self._lookup(name) for name in wanted_lookups(sources)},
                    self.forgotten,
                )
                self.staging.save()
            if table.name in NODE_TABLES and (keys := self._known_keys(table)):
                self._known[table.name] = keys

    def _lookup(self, name: str) -> Path:
        """The file of a lookup, of this load's rows and the store's."""
        table = TABLES[name.partition(".")[0]]
        files = [self.staging.path(table.name)] if table.name in self.staging.tables else []
        if table.name not in self.replace and (stored := self._stored.rows(table)) is not None:
            files.append(stored)
        path = self.staging.folder / f"{name}.lookup.parquet"
        if not path.exists():
            write_lookup(name, files, path, self.memory)
        return path

    def _known_keys(self, table: Table) -> Path | None:
        """The keys that other tables may refer to; None if no table has ever listed them."""
        node = table.parts[0].element
        assert isinstance(node, NodeType)
        staged = table.name in self.staging.tables
        if not staged and table.name not in self.store.meta.delivered:
            return None
        files = [self.staging.path(table.name)] if staged else []
        if table.name not in self.replace:
            files.append(self.staging.folder / f"{table.name}.stored.parquet")
            self.store.export(node, files[-1])
        keys = self.staging.folder / f"{table.name}.keys.parquet"
        with open_duck(self.memory, self.staging.folder) as db:
            db.read_parquet([glob.escape(str(f)) for f in files]).create_view("listed")
            write_parquet(db, f'SELECT DISTINCT "{node.key}" AS key FROM listed', keys)
        return keys

    def collect_rejects(self, loaded_at: datetime | None) -> Path:
        """Write the rejects of all tables to one file beside the store."""
        home = private_folder(self.store.state.rejects)
        if self.staging.rejects is None or not (home / self.staging.rejects).exists():
            path = next_file(home, loaded_at)
            self.write_rejects(path)
            forget_all_but(home, _KEPT)
            self.staging.rejects = path.name
            self.staging.save()
        return home / self.staging.rejects

    def write_rejects(self, path: Path) -> None:
        """Write the rejects of all tables to one file."""
        with pq.ParquetWriter(path, REJECTS) as writer:
            for name in self.staging.tables:
                file = pq.ParquetFile(self.staging.rejects_of(name))
                for batch in file.iter_batches():
                    writer.write_batch(batch)

    def check_rejects(self, most: float | None, rejects: Path | None) -> None:
        """Raise DeliveryError if more than this share of a table's rows is rejected."""
        see = "" if rejects is None else f" See {rejects} for the reasons."
        for name, counts in self.staging.counts.items():
            if most is not None and counts.rejected > most * counts.read:
                raise DeliveryError(
                    f"{rejected(name, counts)}, more than --max-rejects {most:g}; nothing is "
                    f"loaded.{see} Fix the rows, or raise the limit."
                )

    def announce_deletions(self, yes: bool, announce: Callable[[str], None] | None) -> None:
        """Announce what `replace` deletes; raise DeliveryError if that is much, without `yes`."""
        if not self.replace:
            return
        if self.staging.deleted is None:
            staged = {name: self.staging.path(name) for name in self.staging.tables}
            planned = deletions(self.replace, staged, self._known, self._stored, self.memory)
            counted = ", ".join(f"{d.rows:,} of {d.of:,} {name}" for name, d in planned.items())
            if not yes and any(deleted.share > _DELETED for deleted in planned.values()):
                raise DeliveryError(
                    f"--replace {' '.join(self.replace)} would delete {counted}: more than "
                    f"{_DELETED * 100:g} % of a table; nothing is loaded. Deliver the whole "
                    "table, or confirm with --yes."
                )
            if planned and announce is not None:
                announce(f"--replace {' '.join(self.replace)} deletes {counted}.")
            self.staging.deleted = {name: deleted.rows for name, deleted in planned.items()}
            self.staging.save()

    def write(self, assume_consent: bool, progress: Progress) -> None:
        """Write the staged tables, and note that the load is finished."""
        meta = self.store.meta
        columns = {name: staged.columns for name, staged in self.staging.tables.items()}
        delivered = set(columns)
        todo = steps(columns, mentioned(delivered, set(meta.delivered)))
        with progress("writing the graph", len(todo)) as advance:
            for step in todo:
                if step.name not in self.staging.written:
                    self._write_step(step, progress)
                    self.staging.written.append(step.name)
                    self.staging.save()
                advance(1)
        others = [name for name in meta.pending if name != self.delivery.name]
        notes = {
            **_pending(others),
            "delivered": sorted(set(meta.delivered) | delivered & set(NODE_TABLES)),
            "assume_consent": assume_consent,
            "blocked_customers": self.blocked(meta.blocked_customers),
            "row_counts": history_with(meta.row_counts, self.staging.counts),
            "revision": meta.revision + 1,
        }
        self.withdrawn = self._withdraw(notes, progress)
        self.store.note(**notes)

    def _withdraw(self, notes: dict[str, Any], progress: Progress) -> dict[str, int]:
        """Delete the results that the store's new data no longer allows."""
        meta = self.store.meta
        changed = _ALLOWING & {*self.staging.tables} or (
            (notes["assume_consent"], notes["blocked_customers"])
            != (meta.assume_consent, meta.blocked_customers)
        )
        if not changed or not self.store.count(RUN):
            return {}
        snapshot = snapshot_ahead(self.store, notes, memory=self.memory, progress=progress)
        with progress("deleting withdrawn results"):
            return withdraw_results(self.store, snapshot)

    def blocked(self, before: list[str]) -> list[str]:
        """The blocked customers: those with an unreadable row that may be a refusal.

        Customers stay blocked until a load has consents of theirs, all readable.
        """
        consents = self.staging.tables.get(CONSENTS.name)
        if consents is None:
            return before
        if CONSENTS.name in self.replace:
            return consents.refusals
        staged = self.staging.path(CONSENTS.name)
        with open_duck(self.memory, self.staging.folder, consents=staged) as db:
            readable = db.execute(
                f"SELECT DISTINCT {Col.CUSTOMER_ID} FROM consents "
                f"WHERE {Col.CUSTOMER_ID} IN (SELECT unnest(?))",
                [before],
            ).fetchall()
        return sorted({*before} - {row[0] for row in readable} | {*consents.refusals})

    @property
    def unmatched_refusals(self) -> int:
        """How many rejected rows of consents may be refusals but name no customer."""
        consents = self.staging.tables.get(CONSENTS.name)
        return 0 if consents is None else consents.unmatched_refusals

    def _write_step(self, step: Step, progress: Progress) -> None:
        rows = self.staging.folder / "rows.parquet"
        staged = {name: self.staging.path(name) for name in self.staging.tables}
        write_rows(step, staged, rows, self.memory)
        self._delete_from_other_part(step, rows)
        element, table = step.element, step.table
        whole = table.name in self.replace
        if whole and table.node is None and isinstance(element, RelationshipType):
            self._replace(element, table, rows, progress)
        else:
            self.store.write(element, rows, progress)
        if whole and isinstance(element, NodeType) and element.key == table.key[0]:
            if table.marks is None:
                self._delete_stale(element, rows)
            elif table.marks in element.columns:
                self._unmark_stale(element, rows)

    def _replace(
        self, element: RelationshipType, table: Table, rows: Path, progress: Progress
    ) -> None:
        if len(self.staging.tables[table.name].columns) in (0, len(table.fields)):
            self.store.clear(element)
            self.store.write(element, rows, progress)
        else:
            # Keep the old rows until the new ones are written: a killed load that reads its files
            # again needs their values.
            self.store.write(element, rows, progress)
            self._delete_others(element, rows)
        if table is CONSENTS:
            keep_answers(self.store, rows, self.staging.folder, self.memory)

    def _delete_from_other_part(self, step: Step, rows: Path) -> None:
        """Delete stored events that were views and no longer are, or the reverse."""
        key = step.table.key[0]
        for part in step.table.parts:
            parted = step.part is not None and part.split is not step.part.split
            both = [e.arrow_schema().names for e in (step.element, part.element)]
            if parted and all(key in names for names in both) and self.store.count(part.element):
                moved = self._column(part.element, key, key, "SEMI", rows, key)
                self.store.delete(part.element, key, moved)

    def _delete_others(self, element: RelationshipType, rows: Path) -> None:
        """Delete the relationships whose keys are not in `rows`."""
        stored = self.staging.folder / "stored.parquet"
        self.store.export(element, stored)
        same = " AND ".join(f'stored."{c}" IS NOT DISTINCT FROM rows."{c}"' for c in element.key)
        keys = ", ".join(f'stored."{c}"' for c in element.key)
        with open_duck(self.memory, self.staging.folder, stored=stored, rows=rows) as db:
            undelivered = db.sql(f"SELECT {keys} FROM stored ANTI JOIN rows ON {same}")
            self.store.delete_rows(element, undelivered.to_arrow_table())

    def _delete_stale(self, node: NodeType, rows: Path) -> None:
        """Delete the nodes that were not delivered, after the nodes that depend on them."""
        for owned in RELATIONSHIPS:
            if owned.source is node and owned.key == (Col.TARGET,):
                targets = self._column(owned, Col.TARGET, Col.SOURCE, "ANTI", rows, node.key)
                self.store.delete(owned.target, owned.target.key, targets)
        stale = self._column(node, node.key, node.key, "ANTI", rows, node.key)
        self.store.delete(node, node.key, stale)

    def _unmark_stale(self, node: NodeType, rows: Path) -> None:
        """Empty the further columns of the nodes that were not delivered."""
        stale = self._column(node, node.key, node.key, "ANTI", rows, node.key)
        schema = node.arrow_schema()
        nothing = [pa.nulls(len(stale), field.type) for field in list(schema)[1:]]
        self.store.write(node, pa.table([pa.array(stale, g.TEXT), *nothing], schema=schema))

    def _column(
        self, element: Element, column: str, by: str, how: str, rows: Path, key: str
    ) -> list[str]:
        """A column of the stored rows whose `by` is (SEMI) or isn't (ANTI) a key in `rows`."""
        stored = self.staging.folder / "stored.parquet"
        self.store.export(element, stored)
        with open_duck(self.memory, self.staging.folder, stored=stored, rows=rows) as db:
            join = f'FROM stored {how} JOIN rows ON stored."{by}" = rows."{key}"'
            return [row[0] for row in db.execute(f'SELECT stored."{column}" {join}').fetchall()]
