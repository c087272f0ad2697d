"""The Cypher statements of LadybugDB for tables, and for copying rows from and to files."""

import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ladybug
import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.graph import schema as g
from followsuit.graph.schema import Col, Element, NodeType, RelationshipType

TYPES = {
    g.TEXT: "STRING",
    g.TIME: "TIMESTAMP_TZ",
    g.DATE: "DATE",
    g.NUMBER: "DOUBLE",
    g.WHOLE: "INT64",
    g.BOOLEAN: "BOOLEAN",
    g.VECTOR: "FLOAT[]",
    g.TEXTS: "STRING[]",
}


def run(
    connection: ladybug.Connection, cypher: str, parameters: Mapping[str, Any] | None = None
) -> pa.Table:
    """Run statements; returns the rows of the last one."""
    result = connection.execute(cypher, dict(parameters or {}))
    results = result if isinstance(result, list) else [result]
    try:
        last = results[-1]
        return last.get_as_arrow(100_000) if last.get_column_names() else pa.table({})
    finally:
        for part in results:
            part.close()


def widened(table: pa.Table) -> pa.Table:
    """Cast integers to 64 bits and times to UTC; the engine returns parameters in other types."""
    columns = []
    for column in table.columns:
        if pa.types.is_integer(column.type) and column.type.bit_width < 64:
            columns.append(column.cast(g.WHOLE))
        elif column.type == pa.timestamp("us"):
            columns.append(column.cast(g.TIME))
        else:
            columns.append(column)
    return pa.Table.from_arrays(columns, table.column_names)


def of_type(name: str) -> list[RelationshipType]:
    """The relationship types of one name, between any labels; they share a table."""
    return [r for r in g.RELATIONSHIPS if r.name == name]


def spare_name(name: str) -> str:
    """The name of the spare table that replaces a relationship type's table."""
    return f"{name}_spare"


def create_node(node: NodeType) -> str:
    """The statement that creates a label's table."""
    columns = ", ".join(f"`{c}` {TYPES[t]}" for c, t in node.columns.items())
    return f"CREATE NODE TABLE `{node.label}` ({columns}, PRIMARY KEY (`{node.key}`))"


def create_relationship(name: str, table: str) -> str:
    """The statement that creates a table for the relationships of that name."""
    pairs = [f"FROM `{r.source.label}` TO `{r.target.label}`" for r in of_type(name)]
    columns = [f"`{c}` {TYPES[t]}" for c, t in of_type(name)[0].columns.items()]
    return f"CREATE REL TABLE `{table}` ({', '.join(pairs + columns)})"


def pattern(element: Element) -> str:
    """The pattern that matches a node as `n`, or a relationship as `r` with ends `s` and `t`."""
    if isinstance(element, NodeType):
        return f"(n:`{element.label}`)"
    return f"(s:`{element.source.label}`)-[r:`{element.name}`]->(t:`{element.target.label}`)"


def copy_in(element: Element, table: str) -> str:
    """The statement that appends rows of an element to a table, with `%s` for the files."""
    columns = ", ".join(f"`{c}`" for c in element.arrow_schema().names)
    if isinstance(element, NodeType):
        return f"COPY `{table}` ({columns}) FROM (LOAD FROM [%s] RETURN {columns})"
    return (
        f"COPY `{table}` FROM (LOAD FROM [%s] WHERE `{Col.TARGET}` IS NOT NULL RETURN {columns}) "
        f"(from='{element.source.label}', to='{element.target.label}')"
    )


def copy_out(element: Element, path: Path) -> str:
    """The statement that writes all rows of an element to a file."""
    columns = element.arrow_schema().names
    if isinstance(element, NodeType):
        values, hint = [f"n.`{c}` AS `{c}`" for c in columns], ""
    else:
        ends = {
            Col.SOURCE.value: f"s.`{element.source.key}`",
            Col.TARGET.value: f"t.`{element.target.key}`",
        }
        values = [f"{ends.get(c, f'r.`{c}`')} AS `{c}`" for c in columns]
        # Without this hint the engine may hold all relationships in memory.
        hint = "HINT (s JOIN r) JOIN t "
    return f"COPY (MATCH {pattern(element)} {hint}RETURN {', '.join(values)}) TO {quoted(path)}"


def update_nodes(node: NodeType, rows: Path) -> str:
    """The statement that updates nodes from a file."""
    renamed = [f"CAST(`{c}`, '{TYPES[t]}') AS `new_{c}`" for c, t in node.columns.items()]
    sets = [f"n.`{c}` = `new_{c}`" for c in node.columns if c != node.key]
    return (
        f"LOAD FROM {quoted_source(rows)} WITH {', '.join(renamed)} MATCH (n:`{node.label}`) "
        f"WHERE n.`{node.key}` = `new_{node.key}` SET {', '.join(sets)}"
    )


def quoted(path: Path) -> str:
    """A path as a string of Cypher."""
    text = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def quoted_source(path: Path) -> str:
    """A path as a string for LOAD FROM, which treats characters such as `[` as a pattern."""
    return quoted(Path(glob.escape(str(path))))


def split_rows(
    files: list[Path], schema: pa.Schema, first: int, rest: int, folder: Path
) -> Iterator[Path]:
    """Split the rows of Parquet files into parts, with one part on disk at a time.

    Args:
        files: the files.
        schema: the columns of the parts.
        first: the maximum number of rows of the first part.
        rest: the maximum number of rows of each later part.
        folder: the folder for the current part.
    """
    part, writer, size, most = folder / "part.parquet", None, 0, first
    for file in map(pq.ParquetFile, files):
        for batch in file.iter_batches(min(first, rest, 131_072)):
            if writer is not None and size + len(batch) > most:
                writer.close()
                yield part
                writer, most = None, rest
            if writer is None:
                writer, size = pq.ParquetWriter(part, schema), 0
            writer.write_batch(batch.select(schema.names).cast(schema))
            size += len(batch)
    if writer is not None:
        writer.close()
        yield part
