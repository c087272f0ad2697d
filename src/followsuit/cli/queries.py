"""`query` and `cypher`: questions to the graph."""

import io
import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from followsuit.cli.app import ParamOption, StoreOption, app, open_shop
from followsuit.cli.screen import say
from followsuit.graph.errors import FollowsuitError

if TYPE_CHECKING:
    import pyarrow as pa


class Format(StrEnum):
    """How the rows of an answer are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class OutputError(FollowsuitError):
    """The answer can't be written like that."""


FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="Of the answer. [default: table, or what --out ends in]"),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write the answer to this file.")]


@app.command(epilog="Example: followsuit query friends-recent-purchases --param customer_id=c0042")
def query(
    name: Annotated[
        str | None, typer.Argument(help="Of the library; without it, the library is listed.")
    ] = None,
    param: ParamOption = None,
    store: StoreOption = None,
    file_format: FormatOption = None,
    out: OutOption = None,
) -> None:
    """Run a query of the library."""
    from followsuit.queries.library import library
    from followsuit.queries.runner import run_query

    if name is None:
        for each in library().values():
            say(f"{each.name:26} {each.question}")
        return
    shop = open_shop(store)
    values = dict(_pair(p) for p in param or ())
    rows = run_query(shop.store, name, values, now=datetime.now(UTC), timeout=shop.timeout)
    write_rows(rows, file_format, out)


@app.command(
    epilog="Example: followsuit cypher 'MATCH (c:Customer)-[:HOLDS]->(p) RETURN p.program AS "
    "program, count(*) AS n LIMIT $n' --param n=10"
)
def cypher(
    text: Annotated[
        str, typer.Argument(help="A Cypher query that only reads; $NAME for parameters.")
    ],
    param: ParamOption = None,
    store: StoreOption = None,
    file_format: FormatOption = None,
    out: OutOption = None,
) -> None:
    """Run a Cypher query of your own; it can't change the graph, nor reach files.

    A parameter is read as JSON where it can be (10, true, "10"), else as text. A type can be said:
    --param id:text=10, --param since:time=2025-12-31.
    """
    from followsuit.queries.runner import run_cypher

    shop = open_shop(store)
    values = dict(_guessed(p) for p in param or ())
    write_rows(run_cypher(shop.store, text, values, timeout=shop.timeout), file_format, out)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise OutputError(f"--param {text!r} is no KEY=VALUE.")
    return name, value


def _guessed(text: str) -> tuple[str, Any]:
    from followsuit.queries.library import typed

    name, value = _pair(text)
    name, colon, kind = name.partition(":")
    if colon:
        return name, typed(name, value, kind)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def write_rows(rows: "pa.Table", file_format: Format | None, out: Path | None) -> None:
    """Write an answer to a file or the screen."""
    suffix = out.suffix.removeprefix(".") if out else ""
    chosen = file_format or (Format(suffix) if suffix in set(Format) else Format.TABLE)
    if chosen is Format.PARQUET and out is None and sys.stdout.isatty():
        raise OutputError("Parquet is not for the screen. Name a file with --out.")
    data = _encoded(rows, chosen)
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        out.write_bytes(data)


def _encoded(rows: "pa.Table", file_format: Format) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    if file_format is Format.PARQUET:
        pq.write_table(rows, buffer)
        return buffer.getvalue()
    if file_format is Format.JSON:
        return (json.dumps(rows.to_pylist(), default=_json, ensure_ascii=False) + "\n").encode()
    if file_format is Format.CSV:
        frame = pa.table({n: _flat(rows[n]) for n in rows.column_names}).to_pandas()
        frame.to_csv(buffer, index=False)
        return buffer.getvalue()
    return _drawn(rows).encode()


def _json(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _flat(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Times as ISO 8601 with their zone, lists and maps as JSON."""
    import pyarrow as pa
    import pyarrow.types as pt

    if pt.is_temporal(column.type) or pt.is_nested(column.type):
        texts = [
            None if v is None else json.dumps(v, default=_json) if isinstance(v, list | dict)
            else _json(v)
            for v in column.to_pylist()
        ]  # fmt: skip
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column


def _drawn(rows: "pa.Table") -> str:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for name in rows.column_names:
        table.add_column(name, overflow="fold")
    for row in rows.to_pylist():
        table.add_row(*("" if v is None else _json(v) for v in row.values()))
    width = None if sys.stdout.isatty() else 200
    console = Console(file=io.StringIO(), width=width, highlight=False)
    with console.capture() as captured:
        console.print(table, markup=False)
        console.print(f"{rows.num_rows:,} rows")
    return captured.get()
