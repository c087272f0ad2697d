"""Resolve a table's keys: reject rows that refer to unknown keys, and keep one row per key."""

import glob
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import duckdb

from followsuit.graph.duck import TYPES, open_duck
from followsuit.graph.schema import Col
from followsuit.graph.tables import CONSENTS, FRIENDSHIPS, MEMBERSHIPS, Field, Kind, Table
from followsuit.loaders.readers.batches import ROW
from followsuit.loaders.sources import Source
from followsuit.loaders.staging.rejects import Reject, Rejects
from followsuit.loaders.staging.spill import write_parquet
from followsuit.loaders.staging.standardise import GIVEN, ORDER
from followsuit.loaders.stored import is_lost, known_view

PART = "part"
"""The number of a row's file within its table."""

_BULK = 10_000


def settle(
    sources: Sequence[Source],
    sound: Path,
    staged: Path,
    known: dict[str, Path],
    stored: Callable[[], Path | None],
    rejects: Rejects,
    memory: int,
) -> list[str]:
    """Resolve the keys of a table: write one row per key, in the contract's columns.

    A row that refers to an unknown key is rejected. An event without an id
    gets one from its content and its number among identical rows. Of rows with the same key, the
    last wins, or the earliest by the mapping's `earliest_by`. If rows differ in their columns, this
    holds for each column among the rows that have it. A column that no row of a key has keeps its
    stored value, or is empty for a new row.

    Args:
        sources: the sources of the rows, in order.
        sound: a Parquet file of the rows without faults; it is consumed.
        staged: the file to write.
        known: by table, a Parquet file whose column `key` lists the known keys.
        stored: returns the store's rows of the table as a Parquet file, or None.
        rejects: receives the rejected rows.
        memory: limit in bytes.

    Returns:
        The columns that any row has.
    """
    table = sources[0].table
    names = [name for source in sources for name in source.names]
    by_order = any(source.mapping.earliest_by for source in sources)
    views = {known_view(name): path for name, path in known.items()}
    with open_duck(memory, staged.parent, sound=sound, **views) as db:
        # These texts contain only names from the contract.
        referring = [f for f in table.fields if f.refers in known]
        unknown = _put_aside_unknown(db, table, names, referring, rejects) if referring else 0
        less = f"ANTI JOIN unknown USING ({PART}, {ROW})" if unknown else ""
        db.execute(f"CREATE VIEW known AS FROM sound {less}")
        named, lacking = _has_ids(db, table)
        everywhere, somewhere = _given(db, table)
        # An id from the content identifies the whole row, so the store adds nothing to it.
        partial = named and len(everywhere) < len(table.fields)
        stored_rows = stored() if partial else None
        _view_stored(db, table, known, stored_rows)
        identified = _identified(table, everywhere)
        db.execute(f"CREATE VIEW keyed AS {_derived(db, table) if lacking else identified}")
        twice = _find_twice(db, table) if named else 0
        if unknown or lacking or twice or stored_rows or identified != _AS_IT_IS:
            rows = (
                _one_for_each_key(table, by_order, everywhere != somewhere)
                if twice
                else "FROM keyed"
            )
            write_parquet(
                db, _completed(table, known, f"({rows})", stored_rows is not None), staged
            )
            return somewhere
    # Nothing to resolve, as in many deliveries.
    sound.rename(staged)
    return somewhere


def _q(name: str) -> str:
    return f'"{name}"'


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(_q, names))


def _put_aside_unknown(
    db: duckdb.DuckDBPyConnection,
    table: Table,
    names: Sequence[str],
    referring: list[Field],
    rejects: Rejects,
) -> int:
    """Reject rows that refer to unknown keys; returns how many. Makes the table `unknown`."""
    joins = [
        f"LEFT JOIN {known_view(str(f.refers))} AS k{i} ON sound.{_q(f.name)} = k{i}.key"
        for i, f in enumerate(referring)
    ]
    lost = [f"sound.{_q(f.name)} IS NOT NULL AND k{i}.key IS NULL" for i, f in enumerate(referring)]
    columns = [f"WHEN {lost[i]} THEN '{f.name}'" for i, f in enumerate(referring)]
    keys = [f"WHEN {lost[i]} THEN sound.{_q(f.name)}" for i, f in enumerate(referring)]
    db.execute(
        f"CREATE TEMP TABLE unknown AS SELECT {PART}, {ROW}, "
        f"CASE {' '.join(columns)} END AS named, CASE {' '.join(keys)} END AS key "
        f"FROM sound {' '.join(joins)} WHERE {' OR '.join(f'({condition})' for condition in lost)}"
    )
    rows = db.execute(f"FROM unknown ORDER BY {PART}, {ROW}")
    tables = {f.name: f.refers for f in referring}
    before = rejects.count
    while bulk := rows.fetchmany(_BULK):
        rejects.add(
            [
                Reject(names[part], row, column, f"isn't one of the {tables[column]}", key)
                for part, row, column, key in bulk
            ]
        )
    if table is CONSENTS and rejects.count > before:
        refused = f"FROM sound SEMI JOIN unknown USING ({PART}, {ROW}) WHERE NOT {Col.GRANTED}"
        rejects.refusals |= {
            row[0] for row in db.execute(f"SELECT {Col.CUSTOMER_ID} {refused}").fetchall()
        }
    return rejects.count - before


def _has_ids(db: duckdb.DuckDBPyConnection, table: Table) -> tuple[bool, bool]:
    """Whether some rows have an id, and whether some lack an id that can be derived."""
    if table.derived is None:
        return True, False
    lacking_id = db.execute(f"SELECT DISTINCT {_q(table.derived)} IS NULL FROM sound").fetchall()
    return (False,) in lacking_id, (True,) in lacking_id


def _given(db: duckdb.DuckDBPyConnection, table: Table) -> tuple[list[str], list[str]]:
    """The columns that every row has, and those that any row has, derived ids included."""
    sql = f"SELECT coalesce(bit_and({GIVEN}), -1), coalesce(bit_or({GIVEN}), 0) FROM known"
    everywhere, somewhere = (
        [f.name for f in table.fields if f.name == table.derived or _bit(table, f.name) & bits]
        for bits in db.execute(sql).fetchall()[0]
    )
    return everywhere, somewhere


def _bit(table: Table, name: str) -> int:
    return 1 << [f.name for f in table.fields].index(name)


def _has(table: Table, name: str) -> str:
    """The SQL condition that a row has a column."""
    return f"({GIVEN} & {_bit(table, name)} <> 0)"


def _view_stored(
    db: duckdb.DuckDBPyConnection, table: Table, known: dict[str, Path], stored_rows: Path | None
) -> None:
    """Make a view `stored` of the rows in the store that this load doesn't delete."""
    if stored_rows is None:
        columns = (f"NULL::{TYPES[f.type]} AS {_q(f.name)}" for f in table.fields)
        db.execute(f"CREATE VIEW stored AS SELECT {', '.join(columns)} WHERE FALSE")
        return
    db.read_parquet(glob.escape(str(stored_rows))).create_view("all_stored")
    db.execute(f"CREATE VIEW stored AS FROM all_stored WHERE NOT {is_lost(table, known)}")


_AS_IT_IS = "FROM known"


def _identified(table: Table, everywhere: list[str]) -> str:
    """The query for the rows with known references, with their key in the graph."""
    if table is FRIENDSHIPS:
        return _directed(table, Col.DIRECTED in everywhere)
    if table is MEMBERSHIPS and Col.SINCE not in everywhere:
        return _latest_membership(table)
    return _AS_IT_IS


def _directed(table: Table, everywhere: bool) -> str:
    """The query that puts the smaller id of an undirected friendship first.

    A friendship without `directed` takes its direction from the known one between these ends.
    """
    one, other = Col.CUSTOMER_ID, Col.FRIEND_ID
    directed = f"coalesce({Col.DIRECTED}, FALSE)"
    if not everywhere:
        reverse = (
            f"SELECT row({one}, {other}) FROM stored WHERE {one} > {other} UNION ALL "
            f"SELECT row({one}, {other}) FROM known WHERE {one} > {other} AND {Col.DIRECTED}"
        )
        stored_direction = f"row({one}, {other}) IN ({reverse})"
        directed = (
            f"CASE WHEN {_has(table, Col.DIRECTED)} THEN {directed} ELSE {stored_direction} END"
        )
    first = f"CASE WHEN way THEN {one} ELSE least({one}, {other}) END"
    second = f"CASE WHEN way THEN {other} ELSE greatest({one}, {other}) END"
    replaced = f"{first} AS {one}, {second} AS {other}"
    return (
        f"SELECT * EXCLUDE (way) REPLACE ({replaced}) FROM (SELECT *, {directed} AS way FROM known)"
    )


def _latest_membership(table: Table) -> str:
    """The query that fills a missing `since` from the latest membership of the program."""
    has, ends = _has(table, Col.SINCE), f"{Col.CUSTOMER_ID}, {Col.PROGRAM}"
    dated = (
        f"SELECT {ends}, {Col.SINCE} FROM stored UNION ALL "
        f"SELECT {ends}, {Col.SINCE} FROM known WHERE {has}"
    )
    latest = f"SELECT {ends}, max({Col.SINCE}) AS latest FROM ({dated}) GROUP BY ALL"
    since = f"CASE WHEN {has} THEN {Col.SINCE} ELSE latest END AS {Col.SINCE}"
    rows = f"FROM known LEFT JOIN ({latest}) USING ({ends})"
    return f"SELECT * EXCLUDE (latest) REPLACE ({since}) {rows}"


def _derived(db: duckdb.DuckDBPyConnection, table: Table) -> str:
    """The query that derives missing ids from a row's content and its number among identical rows.

    It sorts only rows that have identical ones.
    """
    key = _q(str(table.derived))
    own = [f for f in table.fields if f.name != table.derived and f.kind is not Kind.ATTRIBUTES]
    content = [f"coalesce({_q(f.name)}::VARCHAR, '')" for f in own if not f.later]
    # concat_ws leaves out what is NULL.
    content += [f"'{f.name}=' || {_q(f.name)}::VARCHAR" for f in own if f.later]
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
    """Make a table `twice` of the keys that occur more than once; returns how many.

    It counts hashes first, because few keys share one, and numbers need less time and memory than
    text.
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


def _one_for_each_key(table: Table, by_order: bool, mixed: bool) -> str:
    """The query for one row per key; it sorts only rows whose key occurs more than once.

    Args:
        table: the table of the rows.
        by_order: whether a mapping has `earliest_by`.
        mixed: whether the rows differ in their columns.
    """
    same = " AND ".join(f"keyed.{_q(c)} IS NOT DISTINCT FROM twice.{_q(c)}" for c in table.key)
    earliest = f"{ORDER} NULLS LAST, {PART}, {ROW}"
    order = earliest if by_order else f"{PART} DESC, {ROW} DESC"
    columns = f"{_list(f.name for f in table.fields)}, {GIVEN}"
    place = f"row_number() OVER (PARTITION BY {_list(table.key)} ORDER BY {order})"
    alike = f"SELECT {columns} FROM keyed SEMI JOIN twice ON {same} QUALIFY {place} = 1"
    if mixed:
        alike = (
            f"SELECT {_first_of_each_column(table)} FROM "
            f"(SELECT keyed.*, {place} AS place FROM keyed SEMI JOIN twice ON {same}) "
            f"GROUP BY {_list(table.key)}"
        )
    return f"SELECT {columns} FROM keyed ANTI JOIN twice ON {same} UNION ALL ({alike})"


def _first_of_each_column(table: Table) -> str:
    values = []
    for field in table.fields:
        name = _q(field.name)
        if field.name not in table.key:
            # Use a struct, because arg_min skips empty values.
            first = f"arg_min({{'v': {name}}}, place) FILTER (WHERE {_has(table, field.name)})"
            name = f"({first}).v AS {name}"
        values.append(name)
    return ", ".join([*values, f"bit_or({GIVEN}) AS {GIVEN}"])


def _completed(table: Table, known: dict[str, Path], rows: str, has_stored: bool) -> str:
    """The query for complete rows, with missing columns from the store."""
    values = []
    for field in table.fields:
        value = f"r.{_q(field.name)}"
        if has_stored and field.name not in table.key:
            old = _still_known(field, known, f"s.{_q(field.name)}")
            value = f"CASE WHEN {_has(table, field.name)} THEN {value} ELSE {old} END"
        if table is FRIENDSHIPS and field.name == Col.DIRECTED:
            value = f"coalesce({value}, FALSE)"  # undirected unless a row says otherwise
        values.append(f"{value} AS {_q(field.name)}")
    same = " AND ".join(f"r.{_q(c)} IS NOT DISTINCT FROM s.{_q(c)}" for c in table.key)
    old_rows = f"LEFT JOIN stored AS s ON {same}" if has_stored else ""
    return f"SELECT {', '.join(values)} FROM {rows} AS r {old_rows}"


def _still_known(field: Field, known: dict[str, Path], value: str) -> str:
    """A stored value, or NULL if it refers to a row that no longer exists."""
    if field.refers not in known:
        return value
    return f"CASE WHEN {value} IN (SELECT key FROM {known_view(field.refers)}) THEN {value} END"
