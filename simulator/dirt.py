"""Plants faults of the kinds that real deliveries have, and counts them.

A fault for which a row is rejected (an unknown key, an unreadable date) is planted in an existing
row if no other row refers to it. In customers, products, stores and offers it is planted in an
additional row with a new id, so that one fault never causes others.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.schema import Col
from followsuit.graph.tables import FRIENDSHIPS, NODE_TABLES, TABLES, Kind, Table
from followsuit.simulator.columns import Chunks, Column, pc, take, words
from followsuit.simulator.delivery_files import iso
from followsuit.simulator.draw import Chance, Ints
from followsuit.simulator.world import World


class Fault(StrEnum):
    """A kind of fault; the docstring says how a loader should treat it."""

    DUPLICATE = "duplicate"
    """A row occurs twice: one of the two is a duplicate."""
    CONFLICT = "conflict"
    """A key occurs again with other content: the last row wins."""
    MIRRORED = "mirrored"
    """A friendship occurs again with its ends swapped: one friendship."""
    DANGLING = "dangling"
    """A key that doesn't exist: the row is rejected."""
    BAD_TIME = "bad_time"
    """A time or date that isn't valid: the row is rejected."""
    EMPTY_KEY = "empty_key"
    """A required key is missing: the row is rejected."""
    NEGATIVE = "negative"
    """An amount is negative: the row is rejected."""
    SELF = "self"
    """A customer is their own friend: the row is rejected."""
    SPACING = "spacing"
    """Spaces around texts and times, capitals in codes: harmless."""
    LATE = "late"
    """A sound row at the end of the file, out of order: harmless."""


_SHARE = 0.05
"""Share of a table's rows with faults at dirt 1."""
_NO_TIMES = ("2025-13-45", "soon", "45678", "1735689600", "31st of Feb", "0000-00-00")
_CONTENT = {
    "customers": Col.NAME,
    "products": Col.NAME,
    "stores": Col.NAME,
    "offers": Col.NAME,
    "friendships": Col.INTERACTIONS,
    "purchases": Col.QUANTITY,
    "visits": Col.AT,
    "events": Col.AT,
    "likes": Col.AT,
    "memberships": Col.UNTIL,
    "contacts": Col.AT,
}
"""The column that differs if a key occurs twice; a consent has only key columns."""
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_AGAIN = (Fault.DUPLICATE, Fault.CONFLICT, Fault.MIRRORED)
_COSTLY = (Fault.DANGLING, Fault.BAD_TIME, Fault.EMPTY_KEY, Fault.NEGATIVE, Fault.SELF)


def planned(world: World, name: str, rows: int) -> dict[str, int]:
    """How many rows of a table get each kind of fault.

    Args:
        world: the settings of the world.
        name: the table.
        rows: how many rows the table has.
    """
    faults = _possible(TABLES[name])
    per_fault = round(world.dirt * _SHARE * rows / len(faults))
    return {fault.value: per_fault for fault in faults} if per_fault else {}


def _possible(table: Table) -> list[Fault]:
    has = {field.kind for field in table.fields}
    possible = {
        Fault.DUPLICATE: True,
        Fault.CONFLICT: table.name in _CONTENT,
        Fault.MIRRORED: table is FRIENDSHIPS,
        Fault.DANGLING: bool(_references(table)),
        Fault.BAD_TIME: bool(has & {Kind.TIME, Kind.DATE}),
        Fault.EMPTY_KEY: True,
        Fault.NEGATIVE: Kind.MONEY in has,
        Fault.SELF: table is FRIENDSHIPS,
        Fault.SPACING: True,
        Fault.LATE: True,
    }
    return [fault for fault, applies in possible.items() if applies]


def _references(table: Table) -> list[str]:
    return [f.name for f in table.fields if f.refers is not None and f.required]


def plant(world: World, name: str, rows: pa.Table, rng: Chance) -> pa.Table:
    """Add the planned faults to rows; times, dates and booleans become text.

    Faulty rows stay in their positions; repeated and late rows are at the end, shuffled.

    Args:
        world: the settings of the world.
        name: the table.
        rows: its rows, in the contract's types.
        rng: random generator.
    """
    table, plan = TABLES[name], planned(world, name, rows.num_rows)
    hit = rng.permutation(rows.num_rows)
    place = np.arange(rows.num_rows)
    pool, tail, size = [_as_text(table, rows)], [], rows.num_rows
    for fault, count in plan.items():
        chosen, hit = np.sort(hit[:count]), hit[count:]
        patch = _patched(Fault(fault), table, rows.take(chosen), rng)
        pool.append(patch)
        patched = np.arange(size, size + count)
        size += count
        if fault in _AGAIN or (fault in _COSTLY and name in NODE_TABLES):
            tail.append(patched)
        elif fault == Fault.LATE:
            tail.append(patched)
            place[chosen] = -1
        else:
            place[chosen] = patched
    end = rng.permutation(np.concatenate([np.empty(0, dtype=np.int64), *tail]))
    order = np.concatenate([place[place >= 0], end])
    return pa.concat_tables(pool).combine_chunks().take(order)


def _as_text(table: Table, rows: pa.Table) -> pa.Table:
    """Convert columns that faults can make unreadable to text: times, dates and booleans."""
    for i, field in enumerate(table.fields):
        column = rows.column(i)
        if field.kind is Kind.TIME:
            column = pa.chunked_array([iso(chunk) for chunk in column.chunks], g.TEXT)
        elif field.kind in (Kind.DATE, Kind.BOOLEAN):
            column = column.cast(g.TEXT)
        rows = rows.set_column(i, field.name, column)
    return rows


def _patched(fault: Fault, table: Table, rows: pa.Table, rng: Chance) -> pa.Table:
    """Rows with a fault, as text."""
    if fault is Fault.CONFLICT:
        return _as_text(table, _set(rows, _CONTENT[table.name], _other))
    rows = _as_text(table, rows)
    if fault in _COSTLY and table.name in NODE_TABLES:
        rows = _set(rows, table.key[0], lambda ids: _joined(ids, "y"))
    match fault:
        case Fault.MIRRORED:
            return _swapped(rows)
        case Fault.DANGLING:
            return _each_one_of(_references(table), rows, lambda ids: _joined(ids, "x"), rng)
        case Fault.BAD_TIME:
            names = [f.name for f in table.fields if f.kind in (Kind.TIME, Kind.DATE)]
            wrong = take(words(_NO_TIMES), rng.integers(0, len(_NO_TIMES), rows.num_rows))
            return _each_one_of(names, rows, lambda _: wrong, rng)
        case Fault.EMPTY_KEY:
            required = next(f.name for f in table.fields if f.required)
            return _set(rows, required, lambda ids: pa.nulls(len(ids), g.TEXT))
        case Fault.NEGATIVE:
            amount = next(f.name for f in table.fields if f.kind is Kind.MONEY)
            return _set(rows, amount, pc.negate)
        case Fault.SELF:
            return rows.set_column(1, Col.FRIEND_ID, rows[Col.CUSTOMER_ID])
        case Fault.SPACING:
            return _spaced(table, rows)
    return rows


Change: TypeAlias = "Callable[[Chunks], Chunks | Column]"


def _set(rows: pa.Table, name: str, change: Change) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, change(rows[name]))


def _joined(texts: Chunks, end: str) -> Chunks:
    longer: Chunks = pc.binary_join_element_wise(texts, end, "")
    return longer


def _other(column: Chunks) -> Chunks:
    """Other values of the same type, also for missing values."""
    if column.type == g.TEXT:
        return _joined(column, " II")
    other: Chunks
    if column.type == g.NUMBER:
        other = pc.add(column, 1.0)
    else:
        other = pc.subtract(pc.fill_null(column, _LONG_AGO), timedelta(hours=1))
    return other


def _swapped(rows: pa.Table) -> pa.Table:
    one, other = rows[Col.CUSTOMER_ID], rows[Col.FRIEND_ID]
    return rows.set_column(0, Col.CUSTOMER_ID, other).set_column(1, Col.FRIEND_ID, one)


def _each_one_of(names: list[str], rows: pa.Table, change: Change, rng: Chance) -> pa.Table:
    """Change one of the named columns in each row."""
    which: Ints = rng.integers(0, len(names), rows.num_rows)
    for i, name in enumerate(names):
        old = rows[name]
        new = pc.if_else(pa.array(which == i), change(old), old)
        rows = rows.set_column(rows.schema.get_field_index(name), name, new)
    return rows


def _spaced(table: Table, rows: pa.Table) -> pa.Table:
    for field in table.fields:
        if field.kind in (Kind.CODE, Kind.BOOLEAN):
            rows = _set(rows, field.name, pc.utf8_upper)
        if field.kind in (Kind.TEXT, Kind.CODE, Kind.TIME, Kind.DATE, Kind.BOOLEAN):
            rows = _set(rows, field.name, lambda old: pc.binary_join_element_wise("", old, "", " "))
    return rows
