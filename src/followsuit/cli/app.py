"""The application that every command hangs from, and what they share."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit import __version__

if TYPE_CHECKING:
    from followsuit.api import Shop

app = typer.Typer(
    name="followsuit",
    help="A graph-based social-influence recommender for retailers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|bolt://…|neo4j://…",
        help="A file for the embedded engine or a Neo4j server. [default: followsuit.lbug]",
        show_default=False,
    ),
]
JsonOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the report as JSON; - prints it."),
]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", metavar="KEY=VALUE", help="A parameter of the query.")
]
RefreshOption = Annotated[
    bool, typer.Option("--refresh", help="Read a server anew that others have written to.")
]


def open_shop(store: str | None) -> "Shop":
    """The shop that the options, the environment and `followsuit.toml` name."""
    from followsuit.api import Shop
    from followsuit.cli.progress import show
    from followsuit.config import read_settings

    return Shop(read_settings(store=store), show)


def write_json(content: object, path: Path | None) -> None:
    """Write a report where `--json` says; nothing without it."""
    import json

    if path is None:
        return
    text = json.dumps(content, indent=2) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        path.write_text(text)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"followsuit {__version__}")
        raise typer.Exit


@app.callback()
def _followsuit(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find the offer that the moment calls for, and say why."""
