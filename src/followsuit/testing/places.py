"""Places for the store of a test: a file of the embedded engine, or a Neo4j database."""

from dataclasses import dataclass
from pathlib import Path

import neo4j

from followsuit.graph.connect import connect
from followsuit.graph.schema import META
from followsuit.graph.store import GraphStore

MEMORY = 2**30


@dataclass(frozen=True)
class Place:
    """An empty place for a store.

    `name` is the value of `--store`; `environment` holds the state folder and login for commands.
    """

    name: str
    state: Path | None = None
    username: str | None = None
    password: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        entries = {
            "FOLLOWSUIT_STATE": self.state,
            "NEO4J_USERNAME": self.username,
            "NEO4J_PASSWORD": self.password,
        }
        return {key: str(value) for key, value in entries.items() if value is not None}

    @property
    def is_server(self) -> bool:
        return "://" in self.name

    def driver(self) -> neo4j.Driver:
        """The server's driver, to inspect the database directly."""
        auth = (self.username, self.password or "") if self.username else None
        return neo4j.GraphDatabase.driver(self.name, auth=auth)

    def open(self) -> GraphStore:
        return connect(
            self.name,
            username=self.username,
            password=self.password,
            state=self.state,
            memory=MEMORY,
        )


def empty_database(place: Place) -> None:
    """Delete all data but not the constraints; refuses if the data isn't followsuit's."""
    with place.driver() as driver:
        nodes = driver.execute_query("MATCH (n) RETURN count(n) AS n").records[0]["n"]
        ours = driver.execute_query(f"MATCH (n:{META.label}) RETURN count(n) AS n").records[0]["n"]
        if nodes and not ours:
            raise RuntimeError(f"{place.name} holds data that is not followsuit's: not emptied")
        with driver.session() as session:
            for what in ("MATCH ()-[x]->()", "MATCH (x)"):
                session.run(f"{what} CALL (x) {{ DELETE x }} IN TRANSACTIONS").consume()
