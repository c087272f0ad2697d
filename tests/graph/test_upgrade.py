"""Stores of earlier versions become stores of this one when they are next read or written."""

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import ladybug
import pytest

from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore
from followsuit.testing.graph_rows import by_key, samples, stored
from followsuit.testing.places import Place

((OLD, NEW),) = g.RENAMED.items()
KINDS = [kind for kind in g.RELATIONSHIPS if kind.name == NEW]

OPENERS: dict[str, Callable[[GraphStore], AbstractContextManager[None]]] = {
    "reading": lambda store: store.reading(),
    "writing": lambda store: store.writing(),
}
KILLED_AT = """
import os, signal, sys
from pathlib import Path
from followsuit.testing.places import Place
name, state, user, password, last = sys.argv[1:]
store = Place(name, Path(state) if state else None, user or None, password or None).open()
steps = 0
def killed_at_its_turn(step):
    def run(*arguments, **named):
        global steps
        steps += 1
        if steps == int(last):
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments, **named)
    return run
for step in ("note", "_rename", "_make_schema"):
    setattr(store, step, killed_at_its_turn(getattr(store, step)))
with store.writing():
    pass
"""


def make_old_store(place: Place) -> None:
    """A store as version 1 left it: its offers are `FOR` what they cover now."""
    with place.open() as store, store.writing():
        for node in {kind.source for kind in KINDS} | {kind.target for kind in KINDS}:
            store.write(node, samples(node))
        for kind in KINDS:
            store.write(kind, samples(kind))
        store.note(version=1, revision=1)
    rename(place, NEW, OLD)


def rename(place: Place, name: str, other: str, limit: int = 1_000) -> None:
    """Rename the relationships of that name, without our code."""
    if place.is_server:
        with place.driver() as driver:
            driver.execute_query(
                f"MATCH (s)-[x:`{name}`]->(t) WITH s, x, t LIMIT {limit} "
                f"CREATE (s)-[:`{other}`]->(t) DELETE x"
            )
        return
    database = ladybug.Database(place.name, buffer_pool_size=2**28)
    connection = ladybug.Connection(database)
    connection.execute(f"ALTER TABLE `{name}` RENAME TO `{other}`")
    connection.close()
    database.close()


def check_upgraded(place: Place) -> None:
    with place.open() as store:
        for kind in KINDS:
            assert stored(store, kind) == by_key(kind, samples(kind))
        every = store.query("MATCH (:Offer)-[r]->() RETURN count(r) AS n")
        assert every["n"].to_pylist() == [3 * len(KINDS)]
        assert store.meta.entries["version"] == g.VERSION
        assert not store.meta.outdated


@pytest.mark.parametrize("opener", OPENERS)
def test_an_old_store_is_upgraded_when_it_is_opened(place: Place, opener: str) -> None:
    make_old_store(place)
    with place.open() as store, OPENERS[opener](store):
        assert store.count(KINDS[0]) == 3
    check_upgraded(place)


def test_an_upgrade_continues_where_another_was_interrupted(place: Place) -> None:
    make_old_store(place)
    with place.open() as store:
        assert store.meta.revision == 1
        with store.writing():
            store.note(upgrading=True)
    rename(place, NEW, OLD, limit=7)  # a server renames in several transactions
    check_upgraded(place)


def test_a_kill_at_any_step_loses_and_doubles_nothing(place: Place) -> None:
    make_old_store(place)
    login = [str(place.state or ""), place.username or "", place.password or ""]
    ends = []
    for step in range(1, 6):
        command = [sys.executable, "-c", KILLED_AT, place.name, *login, str(step)]
        ends.append(subprocess.run(command, check=False, timeout=120).returncode)
    assert set(ends) <= {0, -signal.SIGKILL}
    assert ends.count(-signal.SIGKILL) >= 4
    check_upgraded(place)
