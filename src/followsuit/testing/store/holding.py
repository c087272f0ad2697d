"""The contract of a store that several processes use, and of processes that die."""

import random
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from followsuit.graph import schema as g
from followsuit.graph.store import StoreBusy
from followsuit.testing.graph_rows import NOON, by_key, nodes, rows, samples, stored
from followsuit.testing.places import Place
from followsuit.testing.processes import another_process

SECONDS = 20.0
"""Seconds: far less than a load takes, but enough on a busy machine."""


class HoldingContract:
    """Several processes use the store, and one dies."""

    def test_a_second_writer_is_told_within_seconds_that_the_store_is_busy(
        self, place: Place
    ) -> None:
        with another_process(place, "hold") as holder, place.open() as store:
            began = time.monotonic()
            with pytest.raises(StoreBusy, match="Another process is"), store.writing():
                pytest.fail("two write at once")
            assert time.monotonic() - began < SECONDS
            assert holder.stdin is not None
            holder.stdin.close()
            assert holder.wait(SECONDS) == 0
            with store.writing():
                store.write(g.CUSTOMER, samples(g.CUSTOMER))
            assert store.count(g.CUSTOMER) == 3

    def test_a_killed_writer_leaves_the_store_free(self, place: Place) -> None:
        with another_process(place, "hold") as holder, place.open() as store:
            holder.kill()
            holder.wait()
            writable_soon(place)
            assert store.count(g.CUSTOMER) == 0

    def test_what_a_killed_writer_began_is_ended_by_writing_it_again(
        self, place: Place, tmp_path: Path
    ) -> None:
        chance = random.Random(3)
        known = friendships(chance, 2_000, interactions=1.0)
        delivery = friendships(chance, 4_000, interactions=2.0)
        path = tmp_path / "friendships.parquet"
        pq.write_table(delivery, path)
        with place.open() as store:
            with store.writing():
                store.write(g.CUSTOMER, nodes(g.CUSTOMER, *PEOPLE))
                store.write(g.FRIEND_OF, known)
            for delay in (0.05, 0.3, 0.8):
                with another_process(place, "write", path) as writer:
                    time.sleep(delay)
                    writer.kill()
                    writer.wait()
                writable_soon(place)
                half = stored(store, g.FRIEND_OF)
                old, new = by_key(g.FRIEND_OF, known), by_key(g.FRIEND_OF, delivery)
                assert old.keys() <= half.keys() <= old.keys() | new.keys()
            with store.writing():
                store.write(g.FRIEND_OF, path)
            assert stored(store, g.FRIEND_OF) == old | new
            assert store.count(g.CUSTOMER) == len(PEOPLE)


PEOPLE = [f"c{number:03}" for number in range(150)]


def friendships(chance: random.Random, count: int, interactions: float) -> object:
    """Friendships of random pairs, each once."""
    pairs = sorted({tuple(sorted(chance.sample(PEOPLE, 2))) for _ in range(count)})
    return rows(
        g.FRIEND_OF,
        *(
            {"source": one, "target": other, "since": NOON, "interactions": interactions}
            for one, other in pairs
        ),
    )


def writable_soon(place: Place) -> None:
    """Wait until the store can be written: a server takes a moment to see that a client is gone."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            with place.open() as store, store.writing():
                return
        except StoreBusy:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
