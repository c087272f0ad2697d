"""The Python API: a shop is a store and what can be asked of it."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from followsuit.config import Settings
from followsuit.core.progress import Progress, silent
from followsuit.core.times import instant, length
from followsuit.graph.models import ModelStore
from followsuit.graph.runs import SCORE, Run, prune_runs, runs, use_run
from followsuit.graph.store import GraphStore
from followsuit.queries.runner import run_cypher, run_query

# What is slow to import is imported by the method that needs it.
if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from followsuit.gnn.data.dataset import Split
    from followsuit.gnn.embeddings import Embedded
    from followsuit.gnn.evaluation.friend_ablation import FriendAblation
    from followsuit.gnn.models.recommender import Recommender
    from followsuit.graph.view import SharedView, View
    from followsuit.influence.analysis import Analysis
    from followsuit.loaders.load_report import LoadReport
    from followsuit.offers.backtest.backtest import BacktestReport
    from followsuit.offers.explanation.explain import Explanation
    from followsuit.offers.score import ScoreReport

Instant = str | date | datetime
Length = str | timedelta


class Shop:
    """A store of customers, products, stores and friendships.

    Dates may be text; a date is its 00:00 UTC. Lengths of time are `14d`, `2w`, `36h` or a
    `timedelta`. A shop holds nothing open between calls of the embedded engine, so that notebooks
    and nightly loads don't keep each other out.

        >>> shop = followsuit.open("followsuit.lbug")
        >>> shop.query("counts")
        >>> shop.friends("2025-12-31").number_of_edges()
    """

    def __init__(self, settings: Settings, progress: Progress = silent) -> None:
        self._settings = settings
        self._progress = progress
        self.store: GraphStore = settings.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Let go of the server, where there is one."""
        self.store.close()

    @property
    def timeout(self) -> float:
        """Seconds that a query may take."""
        return self._settings.timeout

    @property
    def _memory(self) -> int:
        """What set-shaped work may use: a third, the engine holds the rest."""
        return int(self._settings.memory) // 3

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
    ) -> "LoadReport":
        """Load a folder or a database; see `followsuit.loaders.load.load`.

        Args:
            place: a folder, or an SQLAlchemy URL.
            mapping: the name of a shipped mapping or the path of a TOML file.
            assume_consent: take contact and social use as granted where no row says otherwise.
            replace: tables that are delivered whole each time.
            yes: let `replace` delete more than 1 % of a table's rows.
            max_rejects: the share of a table's rows, from 0 to 1, beyond which rejects are an
                error.
            loaded_at: names the file of the rejects.
            announce: called with a line before `replace` deletes rows.
        """
        from followsuit.loaders.load import load
        from followsuit.loaders.mapping import read_mapping

        return load(
            self.store,
            str(place),
            read_mapping(mapping) if mapping else None,
            assume_consent=assume_consent,
            replace=replace,
            yes=yes,
            max_rejects=max_rejects,
            loaded_at=None if loaded_at is None else instant(loaded_at),
            announce=announce,
            memory=self._memory,
            progress=self._progress,
        )

    def snapshot(self, as_of: Instant, *, refresh: bool = False) -> "View":
        """What was known at an instant, as Ibis tables; see `View`."""
        from followsuit.graph.view import view_of

        return view_of(
            self.store,
            instant(as_of),
            refresh=refresh,
            memory=self._memory,
            progress=self._progress,
        )

    def friends(self, as_of: Instant) -> "nx.Graph":
        """The friend graph; a `networkx.DiGraph` when any friendship is directed."""
        return self.snapshot(as_of).friends()

    def purchases(self, as_of: Instant) -> "pd.DataFrame":
        """Purchases in the contract's columns, `amount` in minor units of money."""
        return self.snapshot(as_of).purchases()

    def query(self, name: str, *, now: Instant | None = None, **parameters: Any) -> "pd.DataFrame":
        """Run a query of the library by name.

        Args:
            name: see `followsuit query` for those that there are.
            now: the instant that parameters default to that stand for the present.
            parameters: of the query.
        """
        present = None if now is None else instant(now)
        rows = run_query(self.store, name, parameters, now=present, timeout=self.timeout)
        frame: pd.DataFrame = rows.to_pandas()
        return frame

    def cypher(self, text: str, **parameters: Any) -> "pd.DataFrame":
        """Run a Cypher query of your own that only reads the graph."""
        rows = run_cypher(self.store, text, parameters, timeout=self.timeout)
        frame: pd.DataFrame = rows.to_pandas()
        return frame

    def score(
        self,
        as_of: Instant,
        created_at: Instant,
        *,
        window: Length = "14d",
        top: int = 10,
        customers: Sequence[str] | None = None,
        affinity: str | None = None,
        learn: str = "auto",
        refresh: bool = False,
        seed: int = 0,
        max_age: Length = "7d",
        min_share: float = 0.5,
        activate: bool | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> "ScoreReport":
        """Rank offers and activate them; see `followsuit.offers.score.score`.

        Raises:
            Refused: a guard refuses, so that no stale or empty run replaces a good one.
        """
        from followsuit.offers.guards import ignore_note
        from followsuit.offers.score import score

        return score(
            self.store,
            instant(as_of),
            instant(created_at),
            window=length(window),
            top=top,
            customers=customers,
            affinity=affinity or self._settings.affinity,
            learn=learn,
            refresh=refresh,
            seed=seed,
            max_age=length(max_age),
            min_share=min_share,
            activate=activate,
            tell=tell or ignore_note,
            memory=self._memory,
            progress=self._progress,
        )

    def explain(self, customer: str, target: str) -> "Explanation":
        """Why, or why not, the run in force offers a customer an item or offer."""
        from followsuit.offers.explanation.explain import explain

        return explain(self.store, customer, target, memory=self._memory, progress=self._progress)

    def backtest(
        self,
        start: Instant,
        end: Instant,
        *,
        every: Length = "7d",
        horizon: Length = "14d",
        window: Length = "14d",
        affinity: str | None = None,
        refit: int = 0,
        seed: int = 0,
        out: Path | None = None,
        refresh: bool = False,
    ) -> "BacktestReport":
        """Judge the ranking on the past; see `followsuit.offers.backtest.backtest`."""
        from followsuit.gnn.evaluation.ablation_result import friends_help
        from followsuit.offers.backtest.backtest import backtest

        return backtest(
            self.snapshot(end, refresh=refresh),
            instant(start),
            instant(end),
            length(every),
            length(horizon),
            window=length(window),
            affinity=affinity or self._settings.affinity,
            friends_help=friends_help(self.store, instant(start)),
            refit=refit,
            seed=seed,
            out=out,
            progress=self._progress,
        )

    def influence(self, as_of: Instant, *, refresh: bool = False) -> "Analysis":
        """Network analysis as of an instant; see `followsuit.influence.analysis.Analysis`."""
        from followsuit.influence.analysis import Analysis

        view = self.snapshot(as_of, refresh=refresh)
        return Analysis(self.store, view, progress=self._progress)

    def split(self, as_of: Instant, horizon: Length = "28d", *, refresh: bool = False) -> "Split":
        """What was known on a day and what came after, for `evaluate` and `audit`.

        Raises:
            NothingToLearn, NothingToJudge.
        """
        from followsuit.gnn.data.from_view import temporal_split

        end = instant(as_of) + length(horizon)
        return temporal_split(self._shared(end, refresh), instant(as_of))

    def train(
        self,
        as_of: Instant,
        *,
        model: str | None = None,
        resume: bool = False,
        seed: int = 0,
        refresh: bool = False,
    ) -> "tuple[Recommender, Path]":
        """Train a model and keep it beside the store; see `followsuit.gnn.training.trained`.

        Returns:
            The model, and the folder that it is kept in.
        """
        from followsuit.gnn.training.distributed import joined, of_first, world
        from followsuit.gnn.training.trained import train_model

        with joined():
            if world() > 1:
                # The others then find its files.
                of_first(lambda: self.snapshot(as_of, refresh=refresh).snapshot.content)
            view = self._shared(as_of, refresh and world() == 1)
            name = model or _default_model(view)
            models = ModelStore(self.store.state)
            fitted = train_model(
                name, view, models, resume=resume, seed=seed, progress=self._progress
            )
        return fitted, models.named(name)

    def obey(
        self, found: "FriendAblation", as_of: Instant, created_at: Instant, horizon: Length = "28d"
    ) -> datetime:
        """Let the ranking obey what an audit has found.

        Args:
            found: by `gnn.evaluation.friend_ablation.ablate_friends` on a `split` of this shop.
            as_of: of the split.
            created_at: the time that the finding is noted with.
            horizon: of the split.

        Returns:
            The instant from which on it is obeyed: what lies before must not know what the audit
            judged on.
        """
        from followsuit.gnn.evaluation.ablation_result import write_ablation

        seen = instant(as_of) + length(horizon)
        write_ablation(self.store, found, seen, instant(created_at))
        return seen

    def _shared(self, as_of: Instant, refresh: bool) -> "SharedView":
        """What was known of the customers who share their activity."""
        return self.snapshot(as_of, refresh=refresh).shared.require_sharing()

    def embed(
        self,
        as_of: Instant,
        created_at: Instant,
        *,
        model: str | None = None,
        seed: int = 0,
        refresh: bool = False,
    ) -> "tuple[Embedded, str]":
        """Learn embeddings and put them into force; see `followsuit.gnn.embeddings`.

        A model that `train` has kept for this very graph is taken as it is.

        Args:
            as_of: nothing later is seen.
            created_at: the time that the run is noted with.
            model: its name; `social` where there are friendships, else `lightgcn`.
            seed: of all that is random.
            refresh: read a server anew that others have written to.

        Returns:
            The embeddings, and the id of their run.
        """
        from followsuit.gnn.embeddings import embed, write_embeddings
        from followsuit.gnn.models.registry import model as model_of

        view = self._shared(as_of, refresh)
        name = model or _default_model(view)
        found = embed(
            model_of(name), view, folder=ModelStore(self.store.state).named(name), seed=seed,
            progress=self._progress,
        )  # fmt: skip
        run_id = write_embeddings(
            self.store, found, view.snapshot.content, instant(created_at), self._progress,
            view.snapshot.meta.revision,
        )  # fmt: skip
        return found, run_id

    def nearest(
        self,
        node_kind: str,
        node_id: str,
        *,
        among: str = "*",
        limit: int = 10,
        approximate: bool = False,
    ) -> "pd.DataFrame":
        """The customers, products or stores whose embeddings are nearest to one's, by cosine.

        Args:
            node_kind: `customer`, `product` or `store`.
            node_id: its id.
            among: the kind of the nearest; `*` is every one.
            limit: rows at the most.
            approximate: ask the server's index of vectors, which is quick at any size and may miss
                a neighbour; without one, all are compared.

        Returns:
            `node_kind, node_id, similarity`, the nearest first.
        """
        from followsuit.gnn.nearest import nearest_by_index

        if approximate:
            rows = nearest_by_index(self.store, node_kind, node_id, among=among, limit=limit)
            if rows is not None:
                found: pd.DataFrame = rows.to_pandas()
                return found
        return self.query("nearest", node_kind=node_kind, node_id=node_id, among=among, limit=limit)

    def runs(self) -> list[Run]:
        """All runs, the latest first; `active` marks the one that is shown."""
        return runs(self.store, SCORE)

    def use_run(self, run_id: str) -> None:
        """Put another run into force."""
        use_run(self.store, run_id)

    def prune_runs(self, keep: int) -> list[str]:
        """Delete all but the latest runs and the one in force; the ids of those deleted."""
        return prune_runs(self.store, keep)


def _default_model(view: "SharedView") -> str:
    """The network that fits what is known: with friends where there are any."""
    return "social" if view.friendships.count().execute() else "lightgcn"
