"""Erases customers from the files of runs, and makes the next `score` fit everything again."""

import json
import shutil
from collections.abc import Sequence

import pyarrow as pa

from followsuit.core.files import is_readable_parquet
from followsuit.graph import schema as g
from followsuit.graph.duck import open_duck
from followsuit.graph.erasure.search import Searched, Wanted, without
from followsuit.graph.results.runs import SCORE, parts, read_run, run_folders
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.offers.learning.learned import CHOSEN
from followsuit.offers.run.activation import RECOMMENDED

_MEMORY = 2**28
"""For counting offers, in bytes."""


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
    """Count the offers of runs again, and let no later run use what one has learned.

    See `learned_before` for what a run may use.
    """
    listed = [row for row in store.read(g.RUN).to_pylist() if row[Col.KIND] == SCORE]
    counted = _counts(store) if listed else {}
    renewed = []
    for row in listed:
        parameters = json.loads(row[Col.PARAMETERS])
        kept = {name: value for name, value in parameters.items() if name not in CHOSEN}
        offers, customers = counted.get(row[Col.RUN_ID], (0, 0))
        new = {Col.OFFERS.value: offers, Col.CUSTOMERS.value: customers}
        renewed.append(row | new | {Col.PARAMETERS.value: json.dumps(kept, sort_keys=True)})
    if renewed:
        store.write(g.RUN, pa.Table.from_pylist(renewed, schema=g.RUN.arrow_schema()))


def _counts(store: GraphStore) -> dict[str, tuple[int, int]]:
    """The numbers of offers and of customers with offers, by run."""
    with store.state.work_folder() as folder:
        files = {f"rows{i}": folder / f"rows{i}.parquet" for i in range(len(RECOMMENDED))}
        for element, path in zip(RECOMMENDED, files.values(), strict=True):
            store.export(element, path)
        with open_duck(_MEMORY, folder, **files) as db:
            columns = f"{Col.RUN_ID}, {Col.SOURCE}"
            products, stores = (db.view(name).project(columns) for name in files)
            counted = products.union(stores).aggregate(
                f"{Col.RUN_ID}, count(*), count(DISTINCT {Col.SOURCE})", Col.RUN_ID
            )
            return {run_id: (offers, customers) for run_id, offers, customers in counted.fetchall()}
