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
from followsuit.loaders.spill import write_parquet
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
        unknown = _put_aside_unknown(db, source, referring, rejects) if referring else 0
        less = f"ANTI JOIN unknown USING ({PART}, {ROW})" if unknown else ""
        db.execute(f"CREATE VIEW known AS FROM sound {less}")
        given, lacking = _has_ids(db, table)
        db.execute(f"CREATE VIEW keyed AS {_derived(db, table) if lacking else _keyed(table)}")
        twice = _find_twice(db, table) if given else 0
        if unknown or lacking or twice or table is FRIENDSHIPS:
            columns = _list(f.name for f in table.fields)
            rows = _one_for_each_key(source) if twice else "FROM keyed"
            write_parquet(db, f"SELECT {columns} FROM ({rows})", staged)
            return
    # Nothing to settle: many a delivery is as it should be.
    sound.rename(staged)


def _q(name: str) -> str:
    return f'"{name}"'


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(_q, names))


def _put_aside_unknown(
    db: duckdb.DuckDBPyConnection, source: Source, referring: list[Field], rejects: Rejects
) -> int:
    """Put the rows into a table `unknown` whose first unknown key is in a column; how many."""
    joins = [
        f"LEFT JOIN known_{f.refers} AS k{i} ON sound.{_q(f.name)} = k{i}.key"
        for i, f in enumerate(referring)
    ]
    lost = [f"sound.{_q(f.name)} IS NOT NULL AND k{i}.key IS NULL" for i, f in enumerate(referring)]
    names = [f"WHEN {lost[i]} THEN '{f.name}'" for i, f in enumerate(referring)]
    keys = [f"WHEN {lost[i]} THEN sound.{_q(f.name)}" for i, f in enumerate(referring)]
    db.execute(
        f"CREATE TEMP TABLE unknown AS SELECT {PART}, {ROW}, "
        f"CASE {' '.join(names)} END AS named, CASE {' '.join(keys)} END AS key "
        f"FROM sound {' '.join(joins)} WHERE {' OR '.join(f'({each})' for each in lost)}"
    )
    rows = db.execute(f"FROM unknown ORDER BY {PART}, {ROW}")
    tables = {f.name: f.refers for f in referring}
    before = rejects.count
    while bulk := rows.fetchmany(_BULK):
        rejects.add(
            [
                Reject(source.names[part], row, column, f"is none of the {tables[column]}", key)
                for part, row, column, key in bulk
            ]
        )
    return rejects.count - before


def _has_ids(db: duckdb.DuckDBPyConnection, table: Table) -> tuple[bool, bool]:
    """Whether some rows come with an id, and whether some come without one that can be made."""
    if table.derived is None:
        return True, False
    found = db.execute(f"SELECT DISTINCT {_q(table.derived)} IS NULL FROM sound").fetchall()
    return (False,) in found, (True,) in found


def _keyed(table: Table) -> str:
    """The rows that refer to what is known; an undirected friendship names the smaller id first."""
    if table is not FRIENDSHIPS:
        return "FROM known"
    directed = f"coalesce({Col.DIRECTED}, FALSE)"
    one, other = Col.CUSTOMER_ID, Col.FRIEND_ID
    first = f"CASE WHEN {directed} THEN {one} ELSE least({one}, {other}) END"
    second = f"CASE WHEN {directed} THEN {other} ELSE greatest({one}, {other}) END"
    replaced = f"{directed} AS {Col.DIRECTED}, {first} AS {one}, {second} AS {other}"
    return f"SELECT * REPLACE ({replaced}) FROM known"


def _derived(db: duckdb.DuckDBPyConnection, table: Table) -> str:
    """The rows that refer to what is known; an id they lack is their content and their ordinal.

    Only the rows that have likes are sorted.
    """
    key = _q(str(table.derived))
    content = [
        f"coalesce({_q(f.name)}::VARCHAR, '')" for f in table.fields if f.name != table.derived
    ]
    text = f"concat_ws(chr(31), {', '.join(content)})"
    rows = f"(SELECT *, md5_number({text}) AS content FROM known WHERE {key} IS NULL)"
    db.execute(
        f"CREATE TEMP TABLE likes AS SELECT content FROM {rows} GROUP BY ALL HAVING count(*) > 1"
    )

    def numbered(ordinal: str) -> str:
        return f"SELECT * EXCLUDE (content) REPLACE (md5({text}) || '-' || {ordinal} AS {key})"

    ordinal = f"row_number() OVER (PARTITION BY content ORDER BY {PART}, {ROW})"
    return (
        f"FROM known WHERE {key} IS NOT NULL "
        f"UNION ALL {numbered('1')} FROM {rows} ANTI JOIN likes USING (content) "
        f"UNION ALL {numbered(ordinal)} FROM {rows} SEMI JOIN likes USING (content)"
    )


def _find_twice(db: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Make a table `twice` of the keys that come more than once; how many.

    Hashes are counted first: few keys share one, and numbers take less time and room than text.
    """
    key = _list(table.key)
    db.execute(
        f"CREATE TEMP TABLE likely AS SELECT hash({key}) AS h FROM keyed GROUP BY h "
        "HAVING count(*) > 1"
    )
    db.execute(
        f"CREATE TEMP TABLE twice AS SELECT {key} FROM keyed WHERE hash({key}) IN (FROM likely) "
        f"GROUP BY {key} HAVING count(*) > 1"
    )
    return int(db.execute("SELECT count(*) FROM twice").fetchall()[0][0])


def _one_for_each_key(source: Source) -> str:
    """The query for the rows that stay; it sorts only the rows of keys that come twice."""
    table = source.table
    same = " AND ".join(f"keyed.{_q(c)} IS NOT DISTINCT FROM twice.{_q(c)}" for c in table.key)
    earliest = f"{ORDER} NULLS LAST, {PART}, {ROW}"
    order = earliest if source.mapping.earliest_by else f"{PART} DESC, {ROW} DESC"
    return (
        f"SELECT * FROM keyed ANTI JOIN twice ON {same} UNION ALL "
        f"(SELECT * FROM keyed SEMI JOIN twice ON {same} "
        f"QUALIFY row_number() OVER (PARTITION BY {_list(table.key)} ORDER BY {order}) = 1)"
    )
