"""Whether a Neo4j server can be started here."""

import os

import neo4j_server
import pytest


def require_neo4j() -> None:
    """Skip the test where no Neo4j can be started here; fail it in CI."""
    if lacks := neo4j_server.missing():
        if os.environ.get("CI") == "true":
            pytest.fail(f"The tests against Neo4j must run in CI: {lacks}")
        pytest.skip(f"The tests against Neo4j need one: {lacks}")
