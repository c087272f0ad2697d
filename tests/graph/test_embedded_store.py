"""Specific to the embedded engine: one file, and which processes may open it."""

import time
from pathlib import Path

import ladybug
import pyarrow as pa
import pytest

from followsuit.graph import schema as g
from followsuit.graph.connect import connect
from followsuit.graph.engines import embedded_file, embedded_tables
from followsuit.graph.engines.embedded import EmbeddedStore
from followsuit.graph.query import QueryError
from followsuit.graph.store import StoreBusy, StoreError, StoreMissing
from followsuit.testing.graph_rows import by_key, nodes, rows, sample, samples, stored
from followsuit.testing.places import Place
from followsuit.testing.processes import another_process


def test_while_another_process_writes_nobody_reads(embedded: Place) -> None:
    with another_process(embedded, "hold") as writer, embedded.open() as store:
        began = time.monotonic()
        with pytest.raises(StoreBusy, match="is writing to"):
            store.count(g.CUSTOMER)
        assert time.monotonic() - began < 20
        writer.stdin.close()
        writer.wait()
        assert store.count(g.CUSTOMER) == 0


def test_readers_do_not_exclude_each_other(embedded: Place) -> None:
    with embedded.open() as one, embedded.open() as other:
        with one.writing():
            one.write(g.CUSTOMER, samples(g.CUSTOMER))
        with one.reading(), other.reading():
            assert one.count(g.CUSTOMER) == other.count(g.CUSTOMER) == 3


def test_a_reader_excludes_the_writer(embedded: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_file, "_WAIT", 0.2)
    with embedded.open() as reader, embedded.open() as writer:
        with writer.writing():
            pass
        with (
            reader.reading(),
            pytest.raises(StoreBusy, match="Another process is using"),
            writer.writing(),
        ):
            pytest.fail("it is changed under the reader's eyes")


def test_a_file_that_another_program_has_open_is_busy(
    embedded: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_file, "_WAIT", 0.2)
    with another_process(embedded, "hold"), embedded.open() as store:
        # Without our lock, as a tool of LadybugDB's own would hold the file.
        store.state.lock.unlink()
        with pytest.raises(StoreBusy, match="Another process is using"), store.writing():
            pytest.fail("two write at once")


def test_writing_does_not_begin_inside_reading(embedded: Place) -> None:
    with embedded.open() as store:
        with store.writing():
            pass
        with (
            store.reading(),
            pytest.raises(RuntimeError, match="inside reading"),
            store.writing(),
        ):
            pytest.fail("the store was opened for reading")


@pytest.mark.parametrize("content", [b"customer_id,name\nc1,Ann\n" * 500, b"x", bytes(8192)])
def test_a_file_that_is_not_a_database_is_refused_and_kept(embedded: Place, content: bytes) -> None:
    path = Path(embedded.name)
    path.write_bytes(content)
    with embedded.open() as store:
        with pytest.raises(StoreError, match="can't be opened as a LadybugDB file"):
            store.count(g.CUSTOMER)
        with pytest.raises(StoreError, match="can't be opened"), store.writing():
            pytest.fail("it is no database")
    assert path.read_bytes() == content


def test_an_empty_file_is_an_empty_store(embedded: Place) -> None:
    Path(embedded.name).touch()
    with embedded.open() as store:
        with pytest.raises(StoreMissing):
            store.count(g.CUSTOMER)
        with store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann"))
        assert store.count(g.CUSTOMER) == 1


def test_a_store_whose_first_writer_died_at_once_is_empty(embedded: Place) -> None:
    # As much as a writer has made that was killed before it noted anything.
    database = ladybug.Database(embedded.name, buffer_pool_size=2**28)
    connection = ladybug.Connection(database)
    connection.execute(
        f"CREATE NODE TABLE {g.META.label} (key STRING, value STRING, PRIMARY KEY (key))"
    )
    connection.close()
    database.close()
    with embedded.open() as store:
        with pytest.raises(StoreMissing):
            store.count(g.CUSTOMER)
        with store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann"))
        assert store.count(g.CUSTOMER) == 1


def test_a_folder_is_not_a_store(tmp_path: Path) -> None:
    with connect(tmp_path) as store:
        with pytest.raises(StoreMissing):
            store.count(g.CUSTOMER)
        with pytest.raises(StoreError, match="can't be opened"), store.writing():
            pytest.fail("it is a folder")


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        connect(tmp_path / "file" / "store.lbug") as store,
        pytest.raises(StoreError, match="Not a directory"),
        store.writing(),
    ):
        pytest.fail("there is no such place")


def test_the_folders_of_a_new_store_are_made(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "it's new" / "deep" / "store.lbug"))
    with place.open() as store:
        with store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann"))
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann", "bob"))
        assert store.count(g.CUSTOMER) == 2


def test_a_new_store_at_the_same_place_has_another_id(embedded: Place) -> None:
    with embedded.open() as store:
        with store.writing():
            first = store.meta.store_id
        Path(embedded.name).unlink()
        with store.writing():
            assert store.meta.store_id != first


def test_work_leaves_no_files_behind(embedded: Place) -> None:
    with embedded.open() as store:
        with store.writing():
            for table in (
                samples(g.CUSTOMER),
                rows(g.CUSTOMER, {"customer_id": "Customer 1", "name": "changed"}),
            ):
                store.write(g.CUSTOMER, table)
            store.write(g.FRIEND_OF, samples(g.FRIEND_OF))
            store.delete(g.FRIEND_OF, "source", ["Customer 0"])
            store.clear(g.FRIEND_OF)
            stored(store, g.CUSTOMER)
        assert [path.name for path in store.state.path.iterdir()] == ["lock"]
    names = {path.name for path in Path(embedded.name).parent.iterdir()}
    assert names == {"store.lbug", "store.lbug.state"}


def test_the_next_writer_removes_what_an_interrupted_change_left(embedded: Place) -> None:
    # A changed relationship is put in place by a table that takes the place of the old one.
    with embedded.open() as store:
        with store.writing():
            for element in (g.CUSTOMER, g.FRIEND_OF):
                store.write(element, samples(element))
        database = ladybug.Database(embedded.name, buffer_pool_size=2**28)
        connection = ladybug.Connection(database)
        tables = "CALL show_tables() RETURN name"
        before = sorted(connection.execute(tables).get_as_arrow()["name"].to_pylist())
        connection.execute("CREATE REL TABLE FRIEND_OF_spare (FROM Customer TO Customer)")
        connection.execute(
            "MATCH (a:Customer), (b:Customer) WHERE a.customer_id < b.customer_id "
            "CREATE (a)-[:FRIEND_OF_spare]->(b)"
        )
        connection.close()
        database.close()
        with store.writing():
            assert sorted(store.query(tables)["name"].to_pylist()) == before
            answer = store.query("MATCH (:Customer)-[r]->(:Customer) RETURN count(r) AS n")
            assert answer["n"].to_pylist() == [3]
            changed = rows(g.FRIEND_OF, sample(g.FRIEND_OF, 0) | {"interactions": None})
            store.write(g.FRIEND_OF, changed)
            assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, samples(g.FRIEND_OF)) | by_key(
                g.FRIEND_OF, changed
            )


@pytest.fixture(scope="module")
def many_friendships() -> pa.Table:
    count = len(CROWD) * 50
    return pa.Table.from_pydict(
        {
            "source": CROWD * 50,
            "target": CROWD[1:] + CROWD * 49 + CROWD[:1],
            "since": pa.nulls(count, g.TIME),
            "interactions": pa.array(range(count), g.NUMBER),
            "directed": pa.nulls(count, g.BOOLEAN),
        }
    )


CROWD = [f"c{number:05}" for number in range(20_000)]
LITTLE = 80 * 2**20


def test_rows_that_need_more_memory_than_measured_are_copied_in_smaller_bulks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many_friendships: pa.Table
) -> None:
    monkeypatch.setattr(embedded_tables, "_BYTES_PER_ROW", 1)
    store = EmbeddedStore(tmp_path / "store.lbug", LITTLE)
    with store.writing():
        store.write(g.CUSTOMER, nodes(g.CUSTOMER, *CROWD))
        store.write(g.FRIEND_OF, many_friendships)
        assert store.count(g.FRIEND_OF) == many_friendships.num_rows
        # Reading them back takes no more memory than there is either.
        friendships = store.read(g.FRIEND_OF)
    numbers = friendships["interactions"].to_numpy()
    assert sorted(numbers) == list(range(many_friendships.num_rows))


def test_rows_that_need_more_memory_than_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many_friendships: pa.Table
) -> None:
    monkeypatch.setattr(embedded_tables, "_BYTES_PER_ROW", 1)
    monkeypatch.setattr(embedded_tables, "_LEAST", 10**9)
    store = EmbeddedStore(tmp_path / "store.lbug", LITTLE)
    with store.writing():
        store.write(g.CUSTOMER, nodes(g.CUSTOMER, *CROWD))
        with pytest.raises(StoreError, match=r"FRIEND_OF can't.*Raise FOLLOWSUIT_MEMORY\.") as no:
            store.write(g.FRIEND_OF, many_friendships)
        assert len(str(no.value).splitlines()) == 1
        assert (store.count(g.CUSTOMER), store.count(g.FRIEND_OF)) == (len(CROWD), 0)


def test_a_store_of_an_earlier_version_says_so_until_it_is_written(embedded: Place) -> None:
    with embedded.open() as store, store.writing():
        store.write(g.CUSTOMER, samples(g.CUSTOMER))
    with ladybug.Database(embedded.name) as database, ladybug.Connection(database) as connection:
        connection.execute(f"DROP TABLE {g.CUSTOMER_EMBEDDED.name}")
        connection.execute(f"DROP TABLE {g.EMBEDDING.label}")
    with embedded.open() as store:
        question = f"MATCH (e:{g.EMBEDDING.label}) RETURN count(*) AS n"
        with pytest.raises(QueryError, match=r"has no Embedding yet\. Load into it"):
            store.query(question)
        with store.writing():
            pass
        assert store.query(question)["n"].to_pylist() == [0]
