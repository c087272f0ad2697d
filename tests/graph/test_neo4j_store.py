"""Specific to the server: its addresses, its schema, and other clients."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import neo4j_server
import pytest
from test_store_contract import drop_constraints

from followsuit.graph import schema as g
from followsuit.graph.connect import connect
from followsuit.graph.engines import cells, neo4j
from followsuit.graph.query import QueryError
from followsuit.graph.store import StoreError, StoreMissing, StoreNotOurs, StoreUnreachable
from followsuit.testing.graph_rows import by_key, nodes, rows, samples, stored
from followsuit.testing.places import Place


class TestAddresses:
    @pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
    def test_both_schemes_reach_the_server(self, server: Place, scheme: str) -> None:
        name = scheme + server.name[server.name.index("://") :]
        place = Place(name, server.state, server.username, server.password)
        with place.open() as store:
            with store.writing():
                store.write(g.CUSTOMER, samples(g.CUSTOMER))
                store.write(g.FRIEND_OF, samples(g.FRIEND_OF))
            assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, samples(g.FRIEND_OF))
            assert store.name == name

    @pytest.mark.parametrize("scheme", ["bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s"])
    def test_an_address_without_a_server_is_unreachable(self, scheme: str, tmp_path: Path) -> None:
        uri = f"{scheme}://127.0.0.1:{neo4j_server.free_port()}"
        with (
            connect(uri, state=tmp_path) as store,
            pytest.raises(StoreUnreachable, match=f"{uri.replace('+', '.')} does not answer") as no,
        ):
            store.count(g.CUSTOMER)
        assert "Check that it runs" in str(no.value)

    def test_a_server_of_another_kind_is_unreachable(self, tmp_path: Path) -> None:
        with (
            _says_http() as port,
            connect(f"bolt://127.0.0.1:{port}", state=tmp_path) as store,
            pytest.raises(StoreUnreachable, match="does not answer"),
            store.writing(),
        ):
            pytest.fail("it is no Neo4j")

    def test_a_server_without_tls_is_unreachable_over_tls(self, server: Place) -> None:
        uri = server.name.replace("bolt://", "bolt+ssc://")
        with (
            connect(uri, state=server.state) as store,
            pytest.raises(StoreUnreachable, match="does not answer"),
        ):
            store.count(g.CUSTOMER)

    @pytest.mark.parametrize(
        "uri", ["http://127.0.0.1:7474", "https://shop", "sqlite:///shop.db", "bolt+x://shop"]
    )
    def test_a_scheme_that_is_not_neo4j_s_is_refused_at_once(self, uri: str) -> None:
        with pytest.raises(StoreUnreachable, match="isn't a store") as refusal:
            connect(uri)
        assert uri.partition("://")[0] in str(refusal.value)

    @pytest.mark.parametrize("uri", ["bolt://127.0.0.1:port", "bolt://127.0.0.1:7687/?a=b"])
    def test_an_invalid_address_is_refused(self, uri: str, tmp_path: Path) -> None:
        with (
            pytest.raises(StoreUnreachable, match="isn't the address of a Neo4j server"),
            connect(uri, state=tmp_path) as store,
        ):
            store.count(g.CUSTOMER)

    def test_an_unknown_database_is_named(self, server: Place) -> None:
        with (
            connect(server.name, state=server.state, database="films") as store,
            pytest.raises(StoreUnreachable, match=r"has no database films\. Set NEO4J_DATABASE"),
        ):
            store.count(g.CUSTOMER)

    def test_a_database_that_holds_no_graph_is_refused(self, server: Place) -> None:
        with (
            connect(server.name, state=server.state, database="system") as store,
            pytest.raises(StoreError, match=r"answers: [^\n]+\.\Z"),
        ):
            store.count(g.CUSTOMER)


class TestOthers:
    def test_constraints_are_made_before_the_first_row(self, server: Place) -> None:
        with server.driver() as driver, server.open() as store:
            drop_constraints(driver)
            with store.writing():
                constraints = driver.execute_query(
                    "SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties "
                    "RETURN type, labelsOrTypes[0] AS name, properties"
                ).records
        made = {(r["type"], r["name"], *r["properties"]) for r in constraints}
        assert made == {("UNIQUENESS", n.label, n.key) for n in (*g.NODES, g.META)} | {
            ("RELATIONSHIP_UNIQUENESS", "PURCHASED", "purchase_id"),
            ("RELATIONSHIP_UNIQUENESS", "VISITED", "event_id"),
            ("RELATIONSHIP_UNIQUENESS", "VIEWED", "event_id"),
            ("RELATIONSHIP_UNIQUENESS", "CONTACTED", "contact_id"),
        }

    def test_a_database_whose_first_writer_died_at_once_is_empty(self, server: Place) -> None:
        with server.driver() as driver, server.open() as store:
            # As much as a writer has made that was killed before it noted anything.
            driver.execute_query(f"CREATE (:{g.META.label} {{key: 'lock'}})")
            with pytest.raises(StoreMissing):
                store.count(g.CUSTOMER)
            with store.writing():
                store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann"))
            assert store.count(g.CUSTOMER) == 1

    def test_data_put_beside_a_writer_that_died_at_once_is_not_ours(self, server: Place) -> None:
        with server.driver() as driver, server.open() as store:
            driver.execute_query(f"CREATE (:{g.META.label} {{key: 'lock'}}), (:Film)")
            try:
                with pytest.raises(StoreNotOurs), store.writing():
                    pytest.fail("the film is not ours")
            finally:
                driver.execute_query("MATCH (f:Film) DELETE f")

    def test_what_others_add_to_our_database_stays(self, server: Place) -> None:
        with server.driver() as driver, server.open() as store:
            with store.writing():
                store.write(g.CUSTOMER, samples(g.CUSTOMER))
            driver.execute_query("CREATE (:Film {title: 'Ran'})-[:FRIEND_OF]->(:Film)")
            try:
                with store.writing():
                    store.write(g.FRIEND_OF, samples(g.FRIEND_OF))
                    store.clear(g.FRIEND_OF)
                assert store.count(g.FRIEND_OF) == 0
                films = driver.execute_query("MATCH (:Film)-[r]->(:Film) RETURN count(r) AS n")
                assert films.records[0]["n"] == 1
            finally:
                driver.execute_query("MATCH (f:Film) DETACH DELETE f")

    def test_readers_read_while_another_writes(self, server: Place) -> None:
        with server.open() as writer, server.open() as reader, writer.writing():
            writer.write(g.CUSTOMER, samples(g.CUSTOMER))
            assert reader.count(g.CUSTOMER) == 3

    def test_two_writers_of_many_cells_lose_no_row(
        self, server: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cells, "_FEW", 100)
        monkeypatch.setattr(neo4j, "_BATCH", 50)
        people = [f"c{n:02}" for n in range(60)]
        pairs = rows(
            g.FRIEND_OF, *({"source": a, "target": b} for a in people for b in people if a < b)
        )
        with server.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, *people))
            for _ in range(2):
                store.write(g.FRIEND_OF, pairs)
            assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, pairs)

    def test_values_of_any_type_come_back_as_plain_values(self, server: Place) -> None:
        with server.open() as store, store.writing():
            answer = store.query(
                "UNWIND [1, 'two', null] AS mixed RETURN mixed, {a: [date('2025-03-01')]} AS map, "
                "duration({days: 1}) AS length, [1, 2] AS list"
            )
        assert answer["mixed"].to_pylist() == ["1", "two", None]
        assert str(answer["map"][0].as_py()["a"][0]) == "2025-03-01"
        assert answer["length"].to_pylist() == ["P1D"] * 3
        assert answer["list"].to_pylist() == [[1, 2]] * 3

    def test_nodes_and_relationships_come_back_as_their_columns(self, server: Place) -> None:
        with server.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann", "bob"))
            store.write(
                g.FRIEND_OF, rows(g.FRIEND_OF, {"source": "ann", "target": "bob", "directed": True})
            )
            answer = store.query("MATCH p = (a)-[r:FRIEND_OF]->(b) RETURN a, r, p")
        assert answer.to_pylist() == [
            {
                "a": {"customer_id": "ann"},
                "r": {"directed": True},
                "p": [{"customer_id": "ann"}, {"customer_id": "bob"}],
            }
        ]

    def test_local_files_are_not_read_by_the_server_of_the_tests(
        self, server: Place, tmp_path: Path
    ) -> None:
        (tmp_path / "secret.csv").write_text("secret\n")
        with (
            server.open() as store,
            store.writing(),
            pytest.raises(QueryError, match="The query was refused"),
        ):
            store.query(f"LOAD CSV FROM 'file://{tmp_path}/secret.csv' AS row RETURN row")


@contextmanager
def _says_http() -> Iterator[int]:
    """A server that answers every request like a web server."""

    def answer() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(1024)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
