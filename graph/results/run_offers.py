"""The offers of a run: in the folders of its parts, and of the active run in the graph too."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.graph import schema as g
from followsuit.graph.items import PRODUCT, STORE
from followsuit.graph.results.runs import (
    CUSTOMERS,
    OFFERS,
    SCORE,
    DamagedRun,
    Run,
    parts,
    read_run,
    run_folder,
)
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore

RECOMMENDED = {PRODUCT: g.RECOMMENDED_PRODUCT, STORE: g.RECOMMENDED_STORE}
"""The relationship type of the offers of each kind of item."""
_NAMES = {Col.SOURCE.value: "customer_id", Col.TARGET.value: "item_id"}


def offers_of(store: GraphStore, run: Run) -> dict[g.RelationshipType, pa.Table]:
    """The offers of a run, of all its parts, as relationships of the graph.

    Raises:
        DamagedRun: the offers of a part are missing or damaged.
    """
    schema = g.RECOMMENDED_PRODUCT.arrow_schema()
    names = [name for name in schema.names if name != Col.RUN_ID]
    columns = [_NAMES.get(name, name) for name in names]
    rows = pa.concat_tables(rows_of_parts(store, run, OFFERS, columns)).rename_columns(names)
    rows = rows.append_column(Col.RUN_ID, pa.repeat(run.run_id, rows.num_rows))
    rows = rows.select(schema.names).cast(schema)
    return {
        element: rows.filter(pc.equal(rows[Col.ITEM_KIND], kind))
        for kind, element in RECOMMENDED.items()
    }


def match_files(store: GraphStore) -> int:
    """Delete the offers that the files no longer have from the graph, and count each run's again.

    If files of a run are missing or damaged, it has no offers.

    Args:
        store: the store, open for writing.

    Returns:
        How many offers the runs have lost since they were counted.
    """
    counted, lost = [], 0
    kept = _keys([])
    for row in store.read(g.RUN).to_pylist():
        run = read_run(row)
        if run.kind == SCORE:
            keys = _keys_in_files(store, run)
            kept = keys if run.active else kept
            lost += max(0, run.offers - keys.num_rows)
            customers = len(pc.unique(keys[Col.SOURCE]))
            counted.append(row | {Col.OFFERS: keys.num_rows, Col.CUSTOMERS: customers})
    for element in RECOMMENDED.values():
        keys = _keys_in_graph(store, element)
        store.delete_rows(element, keys.join(kept, keys.column_names, join_type="left anti"))
    if counted:
        store.write(g.RUN, pa.Table.from_pylist(counted, schema=g.RUN.arrow_schema()))
    return lost


def _keys_in_files(store: GraphStore, run: Run) -> pa.Table:
    try:
        rows = pa.concat_tables(rows_of_parts(store, run, OFFERS, ["customer_id", "rank"]))
    except DamagedRun:
        return _keys([])
    return _keys([rows["customer_id"], pa.repeat(run.run_id, rows.num_rows), rows["rank"]])


def _keys_in_graph(store: GraphStore, element: g.RelationshipType) -> pa.Table:
    with store.state.work_folder() as folder:
        path = folder / "rows.parquet"
        store.export(element, path)
        return pq.read_table(path, columns=list(element.key), memory_map=False)


def _keys(columns: Sequence[Any]) -> pa.Table:
    """Columns as the key of an offer in the graph."""
    schema = g.RECOMMENDED_PRODUCT.arrow_schema()
    fields = pa.schema([schema.field(name) for name in g.RECOMMENDED_PRODUCT.key])
    return pa.table(columns, fields) if columns else fields.empty_table()


def rows_of_parts(
    store: GraphStore,
    run: Run,
    name: str,
    columns: Sequence[str] | None = None,
    filters: Any = None,
) -> Iterator[pa.Table]:
    """The rows of a file of each part of a run, about the part's own customers.

    Args:
        store: the store of the run.
        run: the run.
        name: the file, with a column `customer_id`.
        columns: the columns to read, by default all.
        filters: which rows to read, as in `pyarrow.parquet.read_table`.

    Raises:
        DamagedRun: the file of a part is missing or damaged.
    """
    made_by = parts(run)
    listed = {c for part in made_by for c in part.parameters.get(CUSTOMERS) or ()}
    for part in made_by:
        try:
            rows = pq.read_table(
                run_folder(store, part.run_id) / name,
                columns=columns,
                filters=filters,
                memory_map=False,
                partitioning=None,
            )
        except (OSError, pa.ArrowInvalid) as error:
            raise DamagedRun(part.run_id) from error
        own = part.parameters.get(CUSTOMERS)
        among = pa.array(sorted(listed if own is None else own), pa.string())
        is_listed = pc.is_in(rows["customer_id"], value_set=among)
        yield rows.filter(is_listed if own is not None else pc.invert(is_listed))
