"""A load in a process of its own, which tells how much memory it took.

    python measured.py STORE FOLDER LIMIT MEMORY

prints the bytes that it grew by, and what each table has read and loaded.
"""

import resource
import sys
from pathlib import Path

import followsuit.api  # noqa: F401  what is imported counts as before
from followsuit.graph.connect import connect
from followsuit.loaders.load import load


def peak() -> int:
    """The most bytes that the process has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    before = peak()
    store, folder, limit, memory = sys.argv[1:]
    report = load(connect(Path(store), memory=int(memory)), folder, memory=int(limit))
    counted = [n for c in report.tables.values() for n in (c.read, c.loaded)]
    sys.stdout.write(" ".join(map(str, [peak() - before, *counted])))
