"""Runs queries of the library, and an analyst's own, read-only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from followsuit.graph.store import GraphStore, QueryError
from followsuit.queries.guard import reading
from followsuit.queries.library import TYPES, find

TIMEOUT = 60.0
"""Seconds that a query may take, unless told otherwise."""


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
        store: whose last load must have ended.
        name: of the query.
        parameters: by name; text is read as the command line gives it.
        now: the instant that parameters default to that stand for the present.
        timeout: seconds; None for no limit.

    Returns:
        The columns, types and order that the query's header names.

    Raises:
        UnknownQuery, QueryError, QueryTimeout, StoreIncomplete.
    """
    query = find(name)
    bound = query.bind(parameters or {}, now)
    store.require_complete()
    rows = store.query(query.cypher, bound, timeout)
    schema = pa.schema({column: TYPES[kind] for column, kind in query.columns.items()})
    table = rows.select(schema.names).cast(schema)
    return table.sort_by(list(query.order)) if query.order else table


def run_cypher(
    store: GraphStore,
    cypher: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    timeout: float | None = TIMEOUT,
) -> pa.Table:
    """Run a Cypher query that only reads the graph.

    Args:
        store: whose last load must have ended.
        cypher: in the dialect of the store's engine; `$name` for parameters.
        parameters: by name; dates and times as Python's.
        timeout: seconds; None for no limit.

    Raises:
        QueryError: it is wrong, would change the graph, or reaches for files.
        QueryTimeout, QueryTooLarge, QueryCrashed, StoreIncomplete.
    """
    text = reading(cypher)
    store.require_complete()
    table = store.query_apart(text, parameters, timeout)
    if not table.column_names:
        raise QueryError("The query returns nothing. End it with RETURN.")
    if twice := [name for name in table.column_names if table.column_names.count(name) > 1]:
        raise QueryError(f"The query returns {twice[0]} twice. Name one of them with AS.")
    return pa.table({n: _whole(table[n]) for n in table.column_names})


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Sums of whole numbers are decimals on LadybugDB and integers on Neo4j."""
    whole = pt.is_decimal(column.type) and column.type.scale == 0
    return column.cast(pa.int64()) if whole else column
