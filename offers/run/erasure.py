"""Erases customers from the files of runs, and makes the next `score` fit everything again."""

import json
import shutil
from collections.abc import Sequence

import pyarrow as pa

from followsuit.core.files import is_readable_parquet
from followsuit.graph import schema as g
from followsuit.graph.erasure.search import Searched, Wanted, without
from followsuit.graph.results.runs import SCORE, parts, read_run, run_folders
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.offers.learning.learned import CHOSEN


def erase(store: GraphStore, ids: Sequence[str]) -> None:
    """Delete the rows of customers from the files of all runs.

    Unfinished runs go, because the data that they started with is no longer there. Repeating it
    does no harm.

    Args:
        store: the store of the runs, open for writing.
        ids: the customers.
    """
    recorded = [read_run(row) for row in store.read(g.RUN).to_pylist()]
    finished = {part.run_id for run in recorded for part in parts(run)}
    for run_id in run_folders(store):
        if run_id not in finished:
            shutil.rmtree(store.state.runs / run_id)
    for path in sorted(store.state.activated.glob("*.parquet")):
        without(path, ids)
    for path in sorted(store.state.runs.glob("*/*")):
        if is_readable_parquet(path):
            without(path, ids)
        elif path.is_file():
            path.unlink()
        else:  # An earlier version stored a model there.
            shutil.rmtree(path)
    _renew_records(store)


def mentions(store: GraphStore, wanted: Wanted) -> Searched:
    """Search the files of runs.

    Args:
        store: the store of the runs.
        wanted: the customers.
    """
    return wanted.files("runs", [store.state.runs, store.state.activated])


def _renew_records(store: GraphStore) -> None:
    """Let no later run use what one has learned; see `learned_before` for what it may use."""
    renewed = []
    for row in store.read(g.RUN).to_pylist():
        if row[Col.KIND] == SCORE:
            parameters = json.loads(row[Col.PARAMETERS])
            kept = {name: value for name, value in parameters.items() if name not in CHOSEN}
            renewed.append(row | {Col.PARAMETERS.value: json.dumps(kept, sort_keys=True)})
    if renewed:
        store.write(g.RUN, pa.Table.from_pylist(renewed, schema=g.RUN.arrow_schema()))
