"""Fits tables into a width: columns are folded between words, or each row is stacked."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

NARROWEST = 20
"""Columns are folded to this many characters or more."""
ENDLESS = 100_000


def fit(
    table: "Table", width: int, *, stack: bool = True, narrowest: int = NARROWEST
) -> "RenderableType":
    """Fit a table into a width without cutting a cell.

    Columns with `no_wrap` are never folded, and words of the others never broken.

    Args:
        table: a table whose cells are strings without markup; its columns get a width.
        width: the width in characters.
        stack: stack the rows if the columns don't fit; else the table gets wider.
        narrowest: fold columns to this many characters or more.

    Returns:
        The table, or a block of lines for each row: each with a column's name and the value.
    """
    whole = [_longest(lines) for lines in _columns(table, str.splitlines)]
    words = [_longest(lines) for lines in _columns(table, str.split)]
    least = [
        most if column.no_wrap else max(word, min(most, narrowest))
        for column, most, word in zip(table.columns, whole, words, strict=True)
    ]
    between = _width(table) - sum(whole)
    spare = width - between - sum(least)
    if spare < 0 and stack:
        return _stacked(table, width)
    # Columns that need the least more get it first; the rest share what is left.
    columns = sorted(range(len(whole)), key=lambda i: whole[i] - least[i])
    for done, i in enumerate(columns):
        more = min(whole[i] - least[i], max(spare, 0) // (len(columns) - done))
        table.columns[i].width = least[i] + more
        spare -= more
    return table


def print_table(console: "Console", table: "Table") -> None:
    """Print a table that fits the terminal; without a terminal, it is as wide as it needs."""
    seen = console.file.isatty()
    fitted = fit(table, console.width, stack=seen)
    if not seen:
        console.width = max(console.width, _width(fitted))
    console.print(fitted, markup=False)


def _width(content: "RenderableType") -> int:
    """The width that content takes if it isn't folded."""
    from rich.console import Console

    return Console(width=ENDLESS, markup=False, emoji=False).measure(content).maximum


def _columns(table: "Table", split: Callable[[str], list[str]]) -> list[list[str]]:
    """The parts of each column's cells, and of its header."""
    return [
        [part for cell in (column.header, *column.cells) for part in split(str(cell).expandtabs())]
        for column in table.columns
    ]


def _longest(parts: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, parts), default=0)


def _stacked(table: "Table", width: int) -> "RenderableType":
    """Each row as lines of a name and a value, with a blank line between rows."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    names = [str(column.header) for column in table.columns]
    longest = max(_longest([name]) for name in names)
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(width=min(longest, width // 2), overflow="fold")
    grid.add_column(width=max(width - min(longest, width // 2) - _GAP, 1), overflow="fold")
    for i, row in enumerate(zip(*(column.cells for column in table.columns), strict=True)):
        if i:
            grid.add_row()
        for name, cell in zip(names, row, strict=True):
            grid.add_row(name, cell)
    title = [Text(str(table.title)), Text()] if table.title else []
    return Group(*title, grid, *([Text()] if grid.rows else []))


_GAP = 2
"""Blanks between a name and its value."""
