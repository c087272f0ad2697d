"""A database of a Neo4j server: the connection, and what the server's errors mean."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import neo4j
from neo4j import exceptions

from followsuit.graph.store import StoreError, StoreLogin, StoreUnreachable, first_line

_LOGIN = {
    "Neo.ClientError.Security.CredentialsExpired": (
        "wants the password changed before it is used: ALTER CURRENT USER SET PASSWORD FROM '...' "
        "TO '...' in its database `system`."
    ),
    "Neo.ClientError.Security.AuthenticationRateLimit": (
        "has seen too many wrong passwords. Wait some seconds, then run this again with the right "
        "one in NEO4J_PASSWORD."
    ),
    "Neo.ClientError.Security.Unauthorized": (
        "refuses the login. Set NEO4J_USERNAME and NEO4J_PASSWORD."
    ),
}
"""The message for each login error of the server, after the store's name."""

# Our errors already carry the driver's messages.
logging.getLogger("neo4j").addHandler(logging.NullHandler())


class Neo4jServer:
    """A connection to a database of a server.

    Args:
        uri: `bolt://`, `neo4j://`, or with `+s` or `+ssc` for TLS.
        username: the login, with `password`; None for a server without authentication.
        password: the password.
        database: the database's name; None for the server's default.

    Raises:
        StoreUnreachable: the URI isn't valid or contains a login.
    """

    def __init__(
        self, uri: str, username: str | None, password: str | None, database: str | None
    ) -> None:
        if "@" in uri:
            raise StoreUnreachable(
                "The server's address must not contain a login. Write bolt://HOST:7687 or "
                "neo4j://HOST:7687, and set NEO4J_USERNAME and NEO4J_PASSWORD."
            )
        self._uri = uri
        self._database = database
        self._reached = False
        auth = (username, password or "") if username else None
        try:
            self._driver = neo4j.GraphDatabase.driver(
                uri, auth=auth, notifications_min_severity=neo4j.NotificationMinimumSeverity.OFF
            )
        except (exceptions.ConfigurationError, ValueError) as error:
            raise self._no_address(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._driver.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Convert the driver's errors that the user can fix to StoreErrors."""
        try:
            yield
        except (
            exceptions.ServiceUnavailable,
            exceptions.SessionExpired,
            exceptions.ConnectionPoolError,
        ) as error:
            raise StoreUnreachable(
                f"{self._uri} does not answer. Check that it runs and the address is right, "
                "then run this again."
            ) from error
        except exceptions.Neo4jError as error:
            raise self._as_ours(error) from error

    def _as_ours(self, error: exceptions.Neo4jError) -> StoreError:
        code = error.code or ""
        if code in _LOGIN:
            return StoreLogin(f"{self._uri} {_LOGIN[code]}")
        if code.endswith("DatabaseNotFound"):
            return StoreUnreachable(
                f"{self._uri} has no database {self._database}. Set NEO4J_DATABASE to an "
                "existing one."
            )
        return StoreError(f"{self._uri} answers: {first_line(error.message)}")

    def _no_address(self, error: Exception) -> StoreUnreachable:
        return StoreUnreachable(
            f"{self._uri} isn't the address of a Neo4j server: {first_line(error)} Write "
            "bolt://HOST:7687 or neo4j://HOST:7687, with +s for TLS."
        )

    def reach(self) -> None:
        """Connect to the server once, without the driver's long retries."""
        if not self._reached:
            with self.translated():
                try:
                    self._driver.verify_connectivity()
                except (exceptions.ConfigurationError, ValueError) as error:
                    raise self._no_address(error) from error
            self._reached = True

    def session(self, **options: Any) -> neo4j.Session:
        """A new session of the driver; `options` are the driver's."""
        return self._driver.session(database=self._database, **options)

    def read(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> list[list[Any]]:
        """The rows of a query, in a transaction that may be repeated."""
        with self.translated(), self.session(default_access_mode=neo4j.READ_ACCESS) as session:
            return session.execute_read(
                lambda tx: [r.values() for r in tx.run(cypher, dict(parameters or {}))]
            )

    def write(self, cypher: str, parameters: Mapping[str, Any]) -> None:
        """Run a statement in a transaction that may be repeated."""
        with self.translated(), self.session() as session:
            session.execute_write(lambda tx: tx.run(cypher, dict(parameters)).consume())

    def in_batches(self, cypher: str, parameters: dict[str, Any]) -> None:
        """Run a statement that has transactions of its own."""
        with self.translated(), self.session() as session:
            session.run(cypher, parameters).consume()
