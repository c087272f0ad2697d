"""The contract of deliveries as plain Python: what a store holds after them.

A delivered row is a dictionary of the columns that it has, in text, None for an empty cell.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from followsuit.graph import schema as g
from followsuit.graph.schema import NodeType
from followsuit.graph.tables import (
    FRIENDSHIPS,
    MEMBERSHIPS,
    NODE_TABLES,
    TABLES,
    VIEW,
    Kind,
    Table,
)

Cells = Mapping[str, str | None]
Row = dict[str, Any]
Key = tuple[Any, ...]
VALUE_NODES = (g.CITY, g.CATEGORY, g.BRAND, g.INTEREST, g.PROGRAM, g.PURPOSE)


class Refused(Exception):
    """All rows of a table are rejected: the delivery is an error and changes nothing."""


def typed(kind: Kind, text: str | None) -> Any:
    """A cell as the store holds it."""
    if text is None:
        return None
    match kind:
        case Kind.TIME:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        case Kind.DATE:
            return date.fromisoformat(text)
        case Kind.MONEY:
            return int(Decimal(text) * 100)
        case Kind.NUMBER:
            return float(text)
        case Kind.BOOLEAN:
            return text == "true"
    return text


@dataclass
class Shop:
    """What a store holds: rows by table and key, and the nodes that are nothing but a value."""

    tables: dict[str, dict[Key, Row]] = field(default_factory=lambda: {t: {} for t in TABLES})
    values: dict[str, set[str]] = field(
        default_factory=lambda: {node.label: set() for node in VALUE_NODES}
    )
    listed: set[str] = field(default_factory=set)
    """The node tables that have been delivered."""

    def load(self, delivery: Mapping[str, Sequence[Cells]], replace: Collection[str]) -> "Shop":
        """The shop after a delivery."""
        after = Shop(
            {name: {k: dict(row) for k, row in rows.items()} for name, rows in self.tables.items()},
            {label: set(values) for label, values in self.values.items()},
            set(self.listed),
        )
        for table in TABLES.values():
            if table.name in delivery:
                after._take(table, delivery[table.name], table.name in replace)
        for table in TABLES.values():
            if table.name in delivery:
                after._make_mentioned(table, set(delivery))
        after.listed |= delivery.keys() & set(NODE_TABLES)
        return after

    def _take(self, table: Table, cells: Sequence[Cells], whole: bool) -> None:
        # A table that is listed in this delivery is known by now.
        sound = [row for row in map(table_row(table), cells) if not self._unknown(table, row)]
        if cells and not sound:
            raise Refused(table.name)
        stored = self.tables[table.name]
        fresh: dict[Key, Row] = {}
        for row in identified(table, sound, stored):
            key = tuple(row.get(c) for c in table.key)
            fresh[key] = fresh.get(key, {}) | row
        for key, row in fresh.items():
            kept = {c: self._still_known(table, c, v) for c, v in stored.get(key, {}).items()}
            fresh[key] = {f.name: None for f in table.fields} | kept | row
            if table is FRIENDSHIPS:
                fresh[key]["directed"] = bool(fresh[key]["directed"])
        gone = stored.keys() - fresh.keys() if whole else set()
        self.tables[table.name] = {k: r for k, r in stored.items() if k not in gone} | fresh
        if table.name in NODE_TABLES:
            self.listed.add(table.name)
            self._forget(table.name, {key[0] for key in gone})
        for node in VALUE_NODES:
            if any(part.element is node for part in table.parts):
                self.values[node.label] |= {row[node.key] for row in fresh.values()} - {None}

    def _unknown(self, table: Table, row: Row) -> bool:
        return any(
            row.get(f.name) is not None
            and f.refers in self.listed
            and (row[f.name],) not in self.tables[f.refers]
            for f in table.fields
        )

    def _still_known(self, table: Table, column: str, value: Any) -> Any:
        return None if self._unknown(table, {column: value}) else value

    def _forget(self, node_table: str, keys: set[str]) -> None:
        """Delete what is nothing without these nodes; an offer only loses its link."""
        for table in TABLES.values():
            refers = [f.name for f in table.fields if f.refers == node_table]
            rows = self.tables[table.name]
            for column in refers:
                for key, row in list(rows.items()):
                    if row[column] not in keys:
                        continue
                    if table.name in NODE_TABLES:
                        row[column] = None
                    elif is_end(table, column, row):
                        del rows[key]

    def _make_mentioned(self, table: Table, delivered: set[str]) -> None:
        for f in table.fields:
            if f.refers is not None and f.refers not in self.listed | delivered:
                node_table = TABLES[f.refers]
                for row in list(self.tables[table.name].values()):
                    if row[f.name] is not None:
                        empty: Row = {each.name: None for each in node_table.fields}
                        made = empty | {node_table.key[0]: row[f.name]}
                        self.tables[f.refers].setdefault((row[f.name],), made)


def table_row(table: Table) -> Any:
    return lambda cells: {name: typed(table[name].kind, text) for name, text in cells.items()}


def identified(table: Table, rows: Sequence[Row], stored: Mapping[Key, Row]) -> list[Row]:
    """The rows with the keys that they mean, where they leave a part of them out."""
    if table is FRIENDSHIPS:
        known = {key for key in stored if key[0] > key[1]}
        known |= {ends(row) for row in rows if row.get("directed") and ends(row) > ends(row)[::-1]}
        return [row | dict(zip(table.key, directed(row, known), strict=True)) for row in rows]
    if table is MEMBERSHIPS:
        known = [*stored.values(), *(row for row in rows if "since" in row)]
        return [row if "since" in row else row | {"since": latest(row, known)} for row in rows]
    return list(rows)


def ends(row: Row) -> tuple[str, str]:
    return row["customer_id"], row["friend_id"]


def directed(row: Row, known: Collection[Key]) -> tuple[str, ...]:
    """The ends of a friendship: the smaller id first, if it does not go from one to the other."""
    way = row.get("directed", ends(row) in known)
    return ends(row) if way else tuple(sorted(ends(row)))


def latest(row: Row, known: Sequence[Row]) -> datetime | None:
    same = [k for k in known if all(k[c] == row[c] for c in ("customer_id", "program"))]
    return max((k["since"] for k in same if k["since"] is not None), default=None)


def is_end(table: Table, column: str, row: Row) -> bool:
    """Whether a row lies in the graph as a relationship from or to what this column names."""
    if table.name == "events":
        return column == "customer_id" or (column == "product_id" and row["kind"] == VIEW)
    return any(
        column in (part.columns.get("source"), part.columns.get("target"))
        for part in table.parts
        if not isinstance(part.element, NodeType)
    )
