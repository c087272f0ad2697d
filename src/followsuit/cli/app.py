"""The application of all commands, and their common options."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from followsuit import __version__
from followsuit.cli.screen import LogFormat, set_format, set_quiet
from followsuit.core.errors import FollowsuitError

if TYPE_CHECKING:
    from followsuit.api import Shop


_shared = typer.Typer(add_completion=False)
"""A command that only has the options of all commands."""


@_shared.command()
def _log_options(
    log_format: Annotated[
        LogFormat | None,
        typer.Option(
            callback=set_format,
            expose_value=False,
            is_eager=True,
            show_default=False,
            help="Write each message as a line of a log, with its time and level.",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            callback=set_quiet,
            expose_value=False,
            is_eager=True,
            help="Show no progress, and only warnings and errors.",
        ),
    ] = False,
) -> None:
    """The options of messages."""


class _Command(TyperCommand):
    """A command with the options of messages."""

    def __init__(self, *args: Any, params: list[Any] | None = None, **options: Any) -> None:
        super().__init__(*args, params=[*(params or ()), *get_command(_shared).params], **options)


class Commands(typer.Typer):
    """A group of commands that all have the options of messages."""

    def command(  # noqa: D102
        self, name: str | None = None, **options: Any
    ) -> Callable[[Any], Any]:
        return super().command(name, **{"cls": _Command, **options})


PANELS = {
    "Start": ("demo", "simulate", "load", "doctor"),
    "Offers": ("score", "why", "why-not", "runs", "handoff", "trigger", "backtest"),
    "Look into the graph": ("query", "cypher", "schema"),
    "Influence and taste": ("influence", "gnn"),
    "Customers' rights": ("access", "correct", "consent", "forget", "prune", "privacy"),
}
"""The commands, in the order of the help, by the panel that it shows them in."""


class _InPanels(TyperGroup):
    """The group of all commands, in the order and the panels of `PANELS`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        panel_of = {name: panel for panel, names in PANELS.items() for name in names}
        for name, command in self.commands.items():
            command.rich_help_panel = panel_of[name]  # type: ignore[attr-defined]
        self.commands = {name: self.commands[name] for name in panel_of}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(self.commands)


app = Commands(
    name="followsuit",
    cls=_InPanels,
    help="A graph-based social-influence recommender for retailers.",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Example: followsuit demo, then followsuit COMMAND --help.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|bolt://…|neo4j://…",
        help=r"A file for the embedded engine or a Neo4j server. \[default: followsuit.lbug]",
        show_default=False,
    ),
]


class OutputError(FollowsuitError):
    """The result can't be written to this path, or in this format."""


def to_write(path: Path | None) -> Path | None:
    """Check that a result can be written to a path, before the work starts.

    An existing file becomes private to its owner, like a new one.
    """
    if path is None:
        return None
    if str(path) == "-":
        raise OutputError("- isn't a file, and this output can't be printed. Name a file.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder. Name a file to write to.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent} to write {path.name} into. Make it.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OutputError(f"{path} may not be written. Name another file.")
    if path.is_file():
        from followsuit.core.files import make_private

        make_private(path.resolve())
    return path


def _to_print_or_write(path: Path | None) -> Path | None:
    return path if str(path) == "-" else to_write(path)


JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        callback=_to_print_or_write,
        help="Write the report as JSON; - prints it.",
    ),
]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", metavar="KEY=VALUE", help="A parameter of the query.")
]
AsOfOption = Annotated[
    str,
    typer.Option(
        "--as-of", metavar="DATE", help="Use only what was known by 00:00 UTC of this day."
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Random seed.")]
RefreshOption = Annotated[
    bool, typer.Option("--refresh", help="Read the server again, after other programs wrote to it.")
]


def open_shop(store: str | None) -> "Shop":
    """Open the shop that the options, the environment and `followsuit.toml` name."""
    from followsuit.api import Shop
    from followsuit.cli.progress import show
    from followsuit.config import read_settings

    return Shop(read_settings(store=store), show)


def write_json(content: object, path: Path | None) -> None:
    """Write a report as JSON to the path of `--json`, if it is given."""
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
    """Find the offer that fits each customer's moment, and say why."""
