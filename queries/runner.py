"""Runs queries of the library and of users, read-only."""

import json
import time
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from followsuit.core.times import utc
from followsuit.graph.query import QueryError
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.queries.guard import check_query
from followsuit.queries.library import OBJECT, LibraryQuery, find

TIMEOUT = 60.0
"""Default time limit of a query, in seconds."""
_UNION = "\nUNION ALL\n"
_SHORTEST = 0.001
"""The least time limit that both engines take, in seconds."""


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
    with store.reading():
        store.require_complete()
        meta = store.meta
        bound |= {name: getattr(meta, name) for name in query.given}
        table = _rows(store, query, bound, timeout)
    return table.sort_by(list(query.order)) if query.order else table


def _rows(
    store: GraphStore, query: LibraryQuery, bound: Mapping[str, Any], timeout: float | None
) -> pa.Table:
    """The rows of a query in the columns of its header, unsorted.

    A query with a column of maps runs part by part, because LadybugDB's UNION takes only maps with
    the same keys.
    """
    maps = [name for name, kind in query.columns.items() if kind == OBJECT]
    parts = query.cypher.split(_UNION) if maps else [query.cypher]
    end = None if timeout is None else time.monotonic() + timeout
    tables = []
    for part in parts:
        left = None if end is None else max(end - time.monotonic(), _SHORTEST)
        rows = store.query(part, bound, left)
        columns = [_texts(rows[c]) if c in maps else rows[c] for c in query.columns]
        tables.append(pa.table(columns, names=list(query.columns)).cast(query.schema))
    return pa.concat_tables(tables)


def _texts(maps: pa.ChunkedArray) -> pa.Array:
    """Maps as JSON objects, without missing values; the keys are sorted."""
    return pa.array([_json(each) for each in maps.to_pylist()], pa.string())


def _json(values: dict[str, Any]) -> str:
    known = {key: _plain(key, value) for key, value in values.items() if value is not None}
    return json.dumps(known, ensure_ascii=False, sort_keys=True)


def _plain(name: str, value: Any) -> Any:
    """A value as JSON has it; times are UTC, in ISO 8601."""
    if isinstance(value, datetime):
        return utc(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return json.loads(value) if name == Col.ATTRIBUTES else value


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
