"""The steps of scoring: view, reasons, candidates, features, predictions, decisions."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.files import read_json, save_json
from followsuit.core.progress import Progress
from followsuit.graph import schema as g
from followsuit.graph.models import ModelStore
from followsuit.graph.runs import DECISIONS, OFFERS, run_folder
from followsuit.graph.store import GraphStore
from followsuit.graph.view import View, of_customers
from followsuit.influence.log.action_log import read_log
from followsuit.influence.log.arrays import Log
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.catalogue import catalogue
from followsuit.offers.candidates.grid import grid, outcomes
from followsuit.offers.decisions import write_decisions
from followsuit.offers.evidence import write_evidence
from followsuit.offers.features.declared import NAMES, Features
from followsuit.offers.learning.learned import learned_tie_weights
from followsuit.offers.learning.model import LogisticModel
from followsuit.offers.learning.taste import TasteConfig, search_taste
from followsuit.offers.learning.training import examples
from followsuit.policy.decision import OFFERED
from followsuit.triggers.defined import triggers_of, with_window
from followsuit.triggers.definitions.definition import Definition
from followsuit.triggers.reason_texts import ReasonTexts
from followsuit.triggers.tie_weights import learn_tie_weights, tie_weights
from followsuit.triggers.trigger import reasons_of

EARLIER = 6
"""Number of earlier days, a week apart, in the training set."""
_WEEK = timedelta(days=7)
_MODEL, _TASTE = "model.json", "taste.json"
STEPS = (_MODEL, _TASTE)
"""Files in a run's folder with the results of finished steps."""

OUT = (
    "customer_id",
    "rank",
    "item_kind",
    "item_id",
    "offer_id",
    "trigger",
    "score",
    "trigger_share",
    "reason",
    "triggers",
    "until",
    "store_ids",
    "channel",
)
"""Columns of `score --out`."""
_OTHER_TYPES = {
    "rank": g.WHOLE,
    "score": g.NUMBER,
    "trigger_share": g.NUMBER,
    "triggers": pa.list_(g.TEXT),
    "until": g.TIME,
    "store_ids": pa.list_(g.TEXT),
}
_OFFERS = pa.schema([*(dict.fromkeys(OUT, g.TEXT) | _OTHER_TYPES).items(), g.amount("value")])
"""Columns of a run's offers, which are its offered decisions by customer and rank.

The columns of `OUT`, where `score` is the probability and `trigger` is the first trigger, null
without one; then `value`.
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
        self._folder = run_folder(store, run_id)
        self._progress = progress
        first = view.as_of - window
        self._days = [view.shared.at(first - weeks * _WEEK) for weeks in range(EARLIER)]
        """Views as of the days of the training set, the latest first."""

    @cached_property
    def _log(self) -> Log:
        return read_log(self._view.shared)

    def config(self, parameters: dict[str, Any]) -> TasteConfig:
        """Choose the model config of taste, by the run's parameters."""
        kept = read_json(self._folder / _TASTE)
        if kept is None:
            chosen = search_taste(
                self._days[-1],
                self._view.shared,
                affinity=parameters["affinity"],
                friends=parameters["friends_help"],
                seed=self._seed,
                progress=self._progress,
            )
            kept = asdict(chosen)
            save_json(self._folder / _TASTE, kept)
        return TasteConfig(**kept)

    def model(self, config: TasteConfig) -> LogisticModel:
        """Fit the acceptance model to earlier days.

        Tie weights and taste are fitted as of the first of these days. Fitted later, they would
        know the labels.
        """
        kept = read_json(self._folder / _MODEL)
        if kept is None or set(kept["weights"]) != set(NAMES):
            before = self._days[-1]
            ahead = int((self._view.as_of - before.as_of).total_seconds())
            learned = learn_tie_weights(self._log.until(ahead), self._window, self._progress)
            taste = config.fit(before, self._view.shared, seed=self._seed, progress=self._progress)
            training = []
            with self._progress("fitting weights of features", EARLIER) as advance:
                for day in self._days[::-1]:
                    triggers = triggers_of(self._definitions, tie_weights(day, learned))
                    reasons = reasons_of(triggers, day)
                    rows = brought_up(day, reasons)
                    live = rows.filter(rows.blocked_by.isnull())
                    laid = grid(day, live, self._window, triggers=triggers, taste=taste)
                    day.snapshot.drop(reasons)
                    day.snapshot.drop(rows)
                    adopted = outcomes(laid, self._window).pairs
                    training.append(examples(laid, Features(laid), adopted, self._seed))
                    advance(1)
            kept = LogisticModel().fit(training).as_dict()
            save_json(self._folder / _MODEL, kept)
        return LogisticModel(**kept)

    def rank(
        self,
        model: LogisticModel,
        config: TasteConfig,
        customers: list[str] | None,
        top: int,
        per_item: int = 1,
    ) -> None:
        """Decide about all candidates, and write the run's files.

        Args:
            model: the fitted acceptance model.
            config: the model config of taste.
            customers: ids of the customers to score; None for all.
            top: maximum number of offers per customer.
            per_item: maximum number of offers of one item per customer.
        """
        view, window = self._view, self._window
        learned = learned_tie_weights(self._store, view, window)
        if learned is None:
            learned = learn_tie_weights(self._log, window, self._progress)
        taste = config.fit_once(
            view.shared, self._models, self._run_id, seed=self._seed, progress=self._progress
        )
        ties, offers = tie_weights(view, learned), catalogue(view)
        triggers = triggers_of(self._definitions, ties)
        with self._progress("finding reasons"):
            reasons = reasons_of(triggers, view)
            rows = brought_up(view, of_customers(reasons, customers), offers)
            view.snapshot.drop(reasons)
        with self._progress("preparing candidates"):
            live = rows.filter(rows.blocked_by.isnull())
            laid = grid(view, live, window, triggers=triggers, taste=taste, catalogue=offers)
        path = self._folder / DECISIONS
        write_decisions(
            path,
            rows.filter(rows.item_id.notnull()),
            laid,
            offers,
            model,
            triggers,
            self._texts,
            top,
            per_item,
            progress=self._progress,
        )
        with self._progress("writing evidence"):
            pq.write_table(_offered(path), self._folder / OFFERS)
            write_evidence(view, triggers, live, window, self._folder)


def _offered(path: Path) -> pa.Table:
    """Read the offered decisions, in the columns of a run's offers."""
    names = {"score": "probability"}
    columns = [names.get(name, name) for name in _OFFERS.names if name != "trigger"]
    offered = [("decision", "=", OFFERED)]
    rows = pq.read_table(path, columns=columns, filters=offered, memory_map=False)
    first = [names[0] if names else None for names in rows["triggers"].to_pylist()]
    rows = rows.append_column("trigger", pa.array(first, g.TEXT))
    rows = rows.select([names.get(name, name) for name in _OFFERS.names])
    return rows.rename_columns(_OFFERS.names).cast(_OFFERS)
