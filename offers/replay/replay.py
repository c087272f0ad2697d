"""Learns from earlier days: fits the acceptance models to some, and calibrates on later ones."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import ibis.expr.types as ir
import pandas as pd

from followsuit.core.progress import Progress
from followsuit.graph.views.view import SharedView, View, of_customers
from followsuit.influence.log.action_log import read_log
from followsuit.offers.candidates.brought_up import brought_up, with_everyone
from followsuit.offers.candidates.catalogue import Catalogue, catalogue
from followsuit.offers.candidates.grid import grid, outcomes
from followsuit.offers.features.declared import Features
from followsuit.offers.learning.acceptance import (
    Acceptance,
    choose_model,
    with_calibration,
    with_contacts,
)
from followsuit.offers.learning.boosted import BoostedModel
from followsuit.offers.learning.calibration import Shown
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.learning.model import Examples
from followsuit.offers.learning.training import examples
from followsuit.offers.replay.contacted import contacted
from followsuit.offers.replay.shown import sampled, shown_rows
from followsuit.offers.retrieval import Retrieval
from followsuit.offers.selection import Selection
from followsuit.offers.taste import Taste, TasteConfig
from followsuit.triggers.defined import triggers_of
from followsuit.triggers.definitions.definition import Definition
from followsuit.triggers.tie_weights import learn_tie_weights, tie_weights
from followsuit.triggers.trigger import Trigger, reasons_of

TRAINING_DAYS, CALIBRATION_DAYS = 4, 3
"""Number of earlier days, a week apart, in the training set (at most) and to calibrate on.

The days to calibrate on are the latest ones whose horizon has passed. The horizon of each day in
the training set ends before them.
"""
_FEWEST_DAYS, _CUSTOMER_DAYS = 2, 100_000
"""A shop with many customers trains on fewer days: this many customers times days are enough."""
_MOST_TO_TRAIN, _MOST_TO_CALIBRATE = 25_000, 10_000
"""Maximum number of customers of a day to train and to calibrate on."""
_DRAWN = 4
"""Reasons of friends and statistics are looked for among this many times as many customers."""
_WEEK = timedelta(days=7)


class Replay:
    """Learns from earlier days, each seen as of then.

    Args:
        view: the view as of the run's instant.
        definitions: the triggers.
        window: interactions within this time count as recent; also the horizon.
        seed: random seed.
        progress: progress callback.

    Attributes:
        training: views as of the days of the training set, the oldest first.
        calibration: views as of the days to calibrate on, the oldest first.
    """

    def __init__(
        self,
        view: View,
        definitions: Mapping[str, Definition],
        window: timedelta,
        seed: int,
        progress: Progress,
    ) -> None:
        self._as_of = view.as_of
        self._shared = view.shared
        self._definitions = definitions
        self._window = window
        self._seed = seed
        self._progress = progress
        before = 2 * window + (CALIBRATION_DAYS - 1) * _WEEK
        enough = -(-_CUSTOMER_DAYS // max(len(self._shared.customer_codes), 1))
        days = min(max(enough, _FEWEST_DAYS), TRAINING_DAYS)
        rows = self._shared.interactions
        began = rows.aggregate(first=rows["at"].min()).to_pyarrow()["first"][0].as_py()
        first = None if began is None else began + window
        self.training = _days(self._shared, before, days, first)
        self.calibration = _days(self._shared, window, CALIBRATION_DAYS, first)

    @property
    def first(self) -> SharedView:
        """The first of the earlier days, today without any. What is fitted later knows labels."""
        return next(iter([*self.training, *self.calibration]), self._shared)

    def acceptance(self, config: TasteConfig, selection: Selection) -> Acceptance:
        """Fit the acceptance model to earlier days, and calibrate it on later ones.

        Tie weights and taste are fitted as of the first of these days, and taste once more as of
        the first day to calibrate on.

        Args:
            config: the model config of taste.
            selection: which customers get offers, and how many.
        """
        ago = int((self._as_of - self.first.as_of).total_seconds())
        log = read_log(self._shared).until(ago)
        learned = learn_tie_weights(log, self._window, self._progress)
        training = self._training_sets(config, learned)
        return self._calibrated(config, learned, training, selection)

    def _training_sets(self, config: TasteConfig, learned: pd.DataFrame) -> list[Examples]:
        taste = self._taste(config, self.training)
        training = []
        with self._progress("fitting weights of features", len(self.training)) as advance:
            for day in self.training:
                with self._reasons(day, learned, _MOST_TO_TRAIN) as (triggers, rows):
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
        taste = self._taste(config, self.calibration)
        logistic, boosted = LogisticModel().fit(training), BoostedModel().fit(training)
        acceptance = Acceptance(self._as_of, logistic)
        shown: list[tuple[datetime, Shown]] = []
        contacts: list[Shown] = []
        with self._progress("calibrating probabilities", len(self.calibration)) as advance:
            for day in self.calibration:
                offers = catalogue(day)
                with self._reasons(
                    day, learned, _MOST_TO_CALIBRATE, offers, everyone=selection.everyone
                ) as (triggers, rows):
                    live = rows.filter(rows.blocked_by.isnull())
                    laid = grid(
                        day, live, self._window, triggers=triggers, taste=taste, catalogue=offers
                    )
                    features = Features(laid, self._definitions)
                    adopted = outcomes(laid, self._window).pairs
                    if not shown:
                        later = examples(laid, features, adopted, self._seed)
                        acceptance = choose_model(self._as_of, logistic, boosted, later)
                    named = rows.filter(rows.item_id.notnull())
                    retrieval = Retrieval(laid, features, named, offers, acceptance, triggers)
                    codes = self._shared.customer_codes
                    rows_of_day = shown_rows(retrieval, laid, codes, adopted, selection)
                    shown.append((day.as_of, rows_of_day))
                    if day is not self.calibration[-1]:  # Later contacts are too young.
                        contacts.append(
                            contacted(
                                self._shared,
                                laid,
                                features,
                                offers,
                                acceptance,
                                list(self._definitions),
                                self._window,
                            )
                        )
                advance(1)
        acceptance = with_calibration(acceptance, shown, selection.top, self._seed)
        return with_contacts(acceptance, Shown.joined(*contacts)) if contacts else acceptance

    def _taste(self, config: TasteConfig, days: Sequence[SharedView]) -> Taste | None:
        """Taste as of the first of some days; None without any."""
        if not days:
            return None
        return config.fit(days[0], self._shared, seed=self._seed, progress=self._progress)

    @contextmanager
    def _reasons(
        self,
        day: SharedView,
        learned: pd.DataFrame,
        most: int,
        offers: Catalogue | None = None,
        everyone: bool = False,
    ) -> Iterator[tuple[tuple[Trigger, ...], ir.Table]]:
        """The triggers of a day, and their reasons with the rules that block them.

        Args:
            day: the day.
            learned: see `tie_weights`.
            most: maximum number of customers; of more, a sample is drawn.
            offers: see `brought_up`.
            everyone: whether customers without a reason are among them.
        """
        # Not all have a reason, so more customers are drawn than are wanted.
        drawn = sampled(day.customers, _DRAWN * most, self._seed)
        ties = tie_weights(day, learned, only=drawn)
        triggers = triggers_of(self._definitions, ties, drawn)
        reasons = reasons_of(triggers, day)
        rows = with_everyone(day, reasons) if everyone else reasons
        rows = of_customers(rows, drawn)
        rows = of_customers(rows, sampled(rows, most, self._seed))
        rows = brought_up(day, rows, offers)
        yield triggers, rows
        day.snapshot.drop(reasons)
        day.snapshot.drop(rows)


def _days(
    view: SharedView, latest: timedelta, count: int, first: datetime | None
) -> list[SharedView]:
    """Views as of earlier days, a week apart, the oldest first.

    Args:
        view: the view of today.
        latest: time since the latest of the days.
        count: maximum number of days.
        first: the first instant whose window the data covers, None without any; earlier days are
            left out.
    """
    days = [view.as_of - latest - week * _WEEK for week in reversed(range(count))]
    return [view.at(day) for day in days if first is not None and day >= first]
