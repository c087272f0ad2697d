"""Writes learned edge probabilities to the graph as a run, and reads them as of an instant."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.results.run_writer import write_run
from followsuit.graph.results.runs import INFLUENCE, Run, active, new_run_id, runs
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.influence.probabilities.learn import OBSERVED, Influences


def write_edges(
    store: GraphStore,
    influences: Influences,
    content: str,
    created_at: datetime,
    revision: int | None = None,
) -> str:
    """Write influences as `INFLUENCES` relationships, and activate their run.

    The previous run stays active until all rows are written, and is then deleted.

    Args:
        store: the store that the influences were learned from.
        influences: the learned probabilities.
        content: digest of the data that they were learned from, see `Snapshot.content`.
        created_at: time at which the run was made.
        revision: the store's revision that they were learned from, see `write_run`.

    Returns:
        The id of the run.
    """
    table = influences.table()
    as_of = influences.log.as_of
    parameters = {"as_of": as_of.isoformat(), "window_seconds": influences.window}
    run_id = new_run_id(INFLUENCE, as_of, parameters, content)
    customers = len(
        pc.unique(
            pa.concat_arrays([table["source"].combine_chunks(), table["target"].combine_chunks()])
        )
    )
    run = Run(run_id, INFLUENCE, as_of, created_at, False, customers, 0, parameters)
    rows = table.append_column(Col.RUN_ID, pa.repeat(run_id, table.num_rows))
    rows = rows.append_column(Col.GRADE, pa.repeat(OBSERVED, table.num_rows))
    schema = g.INFLUENCES.arrow_schema()
    edges = rows.select(schema.names).cast(schema)
    write_run(store, run, {g.INFLUENCES: edges}, revision=revision)
    return run_id


def learned_run(store: GraphStore, as_of: datetime) -> Run | None:
    """The active run; None if missing or later than `as_of`."""
    run = active(runs(store, INFLUENCE))
    return run if run is not None and run.as_of <= as_of else None


def read_edges(store: GraphStore, run: Run, progress: Progress = silent) -> pa.Table:
    """A run's edges: `source, target, category, probability, low, high, evidence`."""
    with progress("reading influence edges"):
        rows = store.read(g.INFLUENCES)
    return rows.filter(pc.equal(rows[Col.RUN_ID], run.run_id)).drop_columns([Col.RUN_ID, Col.GRADE])
