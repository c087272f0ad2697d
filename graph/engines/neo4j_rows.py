"""Rows of Neo4j: their conversion to and from Arrow, and writing a batch in one transaction.

Times are sent as whole microseconds, which the driver packs many times faster than its own time
type; dates are sent as text.
"""

from collections.abc import Sequence
from typing import Any

import neo4j
import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.schema import Col, Element, NodeType, RelationshipType
from followsuit.graph.store import StoreError

Row = Sequence[Any]


def pattern(element: Element) -> str:
    """The pattern that matches an element as `x`, and a relationship's ends as `s` and `t`."""
    if isinstance(element, NodeType):
        return f"(x:`{element.label}`)"
    return f"(s:`{element.source.label}`)-[x:`{element.name}`]->(t:`{element.target.label}`)"


def own_key(element: RelationshipType) -> bool:
    """Whether a single column, and not its ends, identifies a relationship."""
    return len(element.key) == 1 and element.key[0] in element.columns


# Conversion from and to Arrow.


def rows_of(
    element: Element, batch: pa.RecordBatch, names: Sequence[str] | None = None
) -> list[Row]:
    """Convert a batch to rows for the driver: times as microseconds, dates as text.

    Args:
        element: the label or relationship type of the rows.
        batch: the rows.
        names: the columns, in order; None for those of `arrow_schema()`.
    """
    columns = []
    schema = element.arrow_schema()
    for name in names or schema.names:
        kind = schema.field(name).type
        sent = batch.column(name).cast(kind)
        if kind == g.TIME:
            sent = sent.cast(pa.int64())
        elif kind == g.DATE:
            sent = sent.cast(pa.string())
        columns.append(sent.to_pylist())
    return list(zip(*columns, strict=True))


def _sent_value(element: Element, name: str) -> str:
    """The Cypher that makes a column's value from the row `row`."""
    schema = element.arrow_schema()
    value = f"row[{schema.get_field_index(name)}]"
    if schema.field(name).type == g.TIME:
        # A duration of microseconds overflows beyond 292 years.
        part = f"({value} % 1000000 + 1000000) % 1000000"
        made = f"datetime.fromEpoch(({value} - {part}) / 1000000, {part} * 1000)"
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE {made} END"
    return f"date({value})" if schema.field(name).type == g.DATE else value


def _properties(element: Element) -> str:
    return ", ".join(f"`{c}`: {_sent_value(element, c)}" for c in element.columns)


def read_value(element: Element, name: str, kind: pa.DataType) -> str:
    """The Cypher that reads a column of an element that `pattern` matches, for `table_of`.

    Args:
        element: the label or relationship type.
        name: the column.
        kind: the column's type.
    """
    if isinstance(element, RelationshipType) and name == Col.SOURCE:
        return f"s.`{element.source.key}`"
    if isinstance(element, RelationshipType) and name == Col.TARGET:
        return f"t.`{element.target.key}`"
    if kind == g.TIME:
        # epochSeconds rounds up times before 1970.
        return f"x.`{name}`.epochMillis * 1000 + x.`{name}`.microsecond % 1000"
    return f"toString(x.`{name}`)" if kind == g.DATE else f"x.`{name}`"


def equal(element: RelationshipType, columns: Sequence[str]) -> str:
    """The Cypher condition that an element has the values of `row`, where empty equals empty."""
    schema = element.arrow_schema()
    conditions = []
    for i, name in enumerate(columns):
        value = read_value(element, name, schema.field(name).type)
        same = f"{value} = row[{i}]"
        # Without OR, the server can look the value up in its index.
        never_empty = name in (Col.SOURCE, Col.TARGET) or (name,) == element.key
        conditions.append(
            same if never_empty else f"({same} OR ({value} IS NULL AND row[{i}] IS NULL))"
        )
    return " AND ".join(conditions)


def table_of(rows: list[list[Any]], schema: pa.Schema) -> pa.Table:
    """Convert the rows of a result to an Arrow table."""
    arrays = []
    for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True):
        sent = pa.int64() if kind == g.TIME else pa.string() if kind == g.DATE else kind
        arrays.append(pa.array(values, sent).cast(kind))
    return pa.Table.from_arrays(arrays, schema=schema)


# One batch in one transaction.


def write_batch(
    tx: neo4j.ManagedTransaction, element: Element, rows: list[Row], known: bool
) -> None:
    """Create the new rows and update the others.

    Args:
        tx: the transaction.
        element: the label or relationship type of the rows.
        rows: the rows, see `rows_of`.
        known: whether some of the rows may exist already; if False, all rows are new.

    Raises:
        StoreError: an end of a relationship doesn't exist.
    """
    if isinstance(element, NodeType):
        _write_nodes(tx, element, rows, known)
    else:
        _write_relationships(tx, element, rows, known)


def _write_nodes(
    tx: neo4j.ManagedTransaction, node: NodeType, rows: list[Row], known: bool
) -> None:
    known_keys: set[str] = set()
    if known:
        result = tx.run(
            f"UNWIND $keys AS key MATCH (n:`{node.label}` {{`{node.key}`: key}}) "
            f"RETURN n.`{node.key}`",
            {"keys": [row[0] for row in rows]},
        )
        known_keys = {record[0] for record in result}
    _run(
        tx,
        f"UNWIND $rows AS row CREATE (:`{node.label}` {{{_properties(node)}}})",
        [row for row in rows if row[0] not in known_keys],
    )
    _run(
        tx,
        f"UNWIND $rows AS row MATCH (n:`{node.label}` {{`{node.key}`: row[0]}}) "
        f"SET n += {{{_properties(node)}}}",
        [row for row in rows if row[0] in known_keys],
    )


def _write_relationships(
    tx: neo4j.ManagedTransaction, element: RelationshipType, rows: list[Row], known: bool
) -> None:
    known_relationships = _find(tx, element, rows) if known else {}
    positions = [element.arrow_schema().get_field_index(c) for c in element.key]
    fresh, same, replaced = [], [], []
    for row in rows:
        old = known_relationships.get(tuple(row[p] for p in positions))
        if old is None or old[1:] != (row[0], row[1]):
            if row[1] is not None:
                fresh.append(row)
            if old is not None:
                replaced.append(old[0])
        else:
            same.append((*row, old[0]))
    _run(
        tx,
        f"UNWIND $rows AS id MATCH ()-[r:`{element.name}`]->() WHERE elementId(r) = id DELETE r",
        replaced,
    )
    ends = (
        f"MATCH (s:`{element.source.label}` {{`{element.source.key}`: row[0]}}) "
        f"MATCH (t:`{element.target.label}` {{`{element.target.key}`: row[1]}}) "
    )
    properties = f" {{{_properties(element)}}}" if element.columns else ""
    created = _run(
        tx, f"UNWIND $rows AS row {ends} CREATE (s)-[:`{element.name}`{properties}]->(t)", fresh
    )
    if created < len(fresh):
        raise StoreError(
            f"{element.name} can't be written: {len(fresh) - created} rows name a "
            f"{element.source.label} or {element.target.label} that is not in the store."
        )
    if element.columns:
        _run(
            tx,
            f"UNWIND $rows AS row MATCH ()-[r:`{element.name}`]->() WHERE elementId(r) = row[-1] "
            f"SET r = {{{_properties(element)}}}",
            same,
        )


def _find(
    tx: neo4j.ManagedTransaction, element: RelationshipType, rows: list[Row]
) -> dict[tuple[Any, ...], tuple[str, str, str]]:
    """The known relationships among these rows: the id and the ends' keys, by key as sent."""
    if own_key(element):
        column = element.key[0]
        match = f"MATCH (s)-[x:`{element.name}` {{`{column}`: value}}]->(t)"
        position = element.arrow_schema().get_field_index(column)
        values = [row[position] for row in rows]
    else:
        end, position = ("s", 0) if Col.SOURCE in element.key else ("t", 1)
        node = element.source if end == "s" else element.target
        match = f"MATCH ({end}:`{node.label}` {{`{node.key}`: value}}) MATCH {pattern(element)}"
        values = list(dict.fromkeys(row[position] for row in rows))
    schema = element.arrow_schema()
    own = ", ".join(
        f"{read_value(element, c, schema.field(c).type)} AS key{i}"
        for i, c in enumerate(element.key)
    )
    result = tx.run(
        f"UNWIND $values AS value {match} RETURN elementId(x), s.`{element.source.key}`, "
        f"t.`{element.target.key}`, {own}",
        {"values": values},
    )
    return {tuple(key): (id_, s, t) for id_, s, t, *key in (r.values() for r in result)}


def _run(tx: neo4j.ManagedTransaction, cypher: str, rows: Sequence[Any]) -> int:
    """Run an update; returns how many relationships it created."""
    if not rows:
        return 0
    return tx.run(cypher, {"rows": rows}).consume().counters.relationships_created
