"""Files of runs of `score` that no `score` has made."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.files import private_folder
from followsuit.graph import schema as g
from followsuit.graph.results.runs import OFFERS, run_folder
from followsuit.graph.store import GraphStore

_NAMES = {"source": "customer_id", "target": "item_id"}
_SCHEMA = pa.schema(
    [
        field.with_name(_NAMES.get(field.name, field.name))
        for field in g.RECOMMENDED_PRODUCT.arrow_schema()
        if field.name != "run_id"
    ]
)


def write_offers_file(store: GraphStore, run_id: str, rows: Sequence[dict[str, Any]] = ()) -> None:
    """Write the offers of a run into its folder, by default none; missing columns are empty."""
    folder = private_folder(run_folder(store, run_id))
    pq.write_table(pa.Table.from_pylist(list(rows), schema=_SCHEMA), folder / OFFERS)
