"""Converts staged tables to rows of the graph, label by label, in writing order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from followsuit.graph.duck import TYPES, open_duck
from followsuit.graph.schema import RESULTS, Col, Element, NodeType, RelationshipType
from followsuit.graph.tables import NODE_TABLES, TABLES, Part, Table
from followsuit.loaders.staging.spill import write_parquet


@dataclass(frozen=True)
class Step:
    """One element to write: a part of a table, or without a part, nodes that others refer to."""

    table: Table
    element: Element
    part: Part | None

    @property
    def name(self) -> str:
        """A unique name of the step within a load."""
        element = self.element
        ends = f"-{element.target.label}" if isinstance(element, RelationshipType) else ""
        if element in RESULTS:  # it has the label of another element
            ends = f"-{self.table.marks}"
        return f"{self.table.name}-{element.name}{ends}"


def steps(delivered: Mapping[str, Sequence[str]], mentioned: set[str]) -> list[Step]:
    """The steps of a load, nodes before relationships.

    Args:
        delivered: the staged tables, with their delivered columns.
        mentioned: the node tables that are made from the references of the staged tables.
    """
    all_steps = [Step(t, t.parts[0].element, None) for t in TABLES.values() if t.name in mentioned]
    all_steps += [
        Step(t, p.element, p)
        for t in TABLES.values()
        if t.name in delivered
        for p in t.parts
        if _only_holds(t, p) in (None, *delivered[t.name])
    ]
    return sorted(all_steps, key=lambda step: isinstance(step.element, RelationshipType))


def _only_holds(table: Table, part: Part) -> str | None:
    """The single column that a part holds, such as a node's city; None if it holds more."""
    element = part.element
    if isinstance(element, NodeType):
        return None if element.key == table.key[0] else part.columns[element.key]
    return part.columns[Col.TARGET] if element.key == (Col.SOURCE,) else None


def write_rows(step: Step, staged: dict[str, Path], path: Path, memory: int) -> None:
    """Write a step's rows, in the element's columns, to a Parquet file.

    Args:
        step: one of `steps`.
        staged: the Parquet file of every staged table.
        path: the file to write.
        memory: limit in bytes.
    """
    if step.part is None:
        needed, sql = staged, _of_mentions(step.table, staged)
    else:
        needed = {step.table.name: staged[step.table.name]}
        sql = _of_part(step.table, step.part)
    with open_duck(memory, path.parent, **needed) as db:
        # LadybugDB copies relationships a quarter faster if they are sorted by source.
        write_parquet(db, f'{sql} ORDER BY "{step.element.arrow_schema().names[0]}"', path)


def _of_part(table: Table, part: Part) -> str:
    """The query for a part's rows; its text contains only names from the schema."""
    element = part.element
    values = ", ".join(f'"{part.columns[c]}" AS "{c}"' for c in element.arrow_schema().names)
    where = ["TRUE"]
    if part.split is not None:
        where.append(table.split if part.split else f"NOT {table.split}")
    if isinstance(element, NodeType) and len(part.columns) == 1:
        where.append(f'"{element.key}" IS NOT NULL')
        return f"SELECT DISTINCT {values} FROM {table.name} WHERE {' AND '.join(where)}"
    return f"SELECT {values} FROM {table.name} WHERE {' AND '.join(where)}"


def _of_mentions(table: Table, staged: dict[str, Path]) -> str:
    node = table.parts[0].element
    assert isinstance(node, NodeType)
    keys = " UNION ALL ".join(
        f'SELECT "{column}" AS "{node.key}" FROM {other} WHERE "{column}" IS NOT NULL'
        for other, column in mentions(table.name, staged)
    )
    names = ", ".join(
        f'"{c}"' if c == node.key else f'NULL::{TYPES[t]} AS "{c}"' for c, t in node.columns.items()
    )
    return f"SELECT DISTINCT {names} FROM ({keys})"


def mentions(node_table: str, tables: Iterator[str] | dict[str, Path]) -> list[tuple[str, str]]:
    """(table, column) of every reference to a node table in these tables."""
    return [(t, f.name) for t in tables for f in TABLES[t].fields if f.refers == node_table]


def mentioned(delivered: set[str], known: set[str]) -> set[str]:
    """The node tables to make from references: not delivered now, and not known from before."""
    return {t for t in NODE_TABLES if t not in delivered | known and mentions(t, iter(delivered))}
