"""Making a snapshot of a store: the same on both engines, once per revision."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.worlds import end_of, view_of_world

from followsuit.core.progress import Advance
from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore, StoreBusy, StoreIncomplete, StoreMissing
from followsuit.graph.tables import TABLES
from followsuit.graph.views.snapshot import Snapshot, forget_snapshots, take_snapshot
from followsuit.graph.views.view import view_of
from followsuit.loaders.load import load
from followsuit.simulator import World, simulate
from followsuit.simulator.columns import MADE
from followsuit.testing.graph_rows import nodes, rows
from followsuit.testing.places import Place, empty_database

WORLD = World(
    customers=120, products=40, stores=8, friendships=300, purchases=700, days=60, seed=11
)
END = end_of(WORLD)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    simulate(WORLD, folder)
    return folder


@pytest.fixture(scope="module")
def loaded_file(delivery: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(str(tmp_path_factory.mktemp("embedded") / "store.lbug"))
    with place.open() as store:
        load(store, str(delivery))
    return place


@pytest.fixture(scope="module")
def loaded_server(
    neo4j_server_place: Place, delivery: Path, tmp_path_factory: pytest.TempPathFactory
) -> Place:
    server = neo4j_server_place
    empty_database(server)
    place = Place(server.name, tmp_path_factory.mktemp("state"), server.username, server.password)
    with place.open() as store:
        load(store, str(delivery))
    return place


def bytes_of(snapshot: Snapshot) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in snapshot.folder.glob("*.parquet")}


def marks_of(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    """What changes when a file is written again."""
    stats = {p.name: p.stat() for p in snapshot.folder.iterdir()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


class TestWorld:
    # The tests of this class read what is loaded once; they come before those that write.

    def test_both_engines_give_the_same_bytes(
        self, loaded_file: Place, loaded_server: Place
    ) -> None:
        with loaded_file.open() as one, loaded_server.open() as other:
            first, second = take_snapshot(one), take_snapshot(other)
        assert bytes_of(first).keys() == {f"{name}.parquet" for name in TABLES}
        assert bytes_of(first) == bytes_of(second)
        assert first.content == second.content
        assert first.meta.store_id != second.meta.store_id

    def test_it_is_the_world_row_for_row(self, loaded_file: Place, tmp_path: Path) -> None:
        expected = view_of_world(WORLD, tmp_path).snapshot
        with loaded_file.open() as store:
            snapshot = take_snapshot(store)
        for name, table in TABLES.items():
            exported = pq.read_table(snapshot.folder / f"{name}.parquet")
            assert exported.schema.names == table.arrow_schema().names
            assert exported.schema.types == table.arrow_schema().types
            assert (exported.num_rows > 0) == (name in MADE)
            rows_expected = pq.read_table(expected.folder / f"{name}.parquet").to_pylist()
            assert exported.to_pylist() == rows_expected, name

    def test_its_notes_are_those_of_the_store(self, loaded_file: Place) -> None:
        with loaded_file.open() as store:
            snapshot = take_snapshot(store)
            assert snapshot.meta.entries == store.meta.entries
            assert snapshot.meta.revision == 1
            assert len(snapshot.content) == 64

    def test_the_friend_graph_is_the_world_s(self, loaded_file: Place) -> None:
        with loaded_file.open() as store:
            friends = view_of(store, END).friends()
        assert friends.number_of_nodes() == WORLD.customers
        assert friends.number_of_edges() == WORLD.friendships

    def test_as_of_the_past_only_the_past_is_there(self, loaded_file: Place) -> None:
        middle = END - timedelta(days=WORLD.days // 2)
        with loaded_file.open() as store:
            view = view_of(store, middle)
        whole, half = view.at(END).purchases(), view.purchases()
        assert 0 < len(half) < len(whole) == WORLD.purchases
        assert half["at"].max() <= middle
        assert set(half["purchase_id"]) == set(whole[whole["at"] <= middle]["purchase_id"])


def small(store: GraphStore, *customers: str) -> None:
    """Write customers and a revision, as a load does."""
    with store.writing():
        store.write(g.CUSTOMER, nodes(g.CUSTOMER, *customers))
        store.changed()


def people(snapshot: Snapshot) -> list[str]:
    return list(snapshot.rows(TABLES["customers"]).customer_id.execute())


def homes(store: GraphStore) -> list[str]:
    return sorted(p.name for p in store.state.snapshots.iterdir())


class TestFiles:
    def test_a_revision_is_exported_once(self, place: Place) -> None:
        with place.open() as store:
            small(store, "ann")
            first = take_snapshot(store)
            marks = marks_of(first)
            with store.writing():
                # Not noted, as nothing but a load would write: whoever reads again would see it.
                store.write(g.CUSTOMER, nodes(g.CUSTOMER, "bob"))
            second = take_snapshot(store)
            assert second.folder == first.folder
            assert marks_of(second) == marks
            assert people(second) == ["ann"]

    def test_a_new_revision_is_exported_and_old_ones_are_deleted(self, place: Place) -> None:
        with place.open() as store:
            kept = []
            for number, name in enumerate(("ann", "bob", "cas", "dan"), 1):
                small(store, name)
                snapshot = take_snapshot(store)
                kept = [*kept[-1:], snapshot.folder.name]
                assert snapshot.meta.revision == number
                assert len(people(snapshot)) == number
                assert homes(store) == kept

    def test_all_snapshots_can_be_deleted(self, embedded: Place) -> None:
        with embedded.open() as store:
            forget_snapshots(store)
            small(store, "ann")
            take_snapshot(store)
            forget_snapshots(store, keep=3)
            assert len(homes(store)) == 1
            forget_snapshots(store)
            assert homes(store) == []
            assert people(take_snapshot(store)) == ["ann"]

    def test_a_new_store_at_the_same_place_is_exported_again(self, embedded: Place) -> None:
        with embedded.open() as store:
            small(store, "ann")
            assert people(take_snapshot(store)) == ["ann"]
            Path(embedded.name).unlink()
            small(store, "bob")
            assert people(take_snapshot(store)) == ["bob"]

    def test_refresh_sees_what_others_have_written_to_the_server(self, server: Place) -> None:
        with server.open() as store, server.driver() as driver:
            small(store, "ann")
            take_snapshot(store)
            driver.execute_query(
                f"CREATE (:{g.CUSTOMER.label} {{{g.CUSTOMER.key}: $id}})", {"id": "zoe"}
            )
            assert people(take_snapshot(store)) == ["ann"]
            assert people(take_snapshot(store, refresh=True)) == ["ann", "zoe"]
            assert people(take_snapshot(store)) == ["ann", "zoe"]
            assert store.meta.revision == 2

    def test_the_order_of_writing_does_not_matter(self, tmp_path: Path) -> None:
        # More rows than DuckDB puts into one row group.
        likes = [{"source": f"c{n // 50:05}", "target": f"i{n % 50}"} for n in range(130_000)]
        people = [f"c{n:05}" for n in range(len(likes) // 50)]
        snapshots = []
        for number in range(2):
            with Place(str(tmp_path / f"{number}.lbug")).open() as store:
                with store.writing():
                    store.write(g.CUSTOMER, nodes(g.CUSTOMER, *people))
                    store.write(g.INTEREST, nodes(g.INTEREST, *(f"i{n}" for n in range(50))))
                    half = len(likes) // 2
                    for part in (likes[:half], likes[half:]):
                        store.write(g.LIKES, pa.Table.from_pylist(part, g.LIKES.arrow_schema()))
                    store.changed()
                snapshots.append(take_snapshot(store))
            random.Random(number).shuffle(likes)
        assert snapshots[0].content == snapshots[1].content
        assert bytes_of(snapshots[0]) == bytes_of(snapshots[1])

    def test_events_come_back_from_both_of_their_parts(self, place: Place) -> None:
        at = END - timedelta(hours=1)
        with place.open() as store:
            with store.writing():
                store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann"))
                store.write(g.PRODUCT, nodes(g.PRODUCT, "tea"))
                store.write(g.EVENT, rows(g.EVENT, {"event_id": "1", "kind": "search", "at": at}))
                store.write(g.DID, rows(g.DID, {"source": "ann", "target": "1"}))
                view = {"source": "ann", "target": "tea", "event_id": "2", "at": at, "city": "Lima"}
                store.write(g.VIEWED, rows(g.VIEWED, view))
                store.changed()
            events = take_snapshot(store).rows(TABLES["events"]).to_pyarrow().to_pylist()
        nothing = dict.fromkeys(f.name for f in TABLES["events"].fields)
        assert events == [
            nothing | {"event_id": "1", "customer_id": "ann", "kind": "search", "at": at},
            nothing
            | {"event_id": "2", "customer_id": "ann", "kind": "view", "at": at}
            | {"product_id": "tea", "city": "Lima"},
        ]


class TestMeanwhile:
    """Other processes that write while a snapshot is made."""

    def test_nothing_is_shown_before_a_load_has_ended(self, place: Place) -> None:
        with place.open() as store:
            with pytest.raises(StoreMissing):
                take_snapshot(store)
            small(store, "ann")
            with store.writing():
                store.note(loading="/data/shop")
            with pytest.raises(StoreIncomplete, match="/data/shop"):
                take_snapshot(store)
            assert not store.state.snapshots.exists()

    def test_an_interrupted_export_leaves_nothing(self, embedded: Place) -> None:
        def interrupt(_: int) -> None:
            raise KeyboardInterrupt

        with embedded.open() as store:
            small(store, "ann")
            with pytest.raises(KeyboardInterrupt):
                take_snapshot(store, progress=after(3, interrupt))
            assert homes(store) == []
            assert people(take_snapshot(store)) == ["ann"]

    def test_two_who_make_the_same_snapshot_get_the_same(self, place: Place) -> None:
        snapshots: list[Snapshot] = []

        def take_it_too(_: int) -> None:
            with place.open() as other:
                snapshots.append(take_snapshot(other))

        with place.open() as store:
            small(store, "ann")
            snapshots.append(take_snapshot(store, progress=after(3, take_it_too)))
            assert [s.folder for s in snapshots] == [store.state.snapshots / homes(store)[0]] * 2
            assert [people(s) for s in snapshots] == [["ann"], ["ann"]]

    def test_a_load_that_ends_meanwhile_is_never_half_seen(self, server: Place) -> None:
        def load_more(_: int) -> None:
            with server.open() as other:
                small(other, "bob")

        with server.open() as store:
            small(store, "ann")
            with pytest.raises(StoreBusy, match=r"Another load finished while .* was read"):
                take_snapshot(store, progress=after(3, load_more))
            assert homes(store) == []
            assert people(take_snapshot(store)) == ["ann", "bob"]

    def test_a_load_that_begins_meanwhile_is_never_half_seen(self, server: Place) -> None:
        def begin(_: int) -> None:
            with server.open() as other, other.writing():
                other.note(loading="/data/shop")

        with server.open() as store:
            small(store, "ann")
            with pytest.raises(StoreIncomplete, match="/data/shop"):
                take_snapshot(store, progress=after(3, begin))
            assert homes(store) == []


def after(steps: int, act: Callable[[int], Any]) -> Any:
    """A progress callback that calls `act` once, after some steps."""

    @contextmanager
    def progress(name: str, total: int | None = None) -> Iterator[Advance]:
        done = 0

        def advance(units: int) -> None:
            nonlocal done
            done += units
            if done == steps:
                act(done)

        yield advance

    return progress
