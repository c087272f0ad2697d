"""Where commands print: results, and on standard error what is said beside them."""

import sys

from rich.console import Console

console = Console(stderr=True, highlight=False)
WIDE = 160
"""Columns of text where no screen says how many there are."""


def results(to_stderr: bool = False) -> Console:
    """Where a result is shown; on standard error where its JSON goes to standard output."""
    seen = (sys.stderr if to_stderr else sys.stdout).isatty()
    return Console(stderr=to_stderr, width=None if seen else WIDE, highlight=False)


def complain(message: str) -> None:
    """Say what went wrong, in one line."""
    line = " ".join(message.splitlines())
    console.print(f"followsuit: {line}", style="red", markup=False, soft_wrap=True)


def warn(message: str) -> None:
    """Tell the user something that asks for action, so that it stands out."""
    console.print(f"WARNING: {message}", style="bold red", markup=False, soft_wrap=True)


def say(message: str) -> None:
    """Tell the user something beside the result."""
    console.print(message, markup=False, soft_wrap=True)
