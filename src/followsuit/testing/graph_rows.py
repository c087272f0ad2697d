"""Rows of the graph for tests, and the rows that a store holds."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.schema import Element, NodeType
from followsuit.graph.store import GraphStore

Record = dict[str, Any]
Content = dict[tuple[Any, ...], Record]
"""Rows by key."""

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def rows(element: Element, *records: Mapping[str, Any]) -> pa.Table:
    """Rows of an element; columns that a record leaves out are empty."""
    schema = element.arrow_schema()
    for record in records:
        assert record.keys() <= set(schema.names), (element.name, record)
    return pa.Table.from_pylist([dict(record) for record in records], schema=schema)


def nodes(node: NodeType, *keys: str) -> pa.Table:
    """Nodes with these keys and no other values."""
    return rows(node, *({node.key: key} for key in keys))


def key_of(element: Element) -> tuple[str, ...]:
    """The columns of an element's key."""
    return (element.key,) if isinstance(element, NodeType) else element.key


def by_key(element: Element, table: pa.Table) -> Content:
    """Rows by their key; fails if a key occurs twice."""
    content = {tuple(record[c] for c in key_of(element)): record for record in table.to_pylist()}
    assert len(content) == table.num_rows, f"a key occurs twice in {element.name}"
    return content


def stored(store: GraphStore, element: Element) -> Content:
    """The rows of an element that a store holds, by key."""
    table = store.read(element)
    assert table.num_rows == store.count(element)
    return by_key(element, table)


def sample(element: Element, number: int) -> Record:
    """A complete row of an element.

    The ends of a relationship are the `sample` nodes with the same number. A friendship goes from
    each of three customers to the next.
    """
    values: dict[pa.DataType, Any] = {
        g.TEXT: f"text {number}",
        g.TIME: NOON + timedelta(days=number, microseconds=number),
        g.DATE: date(1980, 1, 1) + timedelta(days=number),
        g.NUMBER: number + 0.25,
        g.WHOLE: number * 1_000_003,
        g.BOOLEAN: number % 2 == 0,
        g.VECTOR: [number + 0.25, -0.5, 2.0**-20],
        g.TEXTS: [f"text {number}", "ü"],
    }
    schema = element.arrow_schema()
    record = {c: values[t] for c, t in zip(schema.names, schema.types, strict=True)}
    if isinstance(element, NodeType):
        return record | {element.key: f"{element.label} {number}"}
    other = (number + 1) % 3 if element.source == element.target else number
    return record | {
        "source": f"{element.source.label} {number}",
        "target": f"{element.target.label} {other}",
    }


def samples(element: Element, count: int = 3) -> pa.Table:
    """Some complete rows of an element; see `sample`."""
    return rows(element, *(sample(element, number) for number in range(count)))
