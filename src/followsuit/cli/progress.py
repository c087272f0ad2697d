"""Progress bars on a terminal; in a log, one line per long step that isn't part of another."""

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

from followsuit.cli.screen import console, is_quiet, say, shows_bars
from followsuit.core.progress import Advance

_LONG = 2.0
"""Steps longer than this many seconds get a line in a log."""

_under_way: list[str] = []
"""The names of the steps under way in a log, the outermost first."""

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
    if is_quiet():
        yield lambda _units: None
        return
    if not shows_bars():
        with _logged(name):
            yield lambda _units: None
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


@contextmanager
def _logged(name: str) -> Iterator[None]:
    """Say how long a step took, unless it was short or part of another step."""
    began = time.monotonic()
    _under_way.append(name)
    try:
        yield
    finally:
        _under_way.pop()
    took = time.monotonic() - began
    if took > _LONG and not _under_way:
        say(f"{name}: {took:.0f} s")
