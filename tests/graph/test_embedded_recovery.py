"""Recovery after a writer is killed during a checkpoint."""

import random
import subprocess
import sys
import time
from pathlib import Path

import ladybug
import pytest

from followsuit.testing.places import Place

CHECKPOINTS = """
import sys
import ladybug
connection = ladybug.Connection(ladybug.Database(sys.argv[1]))
connection.execute("CREATE NODE TABLE IF NOT EXISTS Junk (id INT64 PRIMARY KEY, text STRING)")
known = connection.execute("MATCH (j:Junk) RETURN coalesce(max(j.id), 0)").get_next()[0]
first = known + 1
while True:
    connection.execute(
        f"UNWIND range({first}, {first + 20_000}) AS id "
        "CREATE (:Junk {id: id, text: 'as long as it takes to write'})"
    )
    print("checkpoint", flush=True)
    connection.execute("CHECKPOINT")
    first += 20_001
"""
TRIES = 100


def refused_for_reading(path: Path) -> bool:
    try:
        ladybug.Database(path, read_only=True).close()
    except RuntimeError as error:
        return "recovery is pending" in str(error)
    return False


def killed_within_a_checkpoint(path: Path) -> None:
    """Leave the file in the state in which the engine refuses to open it for reading."""
    chance = random.Random(0)
    for _ in range(TRIES):
        command = [sys.executable, "-c", CHECKPOINTS, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _checkpoint in range(chance.randint(1, 3)):
                process.stdout.readline()
            time.sleep(chance.uniform(0, 0.03))
            process.kill()
        if refused_for_reading(path):
            return
    pytest.fail(f"{TRIES} kills met no checkpoint")


def test_the_next_process_recovers_the_file(embedded: Place) -> None:
    store = embedded.open()
    with store.writing():
        store.changed()

    killed_within_a_checkpoint(Path(embedded.name))
    assert store.meta.revision == 1

    killed_within_a_checkpoint(Path(embedded.name))
    with store.writing():
        store.changed()
    assert store.meta.revision == 2
