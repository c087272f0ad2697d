"""`query` and `cypher`: query the graph."""

import json
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from followsuit.cli.app import ParamOption, StoreOption, app, open_shop, to_write
from followsuit.cli.screen import say
from followsuit.cli.tables import ENDINGS, Format, format_of, write_rows

if TYPE_CHECKING:
    from followsuit.queries.library import LibraryQuery

FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format", help=r"Format of the answer. \[default: the ending of --out, else table]"
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        callback=to_write,
        help=f"Write the answer to this file; without --format, {ENDINGS}. "
        "Amounts are in minor units (hundredths).",
    ),
]


@app.command(epilog="Example: followsuit query friends-recent-purchases --param customer_id=c0042")
def query(
    name: Annotated[
        str | None, typer.Argument(help="A query of the library; without it, list all queries.")
    ] = None,
    param: ParamOption = None,
    store: StoreOption = None,
    file_format: FormatOption = None,
    out: OutOption = None,
) -> None:
    """Run a query of the library.

    A table shows amounts in major units (12.16), every other format in minor units (hundredths).
    """
    from followsuit.queries.empty import why_empty
    from followsuit.queries.library import library
    from followsuit.queries.runner import run_query

    if name is None:
        sys.stdout.write("".join(map(_described, library().values())))
        return
    format_of(out, file_format)
    shop = open_shop(store)
    values = dict(_pair(p) for p in param or ())
    rows = run_query(shop.store, name, values, now=datetime.now(UTC), timeout=shop.timeout)
    write_rows(rows, file_format, out)
    if not rows.num_rows and (why := why_empty(shop.store, name, values)):
        say(why)


@app.command(
    epilog="Example: followsuit cypher 'MATCH (c:Customer)-[:HOLDS]->(p) RETURN p.program AS "
    "program, count(*) AS n LIMIT $n' --param n=10"
)
def cypher(
    text: Annotated[
        str, typer.Argument(help="A read-only Cypher query, with $NAME for parameters.")
    ],
    param: ParamOption = None,
    store: StoreOption = None,
    file_format: FormatOption = None,
    out: OutOption = None,
) -> None:
    """Run your own Cypher query; it can't change the graph or access files.

    Amounts are in minor units (hundredths), in tables too.

    A parameter is parsed as JSON if possible (10, true, "10"), else it is text. A number that the
    query compares with an id or another text property is text too. You can give a type:
    --param id:text=10, --param since:time=2025-12-31.
    """
    from followsuit.queries.runner import run_cypher
    from followsuit.queries.text_parameters import text_parameters

    format_of(out, file_format)
    shop = open_shop(store)
    texts = text_parameters(text)
    values = dict(_guessed(p, texts) for p in param or ())
    rows = run_cypher(shop.store, text, values, timeout=shop.timeout)
    write_rows(rows, file_format, out)
    if not rows.num_rows:
        for name in _equal_numbers(text, param or (), values):
            say(f"{name} is a number. For text, such as an id, write --param {name}:text=...")


def _described(query: "LibraryQuery") -> str:
    """A query's name and question; below, its parameters and whose data it shows."""
    given = [p.name if p.default is None else f"{p.name}={p.default}" for p in query.parameters]
    lines = [" ".join(given)] if given else []
    lines.append(f"Shows {query.shows}.")
    return f"{query.name:26} {query.question}\n" + "".join(f"{'':26} {line}\n" for line in lines)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} isn't KEY=VALUE.", param_hint="--param")
    return name, value


def _guessed(text: str, texts: Collection[str]) -> tuple[str, Any]:
    """The name and value of a parameter; numbers stay text for the names in `texts`."""
    from followsuit.queries.library import typed

    name, value = _pair(text)
    name, colon, kind = name.partition(":")
    if colon:
        return name, typed(name, value, kind)
    try:
        if name in texts:
            return name, json.loads(value, parse_int=str, parse_float=str)
        return name, json.loads(value)
    except ValueError:
        return name, value


def _equal_numbers(text: str, param: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """The parameters without a type that became numbers and that the query looks for."""
    numbers = [n for p in param if type(values.get(n := _pair(p)[0])) in (int, float)]
    return [n for n in numbers if re.search(rf"[=:]\s*\${n}\b|\${n}\s*=", text)]
