"""Checks which parts of followsuit work on this machine, and how old and large the data is."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from followsuit.config import Settings, read_settings
from followsuit.core.errors import FollowsuitError
from followsuit.graph import schema as g
from followsuit.graph.meta import Meta
from followsuit.graph.results.runs import SCORE, Run, active, runs
from followsuit.graph.store import GraphStore, StoreMissing
from followsuit.offers.run.activation import oldest
from followsuit.offers.run.guards import in_words
from followsuit.offers.run_parameters import LEARNED
from followsuit.queries.runner import run_query

_LIBRARIES = {
    "ladybug": "the embedded engine",
    "neo4j": "the driver of Neo4j",
    "duckdb": "the engine of snapshots",
    "ibis": "snapshots",
    "sklearn": "the acceptance model",
    "lightgbm": "the boosted acceptance model",
    "networkit": "communities",
    "numba": "compiled loops",
}

_LEVEL = (0.8, 1.25)
"""A calibration has drifted if the 95 % interval of observed over expected lies outside."""
_OLD = timedelta(days=30)
"""An older calibration counts as drifted too."""


@dataclass(frozen=True)
class Check:
    """One check and its result."""

    name: str
    sound: bool
    detail: str
    needed: bool = True
    mark: str | None = None
    """The label if it fails; by default, whether it is needed."""

    @property
    def label(self) -> str:
        """`ok`, or what is wrong in a word."""
        if self.sound:
            return "ok"
        return self.mark or ("MISSING" if self.needed else "absent")


@dataclass(frozen=True)
class Figures:
    """How old and how large a store is."""

    now: datetime
    newest: datetime | None
    """The time of the newest purchase or visit up to now."""
    run: Run | None
    """The active run."""
    sizes: dict[str, int]
    """Nodes by label and relationships by type."""
    store_bytes: int | None
    """The store's size on this disk; None for a server."""
    state_bytes: int
    """The size of the state folder: snapshots, models, files of runs."""

    def as_dict(self) -> dict[str, Any]:
        """The figures as `doctor --json` writes them, with ages in days."""
        return {
            "now": self.now.isoformat(),
            "newest_interaction": self.newest.isoformat() if self.newest else None,
            "data_age_days": self._days(self.newest),
            "active_run": self.run.run_id if self.run else None,
            "active_run_as_of": oldest(self.run).isoformat() if self.run else None,
            "active_run_age_days": self._days(oldest(self.run)) if self.run else None,
            "sizes": self.sizes,
            "store_bytes": self.store_bytes,
            "state_bytes": self.state_bytes,
        }

    def checks(self, max_age: timedelta | None) -> Iterator[Check]:
        """The checks of the figures; with a `max_age`, older data fails."""
        yield self._age("data", self.newest, "newest purchase or visit", max_age)
        since = oldest(self.run) if self.run else None
        label = f"{self.run.run_id}, as of" if self.run else "run `followsuit score --as-of DATE`"
        yield self._age("active run", since, label, max_age)
        if self.run:
            yield _calibration(self.run, self.now)
        sizes = ", ".join(f"{n:,} {name}" for name, n in self.sizes.items() if n)
        yield Check("sizes", True, sizes or "the store is empty")
        store = "on its server" if self.store_bytes is None else decimal(self.store_bytes)
        yield Check("disk", True, f"store {store}, state folder {decimal(self.state_bytes)}")

    def _age(
        self, name: str, since: datetime | None, label: str, max_age: timedelta | None
    ) -> Check:
        if since is None:
            return Check(name, False, f"none; {label}", needed=max_age is not None)
        age = self.now - since
        text = f"{label} {since:%Y-%m-%d %H:%M} UTC, {self._days(since):.1f} days old"
        if max_age is None or age <= max_age:
            return Check(name, True, text)
        return Check(name, False, f"{text}: older than --max-age {in_words(max_age)}", mark="OLD")

    def _days(self, since: datetime | None) -> float | None:
        return None if since is None else round((self.now - since) / timedelta(days=1), 3)


def _calibration(run: Run, now: datetime) -> Check:
    """Whether the probabilities of a run still hold; a warning if they have drifted."""
    kept = run.parameters.get(LEARNED) or {}
    if not kept.get("calibration"):
        text = "the run's probabilities aren't calibrated: too little is known of earlier days"
        return Check("calibration", False, text, needed=False)
    age = now - datetime.fromisoformat(kept["as_of"])
    text = f"{max(age / timedelta(days=1), 0):.1f} days old"
    drifted = age > _OLD
    if check := kept["check"]:
        ratio = check["observed_over_expected"]
        text += f"; on {check['as_of'][:10]}, observed over expected was {ratio['value']:.2f}"
        text += f" ({ratio['low']:.2f} to {ratio['high']:.2f})"
        drifted |= ratio["high"] < _LEVEL[0] or ratio["low"] > _LEVEL[1]
    if drifted:
        text += ": run `followsuit score --learn always`, and check the data if it stays so"
    return Check("calibration", not drifted, text, needed=False, mark="DRIFTED")


def examine(store: str | None) -> Iterator[Check]:
    """Check Python, the libraries, the store, and what the tests against Neo4j need."""
    settings = read_settings(store=store)
    running = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", sys.version_info >= (3, 11), f"{running}, 3.11 or later is needed")
    for name, purpose in _LIBRARIES.items():
        yield _library(name, purpose)
    yield _extra()
    yield from _store(settings)
    for tool, what in (
        ("java", "a JDK 17 or later"),
        ("javac", "a JDK 17 or later; this may be a JRE"),
        ("mvn", "Apache Maven"),
    ):
        path = shutil.which(tool)
        advice = f"install {what}, for `make neo4j` and the tests that start a Neo4j server"
        yield Check(tool, path is not None, path or advice, needed=False)
    if uri := os.environ.get("NEO4J_URI"):
        yield from _store(read_settings(store=uri))


def _extra() -> Check:
    missing = [name for name in ("torch", "torch_geometric", "implicit") if not find_spec(name)]
    advice = f"{', '.join(missing)} missing: pip install 'followsuit[gnn]' for networks and ials"
    return Check("extra gnn", not missing, advice if missing else "networks and ials", needed=False)


def _library(name: str, purpose: str) -> Check:
    distribution = {"sklearn": "scikit-learn", "ibis": "ibis-framework"}.get(name, name)
    try:
        import_module(name)
        return Check(name, True, f"{version(distribution)}, {purpose}")
    except ImportError as error:
        return Check(name, False, f"{error}; install followsuit again: needed for {purpose}")


def _rewritten(store: GraphStore, meta: Meta) -> Iterator[Check]:
    """Whether the files hold nothing of forgotten customers, if there are any."""
    folder = store.state.offline_import
    if meta.unrewritten:
        text = (
            f"the server's files still hold deleted bytes: run the import of {folder}; if it is "
            "missing, run `followsuit forget` again"
        )
        yield Check("forgotten", False, text, needed=False, mark="LEFT")
    elif meta.forgotten:
        text = f"{meta.forgotten:,} customers, and no file holds deleted bytes"
        if folder.exists():
            text += f"; delete {folder}, which has everybody's data"
        yield Check("forgotten", True, text)


def _store(settings: Settings) -> Iterator[Check]:
    try:
        with settings.connect() as store:
            meta = store.meta
            store.require_complete()
            yield Check(f"store {settings.store}", True, f"loaded, revision {meta.revision}")
            yield from _rewritten(store, meta)
    except StoreMissing as error:
        yield Check(f"store {settings.store}", False, str(error), needed=False)
    except FollowsuitError as error:
        yield Check(f"store {settings.store}", False, str(error))


def measure(store: str | None, now: datetime) -> Figures | None:
    """Measure how old and large the store is; None if it can't be read, which `examine` reports."""
    try:
        with read_settings(store=store).connect() as opened:
            opened.require_complete()
            counted = run_query(opened, "counts").to_pylist()
            return Figures(
                now,
                _newest(opened, now),
                active(runs(opened, SCORE)),
                {row["name"]: row["n"] for row in counted},
                None if "://" in opened.name else _size(Path(opened.name)),
                _size(opened.state.path),
            )
    except FollowsuitError:
        return None


def _newest(store: GraphStore, now: datetime) -> datetime | None:
    """The time of the newest purchase or visit up to now."""
    newest = [
        store.query(
            f"MATCH (:{element.source.label})-[r:{element.name}]->(:{element.target.label}) "
            f"WHERE r.{g.Col.AT} <= $now RETURN max(r.{g.Col.AT}) AS newest",
            {"now": now},
        )["newest"][0].as_py()
        for element in (g.PURCHASED, g.VISITED)
    ]
    return max((at.replace(tzinfo=UTC) for at in newest if at is not None), default=None)


def _size(path: Path) -> int:
    """The size in bytes of a file, or of a folder and everything in it."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
