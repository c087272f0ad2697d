"""Deletes what is older than it may be kept, from the graph, snapshots, runs and models."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from followsuit.core.files import read_json, save_json
from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.results.models import ModelStore
from followsuit.graph.results.runs import (
    EMBEDDING,
    INFLUENCE,
    RESULTS,
    SCORE,
    Run,
    parts,
    read_run,
    run_folders,
)
from followsuit.graph.schema import Col, Element, NodeType
from followsuit.graph.store import GraphStore
from followsuit.graph.views.snapshot import forget_snapshots, snapshot_ahead
from followsuit.offers.run.activation import oldest
from followsuit.policy.contact.sent import delete_notes

_EVENTS = (g.PURCHASED, g.VISITED, g.VIEWED, g.EVENT)
_CONTACTS = (g.CONTACTED,)


@dataclass(frozen=True)
class Pruned:
    """What was deleted.

    Attributes:
        rows: rows by label or relationship type.
        runs: ids of runs, the oldest first.
        rewritten: how many files were written anew.
        step: commands that are left to run on the server's machine.
    """

    rows: dict[str, int]
    runs: list[str]
    rewritten: int
    step: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The report as `prune --json` writes it."""
        return {"rows": self.rows, "runs": self.runs, "rewritten": self.rewritten}


def prune(
    store: GraphStore,
    events: timedelta | None,
    contacts: timedelta | None,
    as_of: datetime,
    memory: int = 2**30,
    progress: Progress = silent,
) -> Pruned:
    """Delete the rows that were already too old as of an instant, and rewrite the files.

    Purchases, visits, views and other events are kept for `events`, and so are the runs, the files
    of runs, and the models that were made from them. The active run goes too if it is that old.
    Interrupted at any moment, it is finished by running it again.

    Args:
        store: a store whose loads are finished.
        events: how long to keep interactions; None for ever.
        contacts: how long to keep contacts; None for ever.
        as_of: the instant from which to count back.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback.

    Raises:
        StoreIncomplete: a load is under way or was interrupted.
    """
    with store.writing():
        store.require_complete()
        interrupted = read_json(store.state.pruning) is not None
        old = {
            element: keys
            for length, elements in ((events, _EVENTS), (contacts, _CONTACTS))
            if length is not None
            for element in elements
            if (keys := _old(store, element, as_of - length))
        }
        expired = [] if events is None else _expired(store, as_of - events)
        if not (old or expired or interrupted):
            return Pruned({}, [], 0, [])
        save_json(store.state.pruning, as_of.isoformat())
        with progress("deleting what is too old"):
            for element, keys in old.items():
                _delete(store, element, keys)
            if events is not None:
                # The files first: without its record, nobody knows how old a run is.
                _delete_files(store, expired, as_of - events)
            for run in expired:
                _delete_run(store, run)
        store.changed()
        snapshot_ahead(store, {}, memory=memory, progress=progress)
        forget_snapshots(store, keep=1)
    rewritten = store.rewrite(progress)
    store.state.pruning.unlink()
    rows = {element.name: len(keys) for element, keys in old.items()}
    runs = [run.run_id for run in expired]
    return Pruned(rows, runs, len(rewritten), store.offline_step())


def _old(store: GraphStore, element: Element, last: datetime) -> list[str]:
    """The keys of an element's rows of up to an instant."""
    key = element.key if isinstance(element, NodeType) else element.key[0]
    pattern = f"(x:`{element.name}`)"
    if not isinstance(element, NodeType):
        ends = (element.source.label, element.target.label)
        pattern = f"(:`{ends[0]}`)-[x:`{element.name}`]->(:`{ends[1]}`)"
    rows = store.query(
        f"MATCH {pattern} WHERE x.`{Col.AT}` <= $last RETURN x.`{key}` AS key", {"last": last}
    )
    return [str(each) for each in rows["key"].to_pylist()]


def _delete(store: GraphStore, element: Element, keys: list[str]) -> None:
    if isinstance(element, NodeType):
        store.delete(element, element.key, keys)
    else:
        store.delete_rows(element, pa.table({element.key[0]: pa.array(keys, g.TEXT)}))


def _expired(store: GraphStore, last: datetime) -> list[Run]:
    """The runs with results that were made, in part at least, as of an instant or before."""
    listed = [read_run(row) for row in store.read(g.RUN).to_pylist()]
    kinds = (SCORE, INFLUENCE, EMBEDDING)
    expired = [run for run in listed if run.kind in kinds and oldest(run) <= last]
    return sorted(expired, key=lambda run: (run.as_of, run.run_id))


def _delete_run(store: GraphStore, run: Run) -> None:
    for element in RESULTS[run.kind]:
        store.delete(element, Col.RUN_ID, [run.run_id])
    store.delete(g.RUN, Col.RUN_ID, [run.run_id])


def _delete_files(store: GraphStore, expired: list[Run], last: datetime) -> None:
    """Delete the files of expired runs, and unfinished runs and models of up to an instant."""
    listed = [read_run(row) for row in store.read(g.RUN).to_pylist()]
    needed = {part.run_id for run in listed if run not in expired for part in parts(run)}
    gone = {part.run_id for run in expired for part in parts(run)}
    for run_id, made in run_folders(store).items():
        if run_id not in needed and (run_id in gone or made <= last):
            shutil.rmtree(store.state.runs / run_id)
    delete_notes(store.state, last)
    models = ModelStore(store.state)
    models.delete_older(last)
    models.prune()
