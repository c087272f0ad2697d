"""How a run relates to the active one: which offers it keeps, and whether the two are comparable.

A run for some customers keeps the other customers' offers of the active run. It records, for each
group of customers, the parameters of the run that their offers come from (its *parts*), so that
`why` can explain them.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from followsuit.graph import schema as g
from followsuit.graph.results.runs import (
    CUSTOMERS,
    KEPT,
    SCORE,
    Run,
    parts,
)
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore

_RUN_ID = "run_id"
_WITH_OFFERS = (
    f"MATCH (r:{g.RUN.label} {{{Col.KIND}: '{SCORE}', {Col.ACTIVE}: true}}) "
    f"MATCH (c:{g.CUSTOMER.label})-[x:{g.RECOMMENDED_PRODUCT.name}]->() "
    f"WHERE x.{Col.RUN_ID} = r.{Col.RUN_ID} RETURN DISTINCT c.{Col.CUSTOMER_ID} AS customer_id"
)
"""Products and stores are recommended by one type of relationship."""
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


def customers_with_offers(store: GraphStore) -> set[str]:
    """The ids of the customers to whom the active run offers something."""
    return set(store.query(_WITH_OFFERS)["customer_id"].to_pylist())
