"""Runs queries of the library and of users, read-only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from followsuit.graph.store import GraphStore, QueryError
from followsuit.queries.guard import check_query
from followsuit.queries.library import find

TIMEOUT = 60.0
"""Default time limit of a query, in seconds."""


def run_query(
    store: GraphStore,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    now: datetime | None = None,
    timeout: float | None = TIMEOUT,
) -> pa.Table:
    """Run a query of the library.

    Args:
        store: a store whose last load has finished.
        name: the query's name.
        parameters: values by name; text is parsed as on the command line.
        now: the value of parameters that default to `now`.
        timeout: seconds; None for no limit.

    Returns:
        Rows in the columns, types and order of the query's header; amounts are in minor units
        (hundredths), as the columns' metadata says.

    Raises:
        UnknownQuery: there is no such query.
        QueryError: a parameter is missing, unknown or not valid.
        QueryTimeout: the query runs past its limit.
        StoreIncomplete: a load is under way or was interrupted.
    """
    query = find(name)
    bound = query.bind(parameters or {}, now)
    store.require_complete()
    rows = store.query(query.cypher, bound, timeout)
    table = rows.select(query.schema.names).cast(query.schema)
    return table.sort_by(list(query.order)) if query.order else table


def run_cypher(
    store: GraphStore,
    cypher: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    timeout: float | None = TIMEOUT,
) -> pa.Table:
    """Run a read-only Cypher query.

    Args:
        store: a store whose last load has finished.
        cypher: the query in the dialect of the store's engine, with `$name` for parameters.
        parameters: values by name; dates and times as Python objects.
        timeout: seconds; None for no limit.

    Raises:
        QueryError: the query isn't valid, would change the graph, or accesses files.
        QueryTimeout, QueryTooLarge: the query exceeds its time or memory.
        QueryCrashed: the query crashes the engine.
        StoreIncomplete: a load is under way or was interrupted.
    """
    text = check_query(cypher)
    store.require_complete()
    table = store.query_apart(text, parameters, timeout)
    if not table.column_names:
        raise QueryError("The query returns nothing. End it with RETURN.")
    if twice := [name for name in table.column_names if table.column_names.count(name) > 1]:
        raise QueryError(f"The query returns two columns named {twice[0]}. Rename one with AS.")
    return pa.table({n: _whole(table[n]) for n in table.column_names})


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert decimals to integers, because LadybugDB sums whole numbers as decimals."""
    whole = pt.is_decimal(column.type) and column.type.scale == 0
    return column.cast(pa.int64()) if whole else column
