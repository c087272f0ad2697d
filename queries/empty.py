"""Says why a query of the library has no rows: an unknown id, a step to run first, a rule."""

import re
from collections.abc import Mapping
from typing import Any

from followsuit.graph import schema as g
from followsuit.graph.nodes import exists
from followsuit.graph.results.runs import EMBEDDING, INFLUENCE, SCORE, active, runs
from followsuit.graph.store import GraphStore
from followsuit.queries.library import LibraryQuery, find

_NODES = {
    "customer": g.CUSTOMER,
    "product": g.PRODUCT,
    "store": g.STORE,
}
_CUSTOMERS = ("customer_id", "friend_id", "other_id")
"""Parameters that are ids of customers."""
_STEPS = {
    g.CUSTOMER_EMBEDDED.name: (EMBEDDING, "embeddings", "gnn embed"),
    g.RECOMMENDED_PRODUCT.name: (SCORE, "offers", "score"),
    g.INFLUENCES.name: (INFLUENCE, "influence edges", "influence learn"),
}
"""By relationship type: the kind of its runs, what it holds, and the command that makes it."""


def why_empty(store: GraphStore, name: str, parameters: Mapping[str, Any]) -> str | None:
    """Say why a query found nothing; None if nothing is missing.

    Args:
        store: the store that the query read.
        name: the query's name.
        parameters: the values that the caller gave, by name.
    """
    query = find(name)
    for parameter in query.parameters:
        if parameter.name not in parameters:
            continue
        value = str(parameters[parameter.name])
        kind = _kind_of(parameter.name, parameters)
        if kind is not None and not exists(store, _NODES[kind], value):
            return f"There is no {kind} {value}."
    for relationship, (kind, results, command) in _STEPS.items():
        if re.search(rf"\b{relationship}\b", query.cypher) and active(runs(store, kind)) is None:
            return f"There are no {results} yet. Run `followsuit {command} --as-of DATE` first."
    return _left_out(query, parameters)


def _left_out(query: LibraryQuery, parameters: Mapping[str, Any]) -> str | None:
    """What a query leaves out by its rules, where that may be why it has no rows."""
    for parameter in query.parameters:
        if parameter.name == "at_least":
            least = parameters.get(parameter.name, parameter.default)
            return f"Nothing reaches at_least={least}, the {parameter.meaning}. Lower it."
    if "'social_use'" in query.cypher:
        return (
            "The query leaves out customers who don't share their activity: minors, customers of "
            "unknown age, and those without the consent social_use."
        )
    return None


def _kind_of(parameter: str, parameters: Mapping[str, Any]) -> str | None:
    """The kind of node that a parameter identifies; None if it isn't an id."""
    if parameter in _CUSTOMERS:
        return "customer"
    kind = str(parameters.get("node_kind")) if parameter == "node_id" else parameter[:-3]
    return kind if parameter.endswith("_id") and kind in _NODES else None
