"""How a run relates to the active one: which offers it keeps, and whether the two are comparable.

A run for some customers keeps the other customers' offers of the active run. It records, for each
group of customers, the parameters of the run that their offers come from (its *parts*), so that
`why` can explain them.
"""

import tempfile
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.graph import schema as g
from followsuit.graph.results.runs import KEPT, OFFERS, Run, parts, run_folder, run_named, use_run
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.offers.run_parameters import CUSTOMERS
from followsuit.policy.contact.sent import history, note_activated, noted
from followsuit.policy.declared.run_parameters import HISTORY, INPUTS, POLICY

RECOMMENDED = (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE)
_CUSTOMERS = (
    f"MATCH (c:{g.CUSTOMER.label})-[r:{g.RECOMMENDED_PRODUCT.name}]->() "
    f"WHERE r.{Col.RUN_ID} = $run RETURN DISTINCT c.{Col.CUSTOMER_ID} AS customer_id"
)
"""The ids of a run's customers; products and stores are recommended by one type of relationship."""
Offers = dict[g.RelationshipType, pa.Table]

_RUN_ID = "run_id"
_OPTIONS = {
    "window_days": "--window",
    "top": "--top",
    "per_item": "--per-item",
    "candidates": "--candidates",
    "everyone": "--everyone",
    "affinity": "--affinity",
    "definitions": "--triggers or --only",
    "policy": "--policy",
}
"""Parameters that affect how many offers a run has, and the options that set them."""


def part_of(run: Run, customer: str) -> Run | None:
    """The part that a customer's offers come from; None if the run is only for other customers."""
    rest = None
    for part in parts(run):
        listed = part.parameters.get(CUSTOMERS)
        if listed is None:
            rest = part
        elif customer in listed:
            return part
    return rest


def kept_parts(active: Run | None, customers: Collection[str] | None) -> dict[str, Any]:
    """Parameters that record which parts of the active run a run for `customers` keeps."""
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
    """The instant of the oldest part of a run."""
    return min(part.as_of for part in parts(run))


def comparable(active: Run, parameters: dict[str, Any]) -> bool:
    """Whether both runs are for all customers, with the same options."""
    everybody = any(part.parameters.get(CUSTOMERS) is None for part in parts(active))
    return everybody and parameters[CUSTOMERS] is None and not other_options(active, parameters)


def other_options(active: Run, parameters: dict[str, Any]) -> list[str]:
    """The options whose values differ from those of the active run or any of its parts."""
    return [
        option
        for name, option in _OPTIONS.items()
        if any(part.parameters.get(name) != parameters.get(name) for part in parts(active))
    ]


def offers_of(store: GraphStore, run_id: str) -> Offers:
    """Read the offers of a run from the graph."""
    offers = {}
    with tempfile.TemporaryDirectory(prefix="followsuit-") as folder:
        for element in RECOMMENDED:
            path = Path(folder) / "rows.parquet"
            store.export(element, path)
            schema = element.arrow_schema()
            rows = pq.read_table(path, filters=[(Col.RUN_ID, "=", run_id)], memory_map=False)
            offers[element] = rows.select(schema.names).cast(schema)
    return offers


def customers_of_run(store: GraphStore, run_id: str) -> set[str]:
    """The ids of the customers who have offers of a run in the graph."""
    return set(store.query(_CUSTOMERS, {"run": run_id})["customer_id"].to_pylist())


def customers_of(offers: Offers) -> set[str]:
    """The ids of the customers with offers."""
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


class OutdatedRun(FollowsuitError):
    """A run was decided before other runs were activated, so it may exceed the policy's limits."""


def activate(store: GraphStore, run_id: str) -> None:
    """Activate another run, and note that its offers may be on their way.

    Args:
        store: the store of the runs.
        run_id: the run to activate.

    Raises:
        UnknownRun: there is no such run.
        OutdatedRun: the run has a policy, was never activated, and other runs were meanwhile.
    """
    run = run_named(store, run_id)
    with store.writing():
        path = run_folder(store, run_id) / OFFERS
        if path.exists():
            inputs = run.parameters.get(INPUTS, run_id)
            if run_id not in noted(store.state)["run_id"].unique().to_pylist():
                _check_history(store, run, inputs)
            offers = pq.read_table(path, memory_map=False)
            note_activated(store.state, run_id, inputs, run.as_of, offers)
        use_run(store, run_id)


def _check_history(store: GraphStore, run: Run, inputs: str) -> None:
    if run.parameters.get(POLICY) is None:
        return
    # Slow to import, and only needed with a policy.
    from followsuit.graph.views.view import view_of
    from followsuit.policy.declared.policy import Policy

    contact = Policy.model_validate(run.parameters[POLICY]).contact
    view = view_of(store, run.as_of)
    others = history(view, store.state, contact.assume_sent, inputs)
    if new := sorted(set(others) - set(run.parameters.get(HISTORY, ()))):
        raise OutdatedRun(
            f"The run {run.run_id} was decided before {', '.join(new)} became active. Both "
            "together may exceed the policy's limits. Score again."
        )


def joined(run_id: str, one: Offers, other: Offers) -> Offers:
    """All offers of both, with the id of one run."""
    offers = {}
    for element in RECOMMENDED:
        rows = pa.concat_tables([one[element], other[element]])
        index = rows.column_names.index(Col.RUN_ID)
        offers[element] = rows.set_column(
            index, rows.schema.field(index), pa.repeat(run_id, rows.num_rows)
        )
    return offers
