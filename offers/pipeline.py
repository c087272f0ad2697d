"""The steps of scoring: view, reasons, candidates, features, predictions, decisions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.files import read_json, save_json
from followsuit.core.progress import Progress
from followsuit.graph import schema as g
from followsuit.graph.models import ModelStore
from followsuit.graph.runs import DECISIONS, OFFERS, run_folder
from followsuit.graph.store import GraphStore
from followsuit.graph.view import SharedView, View, of_customers
from followsuit.influence.log.action_log import read_log
from followsuit.influence.log.arrays import Log
from followsuit.offers.candidates.brought_up import brought_up, with_everyone
from followsuit.offers.candidates.catalogue import Catalogue, catalogue
from followsuit.offers.candidates.grid import grid, outcomes
from followsuit.offers.decision_rows import SCHEMA
from followsuit.offers.decisions import write_decisions
from followsuit.offers.evidence import write_evidence
from followsuit.offers.features.declared import Features
from followsuit.offers.learning.acceptance import Acceptance, choose_model, with_calibration
from followsuit.offers.learning.boosted import BoostedModel
from followsuit.offers.learning.calibration import Shown
from followsuit.offers.learning.learned import learned_tie_weights
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.learning.model import Examples
from followsuit.offers.learning.taste import Taste, TasteConfig, search_taste
from followsuit.offers.learning.training import examples
from followsuit.offers.retrieval import Retrieval
from followsuit.offers.selection import Selection
from followsuit.offers.shown import sampled, shown_rows
from followsuit.policy.decision import OFFERED
from followsuit.triggers.defined import triggers_of, with_window
from followsuit.triggers.definitions.definition import Definition
from followsuit.triggers.reason_texts import ReasonTexts
from followsuit.triggers.tie_weights import learn_tie_weights, tie_weights
from followsuit.triggers.trigger import Trigger, reasons_of

TRAINING_DAYS, CALIBRATION_DAYS = 5, 2
"""Number of earlier days, a week apart, in the training set and to calibrate on.

The days to calibrate on are the latest ones whose horizon has passed. The horizon of each day in
the training set ends before them.
"""
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
    "probability",
    "low",
    "high",
    "acceptance",
    "own_share",
    "trigger_share",
    "trigger",
    "triggers",
    "until",
    "channel",
    "expected_value",
    "store_ids",
    "reason",
)
"""Columns of `score --out`."""
_OFFERS = pa.schema(
    [
        *(pa.field(name, g.TEXT) if name == "trigger" else SCHEMA.field(name) for name in OUT),
        SCHEMA.field("value"),
    ]
)
"""Columns of a run's offers, which are its offered decisions by customer and rank.

The columns of `OUT`, where `trigger` is the first trigger, null without one; then `value`.
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
        self._training = _days(
            view, 2 * window + (CALIBRATION_DAYS - 1) * _WEEK, TRAINING_DAYS, window
        )
        """Views as of the days of the training set, the oldest first."""
        self._calibration = _days(view, window, CALIBRATION_DAYS, window)
        """Views as of the days to calibrate on, the oldest first."""

    @cached_property
    def _log(self) -> Log:
        return read_log(self._view.shared)

    def config(self, parameters: dict[str, Any]) -> TasteConfig:
        """Choose the model config of taste, by the run's parameters."""
        kept = read_json(self._folder / _TASTE)
        if kept is None:
            chosen = search_taste(
                self._first,
                self._view.shared,
                affinity=parameters["affinity"],
                friends=parameters["friends_help"],
                seed=self._seed,
                progress=self._progress,
            )
            kept = asdict(chosen)
            save_json(self._folder / _TASTE, kept)
        return TasteConfig(**kept)

    @property
    def _first(self) -> SharedView:
        """The first of the earlier days. What is fitted later would know the labels."""
        return next(iter([*self._training, *self._calibration]), self._view.shared)

    def acceptance(self, config: TasteConfig, selection: Selection) -> Acceptance:
        """Fit the acceptance model to earlier days, and calibrate it on later ones.

        Tie weights and taste are fitted as of the first of these days, and taste once more as of
        the first day to calibrate on.

        Args:
            config: the model config of taste.
            selection: which customers get offers, and how many.
        """
        kept = read_json(self._folder / _MODEL)
        if kept is None:
            ahead = int((self._view.as_of - self._first.as_of).total_seconds())
            learned = learn_tie_weights(self._log.until(ahead), self._window, self._progress)
            training = self._training_sets(config, learned)
            kept = self._calibrated(config, learned, training, selection).as_dict()
            save_json(self._folder / _MODEL, kept)
        return Acceptance.from_dict(kept)

    def _training_sets(self, config: TasteConfig, learned: pd.DataFrame) -> list[Examples]:
        taste = self._taste(config, self._training)
        training = []
        with self._progress("fitting weights of features", len(self._training)) as advance:
            for day in self._training:
                with self._reasons(day, learned) as (triggers, rows):
                    live = rows.filter(rows.blocked_by.isnull())
                    laid = grid(day, live, self._window, triggers=triggers, taste=taste)
                    adopted = outcomes(laid, self._window).pairs
                    features = Features(laid, self._definitions)
                    training.append(examples(laid, features, adopted, self._seed))
                advance(1)
        return training

    def _calibrated(
        self,
        config: TasteConfig,
        learned: pd.DataFrame,
        training: list[Examples],
        selection: Selection,
    ) -> Acceptance:
        """The models, chosen and calibrated by what might have been shown on later days."""
        taste = self._taste(config, self._calibration)
        logistic, boosted = LogisticModel().fit(training), BoostedModel().fit(training)
        acceptance = Acceptance(self._view.as_of, logistic)
        shown: list[tuple[datetime, Shown]] = []
        with self._progress("calibrating probabilities", len(self._calibration)) as advance:
            for day in self._calibration:
                offers = catalogue(day)
                with self._reasons(day, learned, offers, selection) as (triggers, rows):
                    live = rows.filter(rows.blocked_by.isnull())
                    laid = grid(
                        day, live, self._window, triggers=triggers, taste=taste, catalogue=offers
                    )
                    if not shown:
                        adopted = outcomes(laid, self._window).pairs
                        features = Features(laid, self._definitions)
                        later = examples(laid, features, adopted, self._seed)
                        acceptance = choose_model(self._view.as_of, logistic, boosted, later)
                    named = rows.filter(rows.item_id.notnull())
                    retrieval = Retrieval(laid, named, offers, acceptance, triggers)
                    codes = self._view.shared.customer_codes
                    rows_of_day = shown_rows(retrieval, laid, codes, self._window, selection)
                    shown.append((day.as_of, rows_of_day))
                advance(1)
        return with_calibration(acceptance, shown, selection.top, self._seed)

    def _taste(self, config: TasteConfig, days: Sequence[SharedView]) -> Taste | None:
        """Taste as of the first of some days; None without any."""
        if not days:
            return None
        return config.fit(days[0], self._view.shared, seed=self._seed, progress=self._progress)

    @contextmanager
    def _reasons(
        self,
        day: SharedView,
        learned: pd.DataFrame,
        offers: Catalogue | None = None,
        selection: Selection | None = None,
    ) -> Iterator[tuple[tuple[Trigger, ...], ir.Table]]:
        """The triggers of a day, and their reasons with the rules that block them.

        With a selection, the reasons are those of a sample of the customers whom it includes.
        """
        triggers = triggers_of(self._definitions, tie_weights(day, learned))
        reasons = reasons_of(triggers, day)
        rows = reasons
        if selection is not None:
            rows = with_everyone(day, reasons) if selection.everyone else reasons
            rows = of_customers(rows, sampled(rows, self._seed))
        rows = brought_up(day, rows, offers)
        yield triggers, rows
        day.snapshot.drop(reasons)
        day.snapshot.drop(rows)

    def rank(
        self,
        acceptance: Acceptance,
        config: TasteConfig,
        customers: list[str] | None,
        selection: Selection,
    ) -> None:
        """Decide about all candidates, and write the run's files.

        Args:
            acceptance: the fitted models.
            config: the model config of taste.
            customers: ids of the customers to score; None for all.
            selection: which customers get offers, and how many.
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
            every = with_everyone(view, reasons) if selection.everyone else reasons
            rows = brought_up(view, of_customers(every, customers), offers)
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
            acceptance,
            triggers,
            self._texts,
            selection,
            progress=self._progress,
        )
        with self._progress("writing evidence"):
            pq.write_table(_offered(path), self._folder / OFFERS)
            write_evidence(view, triggers, live, window, self._folder)


def _days(view: View, latest: timedelta, count: int, window: timedelta) -> list[SharedView]:
    """Views as of earlier days, a week apart, the oldest first.

    Days whose window begins before the data are left out.

    Args:
        view: the view of today.
        latest: time since the latest of the days.
        count: maximum number of days.
        window: interactions within this time count as recent.
    """
    rows = view.shared.interactions
    began = rows.aggregate(first=rows["at"].min()).to_pyarrow()["first"][0].as_py()
    days = [view.as_of - latest - week * _WEEK for week in reversed(range(count))]
    return [view.shared.at(day) for day in days if began is not None and day - window >= began]


def _offered(path: Path) -> pa.Table:
    """Read the offered decisions, in the columns of a run's offers."""
    columns = [name for name in _OFFERS.names if name != "trigger"]
    offered = [("decision", "=", OFFERED)]
    rows = pq.read_table(path, columns=columns, filters=offered, memory_map=False)
    first = [names[0] if names else None for names in rows["triggers"].to_pylist()]
    rows = rows.append_column("trigger", pa.array(first, g.TEXT))
    return rows.select(_OFFERS.names).cast(_OFFERS)
