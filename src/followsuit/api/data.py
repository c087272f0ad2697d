"""The data of a shop: loads, tables and queries."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from followsuit.api.opened import Instant, OpenedStore
from followsuit.core.times import instant
from followsuit.queries.runner import run_cypher, run_query

# Each method imports the slow modules that it needs.
if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd
    from torch_geometric.data import HeteroData

    from followsuit.loaders.load_report import LoadReport


class Data(OpenedStore):
    """The data of a shop: loads, tables and queries."""

    def load(
        self,
        place: str | Path,
        mapping: str | None = None,
        *,
        assume_consent: bool = False,
        replace: Sequence[str] = (),
        yes: bool = False,
        max_rejects: float | None = None,
        loaded_at: Instant | None = None,
        announce: Callable[[str], None] | None = None,
        check: bool = False,
    ) -> "LoadReport":
        """Load a folder or a database; see `followsuit.loaders.load.load`.

        Args:
            place: a folder, or an SQLAlchemy URL.
            mapping: the name of a shipped mapping or the path of a TOML file.
            assume_consent: treat contact and social use as granted unless a row says otherwise.
            replace: tables that each delivery contains in full; a load deletes their other rows.
            yes: allow `replace` to delete more than 1 % of a table's rows.
            max_rejects: the largest share of a table's rows, from 0 to 1, that may be rejected.
            loaded_at: the time in the name of the rejects file.
            announce: called with a message before `replace` deletes rows.
            check: only say what the load would do, and write nothing.

        Raises:
            DeliveryError: the delivery can't be loaded.
            MappingError: the mapping isn't valid.
            StoreBusy: another process writes to the store.
        """
        from followsuit.loaders import check as checking
        from followsuit.loaders.load import load
        from followsuit.loaders.mapping import read_mapping

        understood = read_mapping(mapping) if mapping else None
        if check:
            return checking.check(
                self.store,
                str(place),
                understood,
                assume_consent=assume_consent,
                replace=replace,
                yes=yes,
                max_rejects=max_rejects,
                memory=self._memory,
                progress=self._progress,
            )
        return load(
            self.store,
            str(place),
            understood,
            assume_consent=assume_consent,
            replace=replace,
            yes=yes,
            max_rejects=max_rejects,
            loaded_at=None if loaded_at is None else instant(loaded_at),
            announce=announce,
            memory=self._memory,
            progress=self._progress,
        )

    def friends(self, as_of: Instant) -> "nx.Graph":
        """The friend graph; a `networkx.DiGraph` if any friendship is directed."""
        return self.snapshot(as_of).friends()

    def purchases(self, as_of: Instant) -> "pd.DataFrame":
        """Purchases in the contract's columns, with `amount` in minor units of money."""
        return self.snapshot(as_of).purchases()

    def hetero_data(self, as_of: Instant, *, refresh: bool = False) -> "HeteroData":
        """The graph of the customers who share activity, as PyG's `HeteroData`.

        Needs the extra `gnn`; see `followsuit.gnn.data.tensors.tensors` for nodes and edges.

        Raises:
            MissingExtra: torch or torch-geometric isn't installed.
            NobodyShares: no customer shares activity.
        """
        from followsuit.gnn.models.registry import require_extra

        require_extra("torch_geometric", "hetero_data")
        from followsuit.gnn.data.tensors import tensors

        return tensors(self._shared(as_of, refresh), self._progress)

    def query(self, name: str, *, now: Instant | None = None, **parameters: Any) -> "pd.DataFrame":
        """Run a query of the library by name.

        Amounts are whole minor units (hundredths).

        Args:
            name: a query's name; `followsuit query` lists them.
            now: the default of parameters that mean the present.
            parameters: the query's parameters.

        Raises:
            UnknownQuery: there is no such query.
            QueryError: a parameter is missing or isn't valid, or the query fails.
        """
        present = None if now is None else instant(now)
        rows = run_query(self.store, name, parameters, now=present, timeout=self.timeout)
        frame: pd.DataFrame = rows.to_pandas()
        return frame

    def cypher(self, text: str, **parameters: Any) -> "pd.DataFrame":
        """Run your own read-only Cypher query.

        Raises:
            QueryError: the query fails, or it isn't read-only.
        """
        rows = run_cypher(self.store, text, parameters, timeout=self.timeout)
        frame: pd.DataFrame = rows.to_pandas()
        return frame
