"""The files and the command of Neo4j's offline import, which writes a database's files anew."""

import glob
import json
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from followsuit.graph import schema as g
from followsuit.graph.duck import open_duck
from followsuit.graph.schema import Col, Element, NodeType

_TYPES = {
    g.TEXT: "string",
    g.TIME: "datetime",
    g.DATE: "date",
    g.NUMBER: "double",
    g.WHOLE: "long",
    g.BOOLEAN: "boolean",
    g.VECTOR: "double[]",
    g.TEXTS: "string[]",
}
_BETWEEN = 31
"""The character between the items of a list, which no text has."""
EMPTY = chr(30)
"""The only item of a list without items: the import drops those."""
ARGUMENTS = "arguments.txt"
"""The file of the import's arguments."""


def notes_after_import(notes: pa.Table) -> pa.Table:
    """The store's notes that the import writes: the next session makes the schema again."""
    changed = {"unrewritten": None, "imported": True, "upgrading": True}
    kept = notes.filter(pc.invert(pc.is_in(notes[Col.KEY], pa.array(changed))))
    added = {key: json.dumps(value) for key, value in changed.items() if value is not None}
    new = pa.table({Col.KEY: list(added), Col.VALUE: list(added.values())}, schema=kept.schema)
    return pa.concat_tables([kept, new])


def write_csv(element: Element, rows: Path, folder: Path, memory: int) -> str:
    """Write an element's rows as CSV, with a header file.

    Args:
        element: the label or relationship type of the rows.
        rows: a Parquet file of the rows.
        folder: the folder for both files.
        memory: limit in bytes.

    Returns:
        The argument that names the files.
    """
    node = isinstance(element, NodeType)
    ends = [] if isinstance(element, NodeType) else [element.source.label, element.target.label]
    stem = "-".join([element.name, *ends])
    header, data = folder / f"{stem}-header.csv", folder / f"{stem}.csv"
    header.write_text(",".join(_heads(element)) + "\n")
    values = ", ".join(
        _value(name, element.arrow_schema().field(name).type)
        for name in element.arrow_schema().names
    )
    with open_duck(memory, folder) as db:
        relation = db.read_parquet(glob.escape(str(rows)))
        relation.project(values).write_csv(str(data), header=False)
    return f"--{'nodes' if node else 'relationships'}={element.name}={header.name},{data.name}"


def _heads(element: Element) -> list[str]:
    kinds = element.arrow_schema()
    heads = [f"{name}:{_TYPES[kinds.field(name).type]}" for name in kinds.names]
    if isinstance(element, NodeType):
        return [f"{element.key}:ID({element.label})", *heads[1:]]
    ends = [f":START_ID({element.source.label})", f":END_ID({element.target.label})"]
    return [*ends, *heads[2:]]


def _value(name: str, kind: object) -> str:
    """The SQL of a column's value in the file."""
    if kind == g.TIME:
        text = f"strftime(\"{name}\" AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
        return f'{text} AS "{name}"'
    if kind in (g.VECTOR, g.TEXTS):
        items = f'array_to_string("{name}", chr({_BETWEEN}))'
        return f'CASE WHEN len("{name}") = 0 THEN chr({ord(EMPTY)}) ELSE {items} END AS "{name}"'
    return f'"{name}"'


def write_arguments(arguments: list[str], folder: Path) -> None:
    """Write the file of the import's arguments."""
    common = [
        "--overwrite-destination",
        "--multiline-fields=true",
        f"--array-delimiter=U+{_BETWEEN:04X}",
        "--bad-tolerance=0",
    ]
    (folder / ARGUMENTS).write_text("\n".join([*common, *arguments]) + "\n")


def commands(database: str, folder: Path) -> list[str]:
    """The commands to run on the server's machine, in order; the folder may be copied there."""
    return [
        "neo4j stop",
        f"cd {shlex.quote(str(folder))}",
        f"neo4j-admin database import full {database} @{ARGUMENTS}",
        "neo4j start",
    ]
