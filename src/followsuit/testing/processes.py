"""Starts another process that holds a store or writes to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from followsuit.testing.places import Place

_PROGRAM = Path(__file__).with_name("holder.py")


@contextmanager
def another_process(place: Place, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run `holder.py ARGUMENTS` on a place; yields the process once it holds the store.

    At the end the process is killed if it is still running.
    """
    process = subprocess.Popen(
        [sys.executable, str(_PROGRAM), *map(str, arguments)],
        env={**os.environ, "FOLLOWSUIT_STORE": place.name, **place.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
