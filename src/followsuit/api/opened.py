"""A store with its settings, and what was known at an instant."""

from datetime import date, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from followsuit.config import Settings
from followsuit.core.progress import Progress, silent
from followsuit.core.times import instant
from followsuit.graph.store import GraphStore

# Each method imports the slow modules that it needs.
if TYPE_CHECKING:
    from followsuit.graph.views.view import SharedView, View

Instant = str | date | datetime
Length = str | timedelta


class OpenedStore:
    """A store with its settings.

    With the embedded engine, nothing is open between calls, so that notebooks don't block nightly
    loads.
    """

    def __init__(self, settings: Settings, progress: Progress = silent) -> None:
        self._settings = settings
        self._progress = progress
        self.store: GraphStore = settings.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to a server."""
        self.store.close()

    @property
    def timeout(self) -> float:
        """Time limit of a query, in seconds."""
        return self._settings.timeout

    @property
    def _memory(self) -> int:
        """Memory for DuckDB: a third of the limit; the graph engine uses the rest."""
        return int(self._settings.memory) // 3

    def snapshot(self, as_of: Instant, *, refresh: bool = False) -> "View":
        """What was known at an instant, as Ibis tables; see `View`."""
        from followsuit.graph.views.view import view_of

        return view_of(
            self.store,
            instant(as_of),
            refresh=refresh,
            memory=self._memory,
            progress=self._progress,
        )

    def _shared(self, as_of: Instant, refresh: bool) -> "SharedView":
        """The view as of an instant, restricted to the customers who share activity."""
        return self.snapshot(as_of, refresh=refresh).shared.require_sharing()
