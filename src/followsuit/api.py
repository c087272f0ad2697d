"""The Python API: a shop is a store with its computations."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from followsuit.config import TRIGGERS, Settings
from followsuit.core.progress import Progress, silent
from followsuit.core.times import instant, length
from followsuit.graph.models import ModelStore
from followsuit.graph.runs import SCORE, Run, prune_runs, runs
from followsuit.graph.store import GraphStore
from followsuit.queries.runner import run_cypher, run_query

# Each method imports the slow modules that it needs.
if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd
    from torch_geometric.data import HeteroData

    from followsuit.gnn.data.dataset import Split
    from followsuit.gnn.embeddings import Embedded
    from followsuit.gnn.evaluation.friend_ablation import FriendAblation
    from followsuit.gnn.models.recommender import Recommender
    from followsuit.graph.view import SharedView, View
    from followsuit.influence.analysis import Analysis
    from followsuit.loaders.load_report import LoadReport
    from followsuit.offers.backtest.backtest import BacktestReport
    from followsuit.offers.explanation.explain import Explanation
    from followsuit.offers.handoff.hand_off import HandOff
    from followsuit.offers.score import ScoreReport
    from followsuit.privacy.audit.audit import AuditReport
    from followsuit.privacy.consents import Answer
    from followsuit.privacy.forget import Receipt
    from followsuit.privacy.prune import Pruned
    from followsuit.triggers.check import CheckedTriggers
    from followsuit.triggers.definitions.definition import Definition
    from followsuit.triggers.preview import Preview
    from followsuit.triggers.report.report import TriggerReport

Instant = str | date | datetime
Length = str | timedelta


class Shop:
    """A store of customers, products, stores and friendships.

    Dates may be text; a date means 00:00 UTC. Lengths of time are `14d`, `2w`, `36h` or a
    `timedelta`. With the embedded engine, a shop keeps nothing open between calls, so that
    notebooks don't block nightly loads.

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

    def triggers(
        self, file: Path | None = None, only: Sequence[str] | None = None
    ) -> "dict[str, Definition]":
        """The definitions of the triggers, shipped and your own, by name.

        Args:
            file: a file of your own triggers; by default, the setting `triggers`.
            only: names of the triggers; by default, all.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of a name.
        """
        from followsuit.triggers.definitions.definition_file import chosen, definitions

        return chosen(definitions(file or self._settings.triggers_file), only)

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
        triggers: Path | None = None,
        only: Sequence[str] | None = None,
        reasons: str | Path | None = None,
        policy: Path | None = None,
        compare: Path | None = None,
        per_item: int = 1,
        candidates: int = 50,
        everyone: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> "ScoreReport":
        """Rank offers and activate them; see `followsuit.offers.score.score` for the arguments.

        Args:
            affinity: by default, the setting `affinity`.
            triggers: a file of your own triggers; by default, the setting `triggers`.
            only: names of the triggers to use; by default, all.
            reasons: the language of the reasons, or a file; by default, the setting `reasons`.
            policy: a file of your policy; by default, the setting `policy`.
            compare: a file of another policy, whose offers are only compared.
            top: maximum number of offers per customer.
            per_item: maximum number of offers of one item per customer.
            candidates: maximum number of ranked candidates per customer.
            everyone: whether customers without a reason are ranked too.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of a name.
            ReasonTextError: a text isn't valid, or it is for a trigger that doesn't exist.
            PolicyError: the policy isn't valid.
            Refused: the run is stale or empty and would replace a good one.
            ScoreError: none of the `customers` is in the store.
            NothingLearned: `learn` is `never`, and no earlier run can be used.
        """
        from followsuit.offers.guards import ignore_note
        from followsuit.offers.score import score
        from followsuit.offers.selection import Selection
        from followsuit.policy.declared.policy_file import read_policy
        from followsuit.triggers.reason_texts import reason_texts

        return score(
            self.store,
            instant(as_of),
            instant(created_at),
            window=length(window),
            selection=Selection(top, per_item, candidates, everyone),
            customers=customers,
            affinity=affinity or self._settings.affinity,
            learn=learn,
            refresh=refresh,
            seed=seed,
            max_age=length(max_age),
            min_share=min_share,
            activate=activate,
            triggers=self.triggers(triggers, only),
            texts=reason_texts(reasons or self._settings.reasons, self.triggers(triggers)),
            policy=read_policy(policy or self._settings.policy_file),
            compared=None if compare is None else read_policy(compare),
            tell=tell or ignore_note,
            memory=self._memory,
            progress=self._progress,
        )

    def check_triggers(
        self, file: Path | None = None, *, refresh: bool = False
    ) -> "CheckedTriggers":
        """Check a file of triggers, and that the store has the kinds and columns that it names.

        Without a store, only the file is checked.

        Args:
            file: the file; by default, the setting `triggers`.
            refresh: read the server again, after other programs wrote to it.

        Raises:
            TriggerError: there is no file, a trigger isn't valid, or the store has never seen a
                kind or column.
        """
        from followsuit.triggers.check import ANY_DAY, check_triggers
        from followsuit.triggers.definitions.definition_file import TriggerError

        path = file or self._settings.triggers_file
        if path is None:
            raise TriggerError(f"There is no {TRIGGERS} here. Name a file of triggers.")
        return check_triggers(path, lambda: self.snapshot(ANY_DAY, refresh=refresh))

    def preview(
        self,
        name: str,
        as_of: Instant,
        *,
        triggers: Path | None = None,
        refresh: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> "Preview":
        """Find the reasons of a trigger, also of customers whom a rule blocks from offers.

        The strength of a friend's reason uses the tie weights of `influence learn` if they were
        learned for the same day and data. Else it learns them, as `score` does.

        Args:
            name: the name of the trigger.
            as_of: the day.
            triggers: a file of your own triggers; by default, the setting `triggers`.
            refresh: read the server again, after other programs wrote to it.
            tell: called with each note about the data.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of that name.
        """
        from followsuit.offers.guards import ignore_note
        from followsuit.offers.learning.learned import learned_tie_weights
        from followsuit.triggers.definitions.unseen import unseen
        from followsuit.triggers.preview import WINDOW, preview

        known = self.triggers(triggers, [name])
        view = self.snapshot(as_of, refresh=refresh)
        for note in unseen(view, known):
            (tell or ignore_note)(note)
        learned = learned_tie_weights(self.store, view, WINDOW)
        return preview(view, known[name], learned, self._progress)

    def trigger_report(
        self,
        start: Instant,
        end: Instant,
        *,
        horizon: Length = "60d",
        every: Length = "7d",
        outcomes: Sequence[str] | None = None,
        triggers: Path | None = None,
        only: Sequence[str] | None = None,
        seed: int = 0,
        refresh: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> "TriggerReport":
        """Judge triggers on past days; see `followsuit.triggers.report.report.report`.

        Args:
            start: the first day.
            end: the end of the last horizon, at the latest.
            horizon: outcomes count within this time after a day.
            every: time between days.
            outcomes: `offered`, `purchase`, another kind of interaction or an event kind; by
                default, the first two. The first one decides the verdict.
            triggers: a file of your own triggers; by default, the setting `triggers`.
            only: names of the triggers to judge; by default, all.
            seed: random seed.
            refresh: read the server again, after other programs wrote to it.
            tell: called with each note about the data.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of a name.
            ReportError: no day fits the period.
            UnknownOutcome: the store has no interactions of a kind.
        """
        from followsuit.offers.guards import ignore_note
        from followsuit.triggers.definitions.unseen import unseen
        from followsuit.triggers.report.report import OUTCOMES, report

        definitions = self.triggers(triggers, only)
        view = self.snapshot(end, refresh=refresh)
        for note in unseen(view, definitions):
            (tell or ignore_note)(note)
        return report(
            view,
            instant(start),
            instant(end),
            definitions,
            horizon=length(horizon),
            every=length(every),
            outcomes=outcomes or OUTCOMES,
            seed=seed,
            progress=self._progress,
        )

    def explain(self, customer: str, target: str) -> "Explanation":
        """Explain why the active run offers a customer an item or offer, or why not.

        Raises:
            UnknownRun: there is no active run.
            UnknownTarget: there is no such customer, item or offer.
        """
        from followsuit.offers.explanation.explain import explain

        return explain(self.store, customer, target, memory=self._memory, progress=self._progress)

    def handoff(self, folder: str | Path, at: Instant, *, refresh: bool = False) -> "HandOff":
        """Write the offers of the active run to files; see `offers.handoff.hand_off.hand_off`.

        Args:
            folder: the folder to write to; it is made if it is missing.
            at: the time of the hand-off: consents, ages and offers are checked again as of it.
            refresh: read the server again, after other programs wrote to it.

        Raises:
            HandOffError: the folder is a file.
            UnknownRun: there is no active run.
            NoDecisions: the run's decisions are missing or damaged.
        """
        from followsuit.offers.handoff.hand_off import hand_off

        return hand_off(
            self.store,
            Path(folder),
            instant(at),
            refresh=refresh,
            memory=self._memory,
            progress=self._progress,
        )

    def backtest(
        self,
        start: Instant,
        end: Instant,
        *,
        every: Length = "7d",
        horizon: Length = "14d",
        window: Length = "14d",
        triggers: Path | None = None,
        only: Sequence[str] | None = None,
        affinity: str | None = None,
        refit: int = 0,
        ablate: Sequence[str] = (),
        seed: int = 0,
        out: Path | None = None,
        refresh: bool = False,
    ) -> "BacktestReport":
        """Evaluate the ranking on past data.

        See `followsuit.offers.backtest.backtest.backtest` for the other arguments.

        Args:
            triggers: a file of your own triggers; by default, the setting `triggers`.
            only: names of the triggers to use; by default, all.
            affinity: by default, the setting `affinity`.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of a name.
            BacktestError: no cutoff fits, no customer has a live trigger at any cutoff, or none of
                those who have one adopts anything.
        """
        from followsuit.gnn.evaluation.ablation_result import friends_help
        from followsuit.offers.backtest.backtest import backtest

        return backtest(
            self.snapshot(end, refresh=refresh),
            instant(start),
            instant(end),
            length(every),
            length(horizon),
            window=length(window),
            triggers=self.triggers(triggers, only),
            affinity=affinity or self._settings.affinity,
            friends_help=friends_help(self.store, instant(start)),
            refit=refit,
            ablate=ablate,
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
        """Split interactions at a cutoff into training and test set, for `evaluate` and `audit`.

        Args:
            as_of: the cutoff.
            horizon: the length of the test period.
            refresh: read the server again, after other programs wrote to it.

        Raises:
            NobodyShares: no customer shares activity.
            NothingToLearn: there are no interactions before the cutoff.
            NothingToJudge: nobody has a first interaction in the test period.
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
        """Train a model and store it beside the store; see `followsuit.gnn.training.trained`.

        Args:
            as_of: the cutoff.
            model: the model's name; by default `social` with friendships, else `lightgcn`.
            resume: resume an interrupted training.
            seed: random seed.
            refresh: read the server again, after other programs wrote to it.

        Returns:
            The model and its folder.

        Raises:
            NobodyShares: no customer shares activity.
            UnknownModel, NotAModel, MissingExtra: the model can't be used.
            OtherTraining: the interrupted training was for another graph, date or seed.
        """
        from followsuit.gnn.training.distributed import joined, of_first, world
        from followsuit.gnn.training.trained import train_model

        with joined():
            if world() > 1:
                # The other processes then read the files of the first.
                of_first(lambda: self.snapshot(as_of, refresh=refresh).snapshot.content)
            view = self._shared(as_of, refresh and world() == 1)
            name = model or _default_model(view)
            models = ModelStore(self.store.state)
            fitted = train_model(
                name, view, models, resume=resume, seed=seed, progress=self._progress
            )
        return fitted, models.named(name)

    def apply_ablation(
        self,
        ablation: "FriendAblation",
        as_of: Instant,
        created_at: Instant,
        horizon: Length = "28d",
    ) -> datetime:
        """Apply the result of a friend ablation to the ranking.

        Args:
            ablation: from `gnn.evaluation.friend_ablation.ablate_friends` on a `split` of this
                shop.
            as_of: the cutoff of the split.
            created_at: the time to record with the result.
            horizon: the horizon of the split.

        Returns:
            The instant from which the result applies: the end of the data that the ablation used.
        """
        from followsuit.gnn.evaluation.ablation_result import write_ablation

        applies_from = instant(as_of) + length(horizon)
        write_ablation(self.store, ablation, applies_from, instant(created_at))
        return applies_from

    def _shared(self, as_of: Instant, refresh: bool) -> "SharedView":
        """The view as of an instant, restricted to the customers who share activity."""
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
        """Compute embeddings and activate them; see `followsuit.gnn.embeddings`.

        It uses the model that `train` stored for the same data, if there is one.

        Args:
            as_of: the instant of the view.
            created_at: the time to record with the run.
            model: the model's name; by default `social` with friendships, else `lightgcn`.
            seed: random seed.
            refresh: read the server again, after other programs wrote to it.

        Returns:
            The embeddings and the id of their run.
        """
        from followsuit.gnn.embeddings import embed, write_embeddings
        from followsuit.gnn.models.registry import model as model_of

        view = self._shared(as_of, refresh)
        name = model or _default_model(view)
        embeddings = embed(
            model_of(name),
            view,
            folder=ModelStore(self.store.state).named(name),
            seed=seed,
            progress=self._progress,
        )
        run_id = write_embeddings(
            self.store,
            embeddings,
            view.snapshot.content,
            instant(created_at),
            self._progress,
            view.snapshot.meta.revision,
        )
        return embeddings, run_id

    def nearest(
        self,
        node_kind: str,
        node_id: str,
        *,
        among: str = "*",
        limit: int = 10,
        approximate: bool = False,
    ) -> "pd.DataFrame":
        """The customers, products or stores with the nearest embeddings, by cosine.

        Args:
            node_kind: `customer`, `product` or `store`.
            node_id: the id of the customer, product or store.
            among: the kind of neighbours; `*` for every kind.
            limit: maximum number of rows.
            approximate: use the server's vector index, which is fast but may miss neighbours;
                without an index, all embeddings are compared.

        Returns:
            `node_kind, node_id, similarity`, the nearest first.
        """
        from followsuit.gnn.nearest import nearest_by_index

        if approximate:
            rows = nearest_by_index(self.store, node_kind, node_id, among=among, limit=limit)
            if rows is not None:
                neighbours: pd.DataFrame = rows.to_pandas()
                return neighbours
        return self.query("nearest", node_kind=node_kind, node_id=node_id, among=among, limit=limit)

    def forget(self, customers: Sequence[str] = (), *, dry_run: bool = False) -> "Receipt":
        """Erase customers everywhere, and search all places for them.

        Args:
            customers: ids of the customers; none to finish an interrupted call.
            dry_run: only search.

        Raises:
            NotForgotten: there is nobody to forget, or something still names one of them.
            StoreIncomplete: a load is under way or was interrupted.
        """
        from followsuit.privacy.forget import forget

        return forget(
            self.store, customers, dry_run=dry_run, memory=self._memory, progress=self._progress
        )

    def allow(self, customer: str) -> None:
        """Let later loads bring a forgotten customer back.

        Raises:
            NotForgotten: the customer isn't on the list of forgotten customers.
        """
        from followsuit.privacy.forget import allow

        allow(self.store, customer)

    def access(self, customer: str, folder: Path) -> dict[str, int]:
        """Write all that is held about a customer to a new folder, as JSON and CSV.

        Returns:
            The number of rows by section.

        Raises:
            UnknownCustomer: there is no such customer.
            FolderTaken: the folder isn't empty.
        """
        from followsuit.privacy.access import access

        return access(self.store, customer, folder, self._memory)

    def correct(self, customer: str, column: str, value: str) -> None:
        """Correct a column of a customer; see `followsuit.privacy.change.correct`.

        Raises:
            WrongColumn: there is no such column, or it is the key.
            WrongValue: the value isn't valid for the column.
            UnknownCustomer: there is no such customer.
        """
        from followsuit.privacy.change import correct

        correct(self.store, customer, column, value, self._memory, self._progress)

    def consents(self, customer: str, now: Instant) -> "list[Answer]":
        """What a customer has agreed to, for each purpose.

        Raises:
            UnknownCustomer: there is no such customer.
        """
        from followsuit.privacy.consents import consents_of

        return consents_of(self.store, customer, instant(now))

    def set_consent(self, customer: str, purpose: str, *, granted: bool, at: Instant) -> None:
        """Record a customer's answer; a refusal takes effect at once.

        Raises:
            WrongPurpose: there is no such purpose, or `all` is granted.
            UnknownCustomer: there is no such customer.
        """
        from followsuit.privacy.change import set_consent

        answered = instant(at)
        set_consent(self.store, customer, purpose, granted, answered, self._memory, self._progress)

    def prune(self, as_of: Instant) -> "Pruned":
        """Delete what `[retention]` of the policy file no longer keeps.

        Args:
            as_of: the instant from which to count back.

        Raises:
            PolicyError: the policy isn't valid, or says nothing of retention.
            StoreIncomplete: a load is under way or was interrupted.
        """
        from followsuit.policy.declared.policy_file import read_policy
        from followsuit.privacy.prune import prune

        kept = read_policy(self._settings.policy_file).require_retention()
        return prune(
            self.store, kept.events, kept.contacts, instant(as_of), self._memory, self._progress
        )

    def privacy_audit(self, as_of: Instant, *, seed: int = 0) -> "AuditReport":
        """Measure what an outsider could learn from offers; see `followsuit.privacy.audit.audit`.

        Raises:
            StoreIncomplete: a load is under way or was interrupted.
            Refused: no customer is eligible.
        """
        from followsuit.privacy.audit.audit import audit

        return audit(
            self.store,
            instant(as_of),
            self._settings.affinity,
            seed=seed,
            memory=self._memory,
            progress=self._progress,
        )

    def runs(self) -> list[Run]:
        """All runs of `score`, the latest first; `active` marks the active one."""
        return runs(self.store, SCORE)

    def use_run(self, run_id: str) -> None:
        """Activate another run; its offers count as sent from its day on, see `Sent`.

        Raises:
            UnknownRun: there is no such run.
        """
        from followsuit.offers.activation import activate

        activate(self.store, run_id)

    def prune_runs(self, keep: int) -> list[str]:
        """Delete all but the latest runs and the active one; returns the deleted ids."""
        return prune_runs(self.store, keep)


def _default_model(view: "SharedView") -> str:
    """The default model: `social` if there are friendships, else `lightgcn`."""
    return "social" if view.friendships.count().execute() else "lightgcn"
