"""`schema`: shows the graph, and how the Cypher of the two engines differs."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import app
from followsuit.cli.tables import drawn

if TYPE_CHECKING:
    from followsuit.graph.description.dialects import Difference
    from followsuit.graph.description.elements import Label, Property, Relationship

_RESERVED = ("table",)
"""Names of properties that the embedded engine reads as a word of Cypher without backticks."""


class SchemaFormat(StrEnum):
    """The format of the schema."""

    TABLE = "table"
    JSON = "json"
    CYPHER = "cypher"


@app.command(epilog="Example: followsuit schema --format json")
def schema(
    file_format: Annotated[
        SchemaFormat,
        typer.Option(
            "--format",
            help="Tables for people, JSON, or a Cypher query per label and relationship type.",
        ),
    ] = SchemaFormat.TABLE,
) -> None:
    """Show labels, relationship types and properties, and how the engines' Cypher differs."""
    write = {
        SchemaFormat.TABLE: _as_tables,
        SchemaFormat.JSON: _as_json,
        SchemaFormat.CYPHER: _as_cypher,
    }
    sys.stdout.write(write[file_format]())


def _as_json() -> str:
    from followsuit.graph.description.dialects import differences
    from followsuit.graph.description.elements import labels, relationships

    content = {
        "labels": [asdict(label) for label in labels()],
        "relationships": [
            asdict(kind) | {"ends": [[source.name, target.name] for source, target in kind.ends]}
            for kind in relationships()
        ],
        "differences": [asdict(one) for one in differences()],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _as_tables() -> str:
    import pyarrow as pa

    from followsuit.graph.description.dialects import differences
    from followsuit.graph.description.elements import labels, relationships

    def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        return drawn(pa.table(columns, names=list(header)))

    properties = ("property", "type", "unit")
    dialects = [(d.topic, d.neo4j, d.embedded, d.both.replace("`", "")) for d in differences()]
    parts = [
        table(("label", *properties), [row for label in labels() for row in _rows(label)]),
        table(
            ("relationship", *properties),
            [row for kind in relationships() for row in _rows(kind)],
        ),
        table(("difference", "on Neo4j", "on the embedded engine", "on both"), dialects),
        "".join(f"{text}\n" for one in differences() for text in _examples(one)),
    ]
    return "\n".join(parts)


def _rows(element: "Label | Relationship") -> Iterator[tuple[str, ...]]:
    """The properties of a label or relationship type, below a row with what it is."""
    yield element.name, "", "", element.meaning
    for pattern in _patterns(element):
        yield pattern, "", "", ""
    for one in element.properties:
        yield "", one.name + " (key)" * one.key, one.type, one.unit


def _patterns(element: "Label | Relationship") -> list[str]:
    return [f"({source.name})→({target.name})" for source, target in getattr(element, "ends", ())]


def _examples(one: "Difference") -> Iterator[str]:
    for engine, query in (("Neo4j", one.on_neo4j), ("the embedded engine", one.on_embedded)):
        yield f"{one.topic}, on {engine}:"
        yield "".join(f"  {line}\n" for line in query.splitlines())


def _as_cypher() -> str:
    """One query per label and pair of labels that both engines run, and the differences."""
    from followsuit.graph.description.dialects import differences
    from followsuit.graph.description.elements import labels, relationships

    parts = [
        "// Every query runs on both engines.",
        *(_commented(label) + _of_label(label) for label in labels()),
        *(_commented(kind) + "".join(_of_ends(kind)) for kind in relationships()),
        *(_comment(text) for one in differences() for text in _examples(one)),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _commented(element: "Label | Relationship") -> str:
    lines = [f"{element.name}: {element.meaning}", *map(_described, element.properties)]
    return _comment("\n".join(lines))


def _comment(text: str) -> str:
    return "".join(f"// {line}\n" for line in text.splitlines())


def _described(one: "Property") -> str:
    parts = [one.type, one.unit, "key" if one.key else ""]
    return f"  {one.name}: {', '.join(part for part in parts if part)}"


def _of_label(label: "Label") -> str:
    values = [_value("n", p.name, p.name) for p in label.properties]
    return f"MATCH (n:{label.name})\nRETURN {', '.join(values)} LIMIT 10;\n"


def _of_ends(kind: "Relationship") -> Iterator[str]:
    for source, target in kind.ends:
        values = [
            _value("a", source.properties[0].name, "source"),
            _value("b", target.properties[0].name, "target"),
            *(_value("r", p.name, p.name) for p in kind.properties),
        ]
        yield (
            f"MATCH (a:{source.name})-[r:{kind.name}]->(b:{target.name})\n"
            f"RETURN {', '.join(values)} LIMIT 10;\n"
        )


def _value(variable: str, name: str, alias: str) -> str:
    return f"{variable}.{_quoted(name)} AS {_quoted(alias)}"


def _quoted(name: str) -> str:
    return f"`{name}`" if name in _RESERVED else name
