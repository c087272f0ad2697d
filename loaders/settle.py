"""Settle a table's keys: what refers to nothing known is put aside, and one row a key stays."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from followsuit.graph.duck import open_duck
from followsuit.graph.schema import Col
from followsuit.graph.tables import FRIENDSHIPS, Field, Table
from followsuit.loaders.reading import ROW
from followsuit.loaders.rejects import Reject, Rejects
from followsuit.loaders.sources import Source
from followsuit.loaders.standardise import ORDER

PART = "part"
"""The number of the file, within its table, that a row came from."""

_BULK = 10_000


def settle(
    source: Source,
    sound: Path,
    staged: Path,
    known: dict[str, Path],
    rejects: Rejects,
    memory: int,
) -> None:
    """Write the rows of `sound` that stay to `staged`, in the contract's columns.

    A reference to a key that is not in `known` (by table) rejects the row. An event without an id
    gets one of its content and its ordinal among its likes. Of the rows with one key the last
    stays, or the earliest by what the mapping says.
    """
    table = source.table
    views = {f"known_{name}": path for name, path in known.items()}
    with open_duck(memory, staged.parent, sound=sound, **views) as db:
        # Only names from the contract are put into these texts.
        referring = [f for f in table.fields if f.refers in known]
        db.execute(f"CREATE VIEW resolved AS {_resolved(referring)}")
        if referring:
            _put_aside_unknown(db, source, referring, rejects)
        db.execute(f"CREATE VIEW keyed AS {_keyed(db, table)}")
        db.sql(_one_for_each_key(db, source)).write_parquet(str(staged))


def _q(name: str) -> str:
    return f'"{name}"'


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(_q, names))


def _resolved(referring: list[Field]) -> str:
    """The sound rows, and in `unknown` the first column whose key nobody has."""
    joins = [
        f"LEFT JOIN known_{f.refers} AS k{i} ON sound.{_q(f.name)} = k{i}.key"
        for i, f in enumerate(referring)
    ]
    cases = [
        f"WHEN sound.{_q(f.name)} IS NOT NULL AND k{i}.key IS NULL THEN '{f.name}'"
        for i, f in enumerate(referring)
    ]
    unknown = f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR"
    return f"SELECT sound.*, {unknown} AS unknown FROM sound {' '.join(joins)}"


def _put_aside_unknown(
    db: duckdb.DuckDBPyConnection, source: Source, referring: list[Field], rejects: Rejects
) -> None:
    value = " ".join(f"WHEN '{f.name}' THEN {_q(f.name)}" for f in referring)
    rows = db.execute(
        f"SELECT {PART}, {ROW}, unknown, CASE unknown {value} END FROM resolved "
        f"WHERE unknown IS NOT NULL ORDER BY {PART}, {ROW}"
    )
    names = source.names
    tables = {f.name: f.refers for f in referring}
    while bulk := rows.fetchmany(_BULK):
        rejects.add(
            [
                Reject(names[part], row, column, f"is none of the {tables[column]}", key)
                for part, row, column, key in bulk
            ]
        )


def _keyed(db: duckdb.DuckDBPyConnection, table: Table) -> str:
    """The rows that refer to what is known, in the contract's columns, each with its key."""
    columns = {f.name: _q(f.name) for f in table.fields}
    if table is FRIENDSHIPS:
        # An undirected friendship is one fact, whichever of the two is named first.
        directed = f"coalesce({Col.DIRECTED}, FALSE)"
        one, other = Col.CUSTOMER_ID, Col.FRIEND_ID
        columns[Col.DIRECTED] = directed
        columns[one] = f"CASE WHEN {directed} THEN {one} ELSE least({one}, {other}) END"
        columns[other] = f"CASE WHEN {directed} THEN {other} ELSE greatest({one}, {other}) END"
    if table.derived:
        without = f"SELECT count(*) FROM sound WHERE {_q(table.derived)} IS NULL"
        if db.execute(without).fetchall()[0][0]:
            columns[table.derived] = _derived(table, table.derived)
    values = ", ".join(f"{value} AS {_q(name)}" for name, value in columns.items())
    return f"SELECT {values}, {PART}, {ROW}, {ORDER} FROM resolved WHERE unknown IS NULL"


def _derived(table: Table, name: str) -> str:
    content = [f"coalesce({_q(f.name)}::VARCHAR, '')" for f in table.fields if f.name != name]
    digest = f"md5(concat_ws(chr(31), {', '.join(content)}))"
    likes = f"PARTITION BY {_q(name)}, {digest} ORDER BY {PART}, {ROW}"
    return f"coalesce({_q(name)}, {digest} || '-' || row_number() OVER ({likes}))"


def _one_for_each_key(db: duckdb.DuckDBPyConnection, source: Source) -> str:
    """The query for the rows that stay; it sorts only the rows of keys that come twice."""
    table = source.table
    columns = _list(f.name for f in table.fields)
    key = _list(table.key)
    db.execute(
        f"CREATE TEMP TABLE twice AS SELECT {key} FROM keyed GROUP BY {key} HAVING count(*) > 1"
    )
    if not db.execute("SELECT count(*) FROM twice").fetchall()[0][0]:
        return f"SELECT {columns} FROM keyed"
    same = " AND ".join(f"keyed.{_q(c)} IS NOT DISTINCT FROM twice.{_q(c)}" for c in table.key)
    earliest = f"{ORDER} NULLS LAST, {PART}, {ROW}"
    order = earliest if source.mapping.earliest_by else f"{PART} DESC, {ROW} DESC"
    return (
        f"SELECT {columns} FROM keyed ANTI JOIN twice ON {same} UNION ALL "
        f"(SELECT {columns} FROM keyed SEMI JOIN twice ON {same} "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1)"
    )
