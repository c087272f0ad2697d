"""Options of the commands that rank offers, and files that they name."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass


def _check_affinity(affinity: str | None) -> str | None:
    """Refuse a value that isn't blend, linear or a module:Class."""
    if affinity in (None, "blend", "linear") or ":" in str(affinity):
        return affinity
    raise typer.BadParameter(f"{affinity!r} isn't blend, linear or module:Class")


WindowOption = Annotated[
    str,
    typer.Option(
        metavar="LENGTH", help="Interactions within this time count as recent: 14d, 2w, 36h."
    ),
]
AffinityOption = Annotated[
    str | None,
    typer.Option(
        metavar="blend|linear|MODULE:CLASS",
        callback=_check_affinity,
        help="Model of own taste: the blend of models, the faster linear one, or your own.  "
        r"\[default: blend]",
        show_default=False,
    ),
]
TriggersOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=r"Your own triggers.  \[default: the setting triggers, or followsuit-triggers.toml]",
        show_default=False,
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=r"Your policy.  \[default: the setting policy, or followsuit-policy.toml]",
        show_default=False,
    ),
]
OnlyOption = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Use only these triggers.", show_default=False),
]


def names_in(text: str | None) -> list[str] | None:
    """The names in a list with commas; None for no list."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def read_customers(path: Path) -> list[str]:
    """Read customer ids from a file: one per line, or a CSV's column `customer_id`.

    Raises:
        ScoreError: the file can't be read.
    """
    from followsuit.offers.score import ScoreError

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"{path} can't be read. Name a file of customer ids.") from error
    lines = [line.strip() for line in lines if line.strip()]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, skipinitialspace=True)]
    if rows and "customer_id" in rows[0]:
        column = rows[0].index("customer_id")
        return [row[column] for row in rows[1:] if len(row) > column]
    return [_bare_id(line) for line in lines]


def _bare_id(line: str) -> str:
    """The id on a line without other columns; it may contain commas, with or without quotes."""
    row = next(csv.reader([line]))
    return row[0].strip() if len(row) == 1 else line
