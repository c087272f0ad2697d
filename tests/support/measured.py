"""A load in a process of its own, which tells how much memory it took.

    python measured.py STORE FOLDER LIMIT MEMORY

prints what it had before (`ru_maxrss`), and what each table has read and loaded.
"""

import resource
import sys
from pathlib import Path

import followsuit.api  # noqa: F401  what is imported counts as before
from followsuit.graph.connect import connect
from followsuit.loaders.load import load

if __name__ == "__main__":
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    store, folder, limit, memory = sys.argv[1:]
    report = load(connect(Path(store), memory=int(memory)), folder, memory=int(limit))
    counted = [n for c in report.tables.values() for n in (c.read, c.loaded)]
    sys.stdout.write(" ".join(map(str, [before, *counted])))
