"""The store port that both engines implement, its errors, and a store's notes about itself."""

import json
import shlex
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.graph.meta import Meta
from followsuit.graph.query import check_parameters
from followsuit.graph.schema import (
    RENAMED,
    RENAMED_COLUMNS,
    VERSION,
    Element,
    NodeType,
    RelationshipType,
)
from followsuit.graph.state import StateFolder

Rows: TypeAlias = pa.Table | Path
"""An element's rows, in `arrow_schema()` columns: an Arrow table, or a Parquet file of any size."""


class StoreError(FollowsuitError):
    """The store can't be used as it is."""


class StoreMissing(StoreError):
    """There is no store at that place."""


class StoreNotOurs(StoreError):
    """The database holds something that followsuit did not write."""


class StoreTooNew(StoreError):
    """A later version of followsuit wrote the store."""


class StoreDamaged(StoreError):
    """The store has lost its content; its state folder still exists."""


class StoreIncomplete(StoreError):
    """A load is under way or was interrupted."""


class StoreBusy(StoreError):
    """Another process holds the store."""


class StoreUnreachable(StoreError):
    """The server does not answer."""


class StoreLogin(StoreError):
    """The server refuses the user name or password."""


class GraphStore(ABC):
    """A graph of customers, products, stores and friendships, on one engine.

    Write inside `writing()`, which only one process at a time can hold. Rows go in and come out as
    Arrow tables in the columns of the element's `arrow_schema()`; money is in whole minor units,
    times are UTC.
    """

    def __init__(self, name: str, state: StateFolder) -> None:
        self.name = name
        """The store as the user named it, without a password."""
        self.state = state
        """The state folder beside the store."""

    # What each engine implements.

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """Open the store for reading, so that several reads see the same state.

        Raises:
            StoreMissing: there is no store.
            StoreNotOurs, StoreTooNew: something else, or a later version, wrote the data.
            StoreBusy: another process writes to the store.
            StoreUnreachable, StoreLogin: the server doesn't answer, or refuses the login.
        """

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Open the store for writing, exclusively; make its schema if it is new.

        Raises:
            StoreError: as `reading`, except StoreMissing.
        """

    @abstractmethod
    def write(self, element: Element, rows: Rows, progress: Progress = silent) -> None:
        """Create the rows whose key is new, and update the others.

        If the key has no `target`, a row with an empty target deletes its source's relationship.
        After a failure, some rows may have been written; writing them again does no harm.

        Args:
            element: the label or relationship type of the rows.
            rows: the rows, in the columns of `arrow_schema()`.
            progress: progress callback, one unit per row.

        Raises:
            StoreError: an end of a relationship does not exist, or the engine can't write.
        """

    @abstractmethod
    def export(self, element: Element, path: Path, progress: Progress = silent) -> None:
        """Write all rows of an element to a Parquet file, in no particular order.

        Args:
            element: the label or relationship type of the rows.
            path: the file to write.
            progress: progress callback.
        """

    @abstractmethod
    def count(self, element: Element) -> int:
        """Count the nodes of a label, or the relationships of a type between its two labels."""

    @abstractmethod
    def delete(self, element: Element, column: str, values: Sequence[str]) -> None:
        """Delete the rows whose `column` is one of `values`; a node with its relationships.

        Args:
            element: the label or relationship type of the rows.
            column: a text column of `arrow_schema()`.
            values: the values of the rows to delete.
        """

    @abstractmethod
    def delete_rows(self, element: RelationshipType, keys: pa.Table) -> None:
        """Delete the relationships whose values equal those of a row of `keys`.

        The columns of `keys` are any of `arrow_schema()`; an empty cell equals an empty cell.
        """

    @abstractmethod
    def clear(self, element: RelationshipType) -> None:
        """Delete all relationships of this type between its two labels."""

    @property
    def files(self) -> list[Path]:
        """The files of the store; none for a server, whose files are out of reach."""
        return []

    @abstractmethod
    def rewrite(self, progress: Progress = silent) -> list[Path]:
        """Write the store's files anew, because deleted rows leave their bytes in them.

        Call it outside `reading()` and `writing()`. Killed at any moment, it leaves the old files
        or the new ones.

        Args:
            progress: progress callback.

        Returns:
            The files: those of the store; of a server, whose files are out of reach, those for
            `offline_step`.
        """

    def offline_step(self) -> list[str]:
        """The commands that finish `rewrite` on a server's machine; none for other engines."""
        return []

    @abstractmethod
    def activate(self, run_id: str, results: Mapping[RelationshipType, Rows]) -> None:
        """Make a `Run` the active one of its kind, and all others inactive, in one transaction.

        Killed at any moment, it leaves the earlier run active, with all its results.

        Args:
            run_id: the run.
            results: the run's rows of relationship types with `run_id`. They replace all others.
        """

    def index_vectors(self, node: NodeType, column: str) -> None:  # noqa: B027
        """Make the index for `nearest_by_index` (inside `writing()`), if the engine has one."""

    def nearest_by_index(  # noqa: B027
        self, node: NodeType, column: str, vector: Sequence[float], k: int
    ) -> list[str] | None:
        """Approximate the k nodes with the nearest vectors by cosine similarity.

        Args:
            node: the label of the nodes.
            column: the column of the vectors.
            vector: the vector to compare with.
            k: the number of nodes.

        Returns:
            The keys of the nodes, the nearest first; None if the engine has no vector index.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the engine."""

    @abstractmethod
    def _make_schema(self) -> None:
        """Create what the schema has and the store lacks."""

    @abstractmethod
    def _rename(self, old: str, new: str) -> None:
        """Rename a relationship type, in a store that may have renamed it already, or in part."""

    @abstractmethod
    def _rename_column(self, kind: str, old: str, new: str) -> None:
        """Rename a column of a relationship type, in a store that may have renamed it already."""

    @abstractmethod
    def _query(
        self, cypher: str, parameters: dict[str, Any], timeout: float | None = None
    ) -> pa.Table:
        """Run a query in the engine's read mode; its parameters are already checked."""

    @abstractmethod
    def _holds_others(self) -> bool:
        """Whether a store without notes holds data that followsuit did not write."""

    @abstractmethod
    def _put_meta(self, entries: Mapping[str, str]) -> None:
        """Write notes about the store, in one transaction if the engine can."""

    @abstractmethod
    def _get_meta(self) -> dict[str, str]:
        """Read the notes about the store; empty if it has none."""

    # The same on every engine.

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(
        self, cypher: str, parameters: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> pa.Table:
        """Run a read-only Cypher query.

        The engine refuses to write to the graph, but can access files: run a user's query through
        `followsuit.queries` instead.

        Args:
            cypher: the query, with `$name` for parameters.
            parameters: values by name.
            timeout: seconds; None for no limit.

        Raises:
            QueryError: the query or a parameter isn't valid, or the query would change the graph.
            QueryTimeout: the query runs past its limit.
        """
        checked = check_parameters(cypher, parameters or {})
        with self.reading():
            return self._query(cypher, checked, timeout)

    def query_apart(
        self, cypher: str, parameters: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> pa.Table:
        """Run a user's query like `query`, with hard limits of time and memory.

        Args:
            cypher: the query, with `$name` for parameters.
            parameters: values by name.
            timeout: seconds; None for no limit.

        Raises:
            QueryError: the query or a parameter isn't valid, or the query would change the graph.
            QueryTimeout, QueryTooLarge: the query exceeds its time or memory.
            QueryCrashed: the query crashes the engine.
        """
        return self._query_apart(cypher, check_parameters(cypher, parameters or {}), timeout)

    def _query_apart(
        self, cypher: str, parameters: dict[str, Any], timeout: float | None
    ) -> pa.Table:
        """Run a query with hard limits; by default the server enforces them."""
        with self.reading():
            return self._query(cypher, parameters, timeout)

    def read(self, element: Element) -> pa.Table:
        """All rows of an element, in memory, in no particular order."""
        with tempfile.TemporaryDirectory(prefix="followsuit-") as folder:
            path = Path(folder) / "rows.parquet"
            self.export(element, path)
            return pq.read_table(path, memory_map=False)

    @property
    def meta(self) -> Meta:
        """What the store notes about itself."""
        with self.reading():
            return Meta(self._get_meta())

    def note(self, **entries: object) -> None:
        """Change notes about the store (inside `writing()`), named as the attributes of `Meta`."""
        self._put_meta({key: json.dumps(value) for key, value in entries.items()})

    def changed(self) -> None:
        """Start a new revision after a change of the data, so that a new snapshot is made."""
        self.note(revision=self.meta.revision + 1)

    def require_complete(self) -> None:
        """Raise StoreIncomplete if a load, `forget`, `correct` or `consent set` is unfinished.

        Raise StoreMissing before the first load.
        """
        self.require_loaded()
        if self.state.forgetting.exists():
            raise StoreIncomplete(
                f"A `followsuit forget` of {self.name} is under way or was interrupted. Run "
                f"`followsuit forget --store {shlex.quote(self.name)}` to finish it."
            )
        if self.state.changing.exists():
            raise StoreIncomplete(
                f"A change of a customer's data in {self.name} is under way or was interrupted. "
                "Run the same `followsuit correct` or `followsuit consent set` again."
            )

    def require_loaded(self) -> None:
        """Raise StoreIncomplete if a load is unfinished, StoreMissing before the first load."""
        meta = self.meta
        source = meta.loading
        if source is not None:
            raise StoreIncomplete(
                f"{self.name} is incomplete: its load from {source} is under way or was "
                f"interrupted. Run `followsuit load {shlex.quote(source)} --store "
                f"{shlex.quote(self.name)}` again with the same options; it resumes."
            )
        if not meta.revision:
            raise StoreMissing(
                f"Nothing has been loaded into {self.name} yet. Run `followsuit load FOLDER` first."
            )

    def _check_readable(self) -> Meta:
        """Return the notes; raise StoreMissing, StoreNotOurs or StoreTooNew if it can't be read."""
        meta = self._get_meta()
        if not meta and not self._holds_others():
            raise missing(self.name)
        check_version(self.name, meta)
        return Meta(meta)

    def _check_writable(self) -> None:
        """Raise StoreNotOurs or StoreTooNew unless the store can be written."""
        meta = self._get_meta()
        if meta or self._holds_others():
            check_version(self.name, meta)

    def _begin(self) -> None:
        """Write the first notes of a new store."""
        if not self._get_meta():
            self.note(version=VERSION, store_id=uuid.uuid4().hex, revision=0)

    def _upgrade_older(self) -> None:
        """Upgrade a store of an earlier version, inside an exclusive session.

        The first note comes before any change: from then on earlier versions refuse the store, and
        if this process is killed, the next one that opens the store does all of it again.
        """
        meta = self._get_meta()
        if meta and Meta(meta).outdated:
            self.note(version=VERSION, upgrading=True)
            for old, new in RENAMED.items():
                self._rename(old, new)
            for kind, old, new in RENAMED_COLUMNS:
                self._rename_column(kind, old, new)
            self._make_schema()
            self.note(upgrading=False)


def missing(name: str) -> StoreMissing:
    """The error for a store that doesn't exist."""
    return StoreMissing(
        f"There is no store at {name}. Run `followsuit load FOLDER --store {name}` first, or name "
        "another with --store."
    )


def check_version(name: str, meta: Mapping[str, str]) -> None:
    """Raise StoreNotOurs if there are no notes, StoreTooNew if a later version wrote them."""
    if not meta:
        raise StoreNotOurs(
            f"{name} holds data that followsuit did not write. Name another store or database, or "
            "empty this one first."
        )
    version = json.loads(meta.get("version", "0"))
    if version > VERSION:
        raise StoreTooNew(
            f"{name} was written by a later version of followsuit (store version {version}; this "
            f"one reads up to {VERSION}). Upgrade followsuit, or load into a new store."
        )


@contextmanager
def as_parquet(rows: Rows) -> Iterator[Path]:
    """Rows as a Parquet file: the given file, or a temporary one for a table."""
    if isinstance(rows, Path):
        yield rows
        return
    with tempfile.TemporaryDirectory(prefix="followsuit-") as folder:
        path = Path(folder) / "rows.parquet"
        pq.write_table(rows, path)
        yield path


def first_line(text: object) -> str:
    """The first line of an engine's message, as a sentence."""
    line = str(text).strip().splitlines()[0]
    return line if line.endswith(".") else line + "."
