"""A program that holds a store: `holder.py hold` or `holder.py write PARQUET...`.

It opens the store that the environment names for writing, and prints `held`. `hold` keeps the store
open until standard input ends. `write` writes friendships from files in small batches, and prints
`written` after each file.
"""

import sys
from pathlib import Path

from followsuit.config import read_settings
from followsuit.graph import schema as g
from followsuit.graph.engines import cells, embedded_tables, neo4j

FEW = 500


def say(word: str) -> None:
    """Print a word at once."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main() -> None:
    """Hold the store, and write the files to it."""
    action, *files = sys.argv[1:]
    settings = read_settings()
    embedded_tables._BYTES_PER_ROW = embedded_tables._BYTES_PER_ADDED_ROW = settings.memory // FEW
    neo4j._BATCH = cells._FEW = FEW
    with settings.connect() as store, store.writing():
        say("held")
        if action == "hold":
            sys.stdin.read()
        for file in files:
            store.write(g.FRIEND_OF, Path(file))
            say("written")


if __name__ == "__main__":
    main()
