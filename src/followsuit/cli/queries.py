"""`query` and `cypher`: questions to the graph."""

import csv
import io
import json
import math
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from followsuit.cli.app import OutputError, ParamOption, StoreOption, app, open_shop, to_write

if TYPE_CHECKING:
    import pyarrow as pa

    from followsuit.queries.library import LibraryQuery


class Format(StrEnum):
    """How the rows of an answer are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help=r"Of the answer. \[default: table, or what --out ends in]"),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", callback=to_write, help="Write the answer to this file.")
]


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
        sys.stdout.write("".join(map(_described, library().values())))
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


def _described(query: "LibraryQuery") -> str:
    """A query's name and question, and below it its parameters."""
    given = [
        p.name if p.default is None else f"{p.name}={p.default}" for p in query.parameters
    ]  # fmt: skip
    return f"{query.name:26} {query.question}\n" + (f"{'':26} {' '.join(given)}\n" if given else "")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is no KEY=VALUE.", param_hint="--param")
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
    suffix = out.suffix.removeprefix(".").lower() if out else ""
    chosen = file_format or (Format(suffix) if suffix in set(Format) else Format.TABLE)
    if chosen is Format.PARQUET and out is None and sys.stdout.isatty():
        raise OutputError("Parquet is not for the screen. Name a file with --out.")
    if chosen is Format.TABLE and rows.num_rows * rows.num_columns > _DRAWN:
        raise OutputError(
            f"The answer has {rows.num_rows:,} rows, too many for a table. Choose --format csv, "
            "json or parquet, or ask for fewer rows."
        )
    if out is None:
        _encode(rows, chosen, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with out.open("wb") as file:
            _encode(rows, chosen, file)


def _encode(rows: "pa.Table", file_format: Format, file: IO[bytes]) -> None:
    match file_format:
        case Format.PARQUET:
            import pyarrow.parquet as pq

            pq.write_table(rows, file)
        case Format.JSON:
            start = "["
            for batch in rows.to_batches(_FEW):
                for row in batch.to_pylist():
                    file.write((start + json.dumps(_jsonable(row), ensure_ascii=False)).encode())
                    start = ", "
            file.write(b"[]\n" if start == "[" else b"]\n")
        case Format.CSV:
            text = io.TextIOWrapper(file, "utf-8", newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(rows.column_names)
            for batch in rows.to_batches(_FEW):
                writer.writerows(zip(*map(_cells, batch.columns), strict=True))
            text.detach()
        case Format.TABLE:
            file.write(drawn(rows).encode())


def _cells(column: "pa.Array") -> Sequence[object]:
    """A column's values as cells; numbers and text are written as they are, null as nothing."""
    import pyarrow.types as pt

    plain = any(is_so(column.type) for is_so in (pt.is_integer, pt.is_floating, pt.is_string))
    values: list[object] = column.to_pylist()
    return values if plain else [_text(value) for value in values]


def _jsonable(value: object) -> object:
    """A value of Arrow's as JSON has it: times in ISO 8601, what is no number null."""
    match value:
        case dict():
            return {str(k): _jsonable(v) for k, v in value.items()}
        case list() | tuple():
            return [_jsonable(v) for v in value]
        case float() if not math.isfinite(value):
            return None
        case None | bool() | int() | float() | str():
            return value
        case date():
            return value.isoformat()
    return str(value)


def _text(value: object) -> str:
    """A value of Arrow's as a cell: nothing for null, lists and maps as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        return json.dumps(_jsonable(value), ensure_ascii=False)
    return value.isoformat() if isinstance(value, date) else str(value)


def drawn(rows: "pa.Table") -> str:
    """Rows as a table for people: as wide as the screen, or as it takes where there is none."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    cells = [[_text(v) for v in row.values()] for row in rows.to_pylist()]
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, name in enumerate(rows.column_names):
        longest = max((len(row[i]) for row in cells), default=0)
        short = longest <= _SHORT
        table.add_column(name, overflow="fold", no_wrap=short, min_width=None if short else _SHORT)
    for row in cells:
        table.add_row(*row)
    screen = Console(file=sys.stdout).width if sys.stdout.isatty() else _WIDE
    # Rather too wide for the screen than with less in it.
    least = Console(width=_ENDLESS).measure(table).minimum
    console = Console(file=io.StringIO(), width=max(screen, least), highlight=False)
    with console.capture() as captured:
        console.print(table, markup=False)
        console.print(f"{rows.num_rows:,} row{'' if rows.num_rows == 1 else 's'}", markup=False)
    return captured.get()


_DRAWN = 50_000
"""Values up to which an answer is drawn as a table: beyond, that takes minutes to make and hours to
read."""
_FEW = 10_000
"""Rows that are objects of Python at a time: as such they take many times the memory."""
_SHORT = 20
"""Characters of a cell up to which it is never folded."""
_WIDE = 200
_ENDLESS = 100_000
