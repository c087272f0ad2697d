"""Progress bars on a terminal; in a log, one line per long step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from followsuit.cli.screen import console, say
from followsuit.core.progress import Advance

_LONG = 2.0
"""Steps longer than this many seconds get a line in a log."""

_bars = Progress(
    SpinnerColumn(),
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    console=console,
    transient=True,
)


@contextmanager
def show(name: str, total: int | None = None) -> Iterator[Advance]:
    """The progress callback of the command line."""
    began = time.monotonic()
    if not console.is_terminal:
        done = 0

        def count(units: int) -> None:
            nonlocal done
            done += units

        yield count
        if (took := time.monotonic() - began) > _LONG:
            say(f"{name}: {done:,} in {took:.0f} s" if done else f"{name}: {took:.0f} s")
        return
    first = not _bars.tasks
    if first:
        _bars.start()
    task = _bars.add_task(name, total=total)
    try:
        yield lambda units: _bars.advance(task, units)
    finally:
        _bars.remove_task(task)
        if first:
            _bars.stop()
