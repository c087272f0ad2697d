"""The steps of scoring: view, reasons, candidates, features, predictions, decisions."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.files import read_json, save_json
from followsuit.core.progress import Progress
from followsuit.graph import schema as g
from followsuit.graph.results.models import ModelStore
from followsuit.graph.results.runs import DECISIONS, OFFERS
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import View, of_customers
from followsuit.influence.log.action_log import read_log
from followsuit.offers.candidates.brought_up import brought_up, with_everyone
from followsuit.offers.candidates.catalogue import catalogue
from followsuit.offers.candidates.grid import grid
from followsuit.offers.decisions.allocated import Decisions, allocated
from followsuit.offers.decisions.by_policy import RunContext, decide_by_policy
from followsuit.offers.decisions.decision_rows import SCHEMA
from followsuit.offers.decisions.decisions import counts_of_decisions, write_decisions
from followsuit.offers.decisions.risk import risks
from followsuit.offers.learning.acceptance import Acceptance
from followsuit.offers.learning.learned import learned_tie_weights
from followsuit.offers.replay.replay import Replay
from followsuit.offers.run.evidence import write_evidence
from followsuit.offers.run.out import OUT
from followsuit.offers.selection import Selection
from followsuit.offers.taste import TasteConfig, search_taste
from followsuit.policy.contact.sent import sent
from followsuit.policy.decision import OFFERED
from followsuit.policy.declared.policy import Policy
from followsuit.policy.restrictions import NO_RESTRICTIONS, restrictions
from followsuit.triggers.defined import triggers_of, with_window
from followsuit.triggers.definitions.definition import Definition
from followsuit.triggers.reason_texts import ReasonTexts
from followsuit.triggers.tie_weights import learn_tie_weights, tie_weights
from followsuit.triggers.trigger import reasons_of

_MODEL, _TASTE, _PREDICTED = "model.json", "taste.json", "predictions.parquet"
STEPS = (_MODEL, _TASTE, _PREDICTED)
"""Files in a run's folder with the results of finished steps."""

_OFFERS = pa.schema(
    [
        *(pa.field(name, g.TEXT) if name == "trigger" else SCHEMA.field(name) for name in OUT),
        SCHEMA.field("value"),
        SCHEMA.field("cost"),
    ]
)
"""Columns of a run's offers, which are its offered decisions by customer and rank.

The columns of `OUT`, where `trigger` is the first trigger, null without one; then `value` and
`cost`.
"""


class Pipeline:
    """The steps of scoring. A step that was finished before is read from the run's folder.

    Args:
        store: the store to score.
        view: the view as of the run's instant.
        run_id: the run's id.
        window: interactions within this time count as recent; also the horizon.
        seed: random seed.
        definitions: the triggers.
        texts: what customers may be told.
        policy: the shop's policy.
        folder: the folder for the results of steps and the run's files.
        progress: progress callback.
    """

    def __init__(
        self,
        store: GraphStore,
        view: View,
        run_id: str,
        window: timedelta,
        seed: int,
        definitions: Mapping[str, Definition],
        texts: ReasonTexts,
        policy: Policy,
        folder: Path,
        progress: Progress,
    ) -> None:
        self._store = store
        self._view = view
        self._models = ModelStore(store.state)
        self._run_id = run_id
        self._window = window
        self._seed = seed
        self._definitions = with_window(definitions, window)
        self._texts = texts
        self._policy = policy
        self._folder = folder
        self._progress = progress
        self._replay = Replay(view, self._definitions, window, seed, progress)

    def config(self, parameters: dict[str, Any]) -> TasteConfig:
        """Choose the model config of taste, by the run's parameters."""
        kept = read_json(self._folder / _TASTE)
        if kept is None:
            chosen = search_taste(
                self._replay.first,
                self._view.shared,
                affinity=parameters["affinity"],
                friends=parameters["friends_help"],
                seed=self._seed,
                progress=self._progress,
            )
            kept = asdict(chosen)
            save_json(self._folder / _TASTE, kept)
        return TasteConfig(**kept)

    def acceptance(self, config: TasteConfig, selection: Selection) -> Acceptance:
        """Fit the acceptance model to earlier days, and calibrate it on later ones.

        Args:
            config: the model config of taste.
            selection: which customers get offers, and how many.
        """
        kept = read_json(self._folder / _MODEL)
        if kept is None:
            kept = self._replay.acceptance(config, selection).as_dict()
            save_json(self._folder / _MODEL, kept)
        return Acceptance.from_dict(kept)

    def rank(
        self,
        acceptance: Acceptance,
        config: TasteConfig,
        customers: list[str] | None,
        selection: Selection,
    ) -> Decisions:
        """Decide about all candidates, and write the run's files.

        Args:
            acceptance: the fitted models.
            config: the model config of taste.
            customers: ids of the customers to score; None for all.
            selection: which customers get offers, and how many.

        Returns:
            What the offers are worth and rest on, and the number of decisions of each kind.
        """
        view, window, policy = self._view, self._window, self._policy
        learned = learned_tie_weights(self._store, view, window)
        if learned is None:
            learned = learn_tie_weights(read_log(view.shared), window, self._progress)
        taste = config.fit_once(
            view.shared, self._models, self._run_id, seed=self._seed, progress=self._progress
        )
        ties, offers = tie_weights(view, learned), catalogue(view)
        triggers = triggers_of(self._definitions, ties)
        context, kept_back = None, NO_RESTRICTIONS
        if policy.says_anything:
            messages = sent(view, self._store.state, self._run_id, policy.contact.assume_sent)
            context = RunContext(view, messages, offers)
            kept_back = restrictions(view, messages, policy)
        with self._progress("finding reasons"):
            reasons = reasons_of(triggers, view)
            every = with_everyone(view, reasons) if selection.everyone else reasons
            chosen = of_customers(every, customers)
            rows = brought_up(view, chosen, offers, restrictions=kept_back)
            view.snapshot.drop(reasons)
        with self._progress("preparing candidates"):
            live = rows.filter(rows.blocked_by.isnull())
            laid = grid(
                view,
                live,
                window,
                triggers=triggers,
                taste=taste,
                catalogue=offers,
                never=policy.never.categories,
            )
        path = self._folder / DECISIONS
        predicted = self._folder / _PREDICTED if context else path
        write_decisions(
            predicted,
            rows.filter(rows.item_id.notnull()),
            laid,
            offers,
            acceptance,
            triggers,
            self._texts,
            selection,
            policy=policy,
            data=view.snapshot.content,
            progress=self._progress,
        )
        with self._progress("writing evidence"):
            write_evidence(view, triggers, live, window, self._folder)
        worth = None
        if context is not None:
            worth = decide_by_policy(
                predicted, path, context, policy, selection.top, self._seed, self._progress
            )
            predicted.unlink()
        _write_offered(path, self._folder / OFFERS)
        offered = pq.read_table(self._folder / OFFERS, memory_map=False)
        return Decisions(
            worth or allocated(offered),
            counts_of_decisions(path),
            risks(offered, self._folder, view, self._store.state, self._run_id, self._definitions),
        )


def _write_offered(decisions: Path, offers: Path) -> None:
    """Write the offered decisions as a run's offers, a row group at a time."""
    columns = [name for name in _OFFERS.names if name != "trigger"]
    with pq.ParquetFile(decisions) as file, pq.ParquetWriter(offers, _OFFERS) as writer:
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number, columns=[*columns, "decision"])
            rows = rows.filter(pc.equal(rows["decision"], OFFERED))
            rows = rows.append_column("trigger", _first(rows["triggers"].combine_chunks()))
            writer.write_table(rows.select(_OFFERS.names).cast(_OFFERS))


def _first(lists: pa.ListArray) -> pa.Array:
    """The first text of each list; null if it has none."""
    texts = pc.list_flatten(pc.list_slice(lists, 0, 1))
    some = pc.fill_null(pc.greater(pc.list_value_length(lists), 0), False)
    return pc.replace_with_mask(pa.nulls(len(lists), g.TEXT), some, texts)
