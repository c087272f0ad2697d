"""Consoles: results go to standard output, messages to standard error."""

import sys

from rich.console import Console

console = Console(stderr=True, highlight=False)
WIDE = 160
"""Width of the output in characters if there is no terminal."""


def results(to_stderr: bool = False) -> Console:
    """The console for results; standard error if their JSON goes to standard output."""
    seen = (sys.stderr if to_stderr else sys.stdout).isatty()
    return Console(stderr=to_stderr, width=None if seen else WIDE, highlight=False)


def complain(message: str) -> None:
    """Print an error on one line."""
    line = " ".join(message.splitlines())
    console.print(f"followsuit: {line}", style="red", markup=False, soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning that needs action."""
    console.print(f"WARNING: {message}", style="bold red", markup=False, soft_wrap=True)


def say(message: str) -> None:
    """Print a message beside the result."""
    console.print(message, markup=False, soft_wrap=True)
