"""The contract of the `GraphStore` port, inherited by both engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ladybug
import neo4j
import pytest
from hypothesis import HealthCheck, given, settings
from support.dictionary_store import check_against_model, steps

from followsuit.testing.places import Place
from followsuit.testing.store.contract import StoreContract


class TestEmbedded(StoreContract):
    @pytest.fixture
    def place(self, embedded: Place) -> Place:
        return embedded

    def everything(self, place: Place) -> object:
        folder = Path(place.name).parent
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    @contextmanager
    def foreign(self, place: Place) -> Iterator[None]:
        database = ladybug.Database(place.name, buffer_pool_size=2**28)
        connection = ladybug.Connection(database)
        connection.execute("CREATE NODE TABLE Film (title STRING, PRIMARY KEY (title))")
        connection.execute("CREATE (:Film {title: 'Ran'})")
        connection.close()
        database.close()
        yield

    @settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps)
    def test_any_sequence_of_writes_equals_a_dictionary(self, place: Place, taken: object) -> None:
        check_against_model(place, taken)


class TestNeo4j(StoreContract):
    @pytest.fixture
    def place(self, server: Place) -> Place:
        return server

    def everything(self, place: Place) -> object:
        with place.driver() as driver:
            return [
                [record.values() for record in driver.execute_query(query).records]
                for query in (
                    "MATCH (n) RETURN elementId(n), labels(n), properties(n) ORDER BY elementId(n)",
                    "MATCH ()-[r]->() RETURN elementId(r), properties(r) ORDER BY elementId(r)",
                    "SHOW INDEXES YIELD name, type RETURN name, type ORDER BY name",
                    "SHOW CONSTRAINTS YIELD name, type RETURN name, type ORDER BY name",
                )
            ]

    @contextmanager
    def foreign(self, place: Place) -> Iterator[None]:
        with place.driver() as driver:
            drop_constraints(driver)
            driver.execute_query("CREATE (:Film {title: 'Ran'})-[:BY]->(:Person {name: 'Akira'})")
            try:
                yield
            finally:
                driver.execute_query("MATCH (n) WHERE n:Film OR n:Person DETACH DELETE n")

    @settings(
        max_examples=6,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps)
    def test_any_sequence_of_writes_equals_a_dictionary(self, place: Place, taken: object) -> None:
        check_against_model(place, taken)


def drop_constraints(driver: neo4j.Driver) -> None:
    """So that one sees whether they are made again."""
    for record in driver.execute_query("SHOW CONSTRAINTS YIELD name").records:
        driver.execute_query(f"DROP CONSTRAINT `{record['name']}`")
