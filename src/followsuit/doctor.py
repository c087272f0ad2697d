"""What of followsuit works on this machine."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

from followsuit.config import Settings, read_settings
from followsuit.graph.errors import FollowsuitError
from followsuit.graph.store import StoreMissing

_LIBRARIES = {
    "ladybug": "the embedded engine",
    "neo4j": "the driver of Neo4j",
    "duckdb": "sets of rows on disk",
    "ibis": "the snapshot",
    "sklearn": "the weights",
    "networkit": "communities",
    "numba": "the simulator",
}


@dataclass(frozen=True)
class Check:
    """One thing that is looked at."""

    name: str
    sound: bool
    said: str
    needed: bool = True


def examine(store: str | None) -> Iterator[Check]:
    """Look at Python, the libraries, the store, and what the tests against Neo4j need."""
    settings = read_settings(store=store)
    running = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", sys.version_info >= (3, 11), f"{running}, 3.11 or later is needed")
    for name, purpose in _LIBRARIES.items():
        yield _library(name, purpose)
    yield _extra()
    yield _store(settings)
    for tool, what in (
        ("java", "a JDK 17 or later"),
        ("javac", "a JDK 17 or later; this may be a JRE"),
        ("mvn", "Apache Maven"),
    ):
        found = shutil.which(tool)
        lacking = f"install {what}, for `make neo4j` and the tests that need a Neo4j of their own"
        yield Check(tool, found is not None, found or lacking, needed=False)
    if uri := os.environ.get("NEO4J_URI"):
        yield _store(read_settings(store=uri))


def _extra() -> Check:
    lacking = [name for name in ("torch", "torch_geometric", "implicit") if not find_spec(name)]
    said = f"{', '.join(lacking)} missing: pip install 'followsuit[gnn]' for networks and ials"
    return Check("extra gnn", not lacking, said if lacking else "networks and ials", needed=False)


def _library(name: str, purpose: str) -> Check:
    distribution = {"sklearn": "scikit-learn", "ibis": "ibis-framework"}.get(name, name)
    try:
        import_module(name)
        return Check(name, True, f"{version(distribution)}, {purpose}")
    except ImportError as error:
        return Check(name, False, f"{error}; install followsuit again, {purpose} need it")


def _store(settings: Settings) -> Check:
    try:
        with settings.connect() as store:
            meta = store.meta
            store.require_complete()
        return Check(f"store {settings.store}", True, f"loaded, revision {meta.revision}")
    except StoreMissing as error:
        return Check(f"store {settings.store}", False, str(error), needed=False)
    except FollowsuitError as error:
        return Check(f"store {settings.store}", False, str(error))
