"""Turns a ranking into a run: which offers it keeps, and which run it is compared with.

A run for some customers keeps the offers of the others. They stay what they were: the run notes,
for each group of customers, the parameters of the run that their offers come from (its *parts*), so
that `why` explains each of them by what made it.
"""

import tempfile
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.graph import schema as g
from followsuit.graph.runs import KEPT, Run, parts
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore

RECOMMENDED = (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE)
Offers = dict[g.RelationshipType, pa.Table]

CUSTOMERS = "customers"
"""Parameter: ids of the customers that a part was made for; None for all others."""
OFFERED_TO = "offered_to"
"""Parameter: how many customers had offers when the run was made, before any withdrawal."""
_RUN_ID = "run_id"
_OPTIONS = {"window_days": "--window", "top": "--top", "affinity": "--affinity"}
"""Parameters whose change changes how much is offered, and the options that set them."""


def part_of(run: Run, customer: str) -> Run | None:
    """The part that a customer's offers come from; None where the run is for others alone."""
    rest = None
    for part in parts(run):
        listed = part.parameters.get(CUSTOMERS)
        if listed is None:
            rest = part
        elif customer in listed:
            return part
    return rest


def kept_parts(active: Run | None, customers: Collection[str] | None) -> dict[str, Any]:
    """The parameters that tell what a run for these customers keeps of the active run."""
    if active is None or customers is None:
        return {}
    kept = []
    for part in parts(active):
        listed = part.parameters.get(CUSTOMERS)
        left = None if listed is None else sorted(set(listed).difference(customers))
        if left != []:
            kept.append({**part.parameters, _RUN_ID: part.run_id, CUSTOMERS: left})
    return {KEPT: kept}


def oldest(run: Run) -> datetime:
    """The instant that the oldest of a run's offers are as of."""
    return min(part.as_of for part in parts(run))


def comparable(active: Run, parameters: dict[str, Any]) -> bool:
    """Whether both runs are for everybody, with the same options."""
    everybody = any(part.parameters.get(CUSTOMERS) is None for part in parts(active))
    return everybody and parameters[CUSTOMERS] is None and not other_options(active, parameters)


def other_options(active: Run, parameters: dict[str, Any]) -> list[str]:
    """The options whose values differ from those of the active run or any of its parts."""
    return [
        option
        for name, option in _OPTIONS.items()
        if any(part.parameters.get(name) != parameters[name] for part in parts(active))
    ]


def offers_of(store: GraphStore, run_id: str) -> Offers:
    """The offers of a run as they are in the graph."""
    offers = {}
    with tempfile.TemporaryDirectory(prefix="followsuit-") as folder:
        for element in RECOMMENDED:
            path = Path(folder) / "rows.parquet"
            store.export(element, path)
            schema = element.arrow_schema()
            rows = pq.read_table(path, filters=[(Col.RUN_ID, "=", run_id)], memory_map=False)
            offers[element] = rows.select(schema.names).cast(schema)
    return offers


def customers_of(offers: Offers) -> set[str]:
    """The customers who have offers."""
    return {
        customer for rows in offers.values() for customer in pc.unique(rows[Col.SOURCE]).to_pylist()
    }


def without(offers: Offers, customers: Collection[str]) -> Offers:
    """The offers of all other customers."""
    listed = pa.array(list(customers), pa.string())
    return {
        element: rows.filter(pc.invert(pc.is_in(rows[Col.SOURCE], value_set=listed)))
        for element, rows in offers.items()
    }


def joined(run_id: str, one: Offers, other: Offers) -> Offers:
    """The offers of both, as those of one run."""
    offers = {}
    for element in RECOMMENDED:
        rows = pa.concat_tables([one[element], other[element]])
        place = rows.column_names.index(Col.RUN_ID)
        offers[element] = rows.set_column(
            place, rows.schema.field(place), pa.repeat(run_id, rows.num_rows)
        )
    return offers
