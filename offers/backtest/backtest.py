"""Evaluates the ranking on past data.

At each cutoff, all strategies rank for the customers with a live trigger, using only data up to the
cutoff. The rankings are compared with what the customers did within the horizon after it. The
acceptance model is fitted to earlier cutoffs whose horizon has passed by then.

Data without dates may reveal the future; `BacktestReport.undated` names it. The counts of
interactions between friends are left out, unless a trigger asks for close friends.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.gnn.models.ease import Ease
from followsuit.graph import schema as g
from followsuit.graph.views.view import SharedView, View
from followsuit.offers.backtest import metrics
from followsuit.offers.backtest.ablation import ablated_features
from followsuit.offers.backtest.calibrated import CalibratedRanking, Reliability
from followsuit.offers.backtest.metrics import Figures, Tally
from followsuit.offers.backtest.strategies import (
    PLAIN,
    RANKING,
    WITHOUT,
    Communities,
    Learned,
    by_recorded_ties,
    per_customer,
    per_offer,
)
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.grid import Grid, Outcomes, grid, outcomes
from followsuit.offers.features.declared import Features
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.learning.model import Examples
from followsuit.offers.learning.training import examples
from followsuit.offers.taste import Taste, TasteConfig, search_taste
from followsuit.triggers.defined import triggers_of, with_window
from followsuit.triggers.definitions.definition import Definition, undated
from followsuit.triggers.definitions.definition_file import shipped_definitions
from followsuit.triggers.tie_weights import GrowingTies
from followsuit.triggers.trigger import reasons_of

LEARN_FROM = 6
"""Number of earlier cutoffs in the training set."""

SCHEMA = pa.schema(
    {
        "as_of": g.TIME,
        "strategy": g.TEXT,
        "customer_id": g.TEXT,
        "item_kind": g.TEXT,
        "item_id": g.TEXT,
        "rank": g.WHOLE,
        "probability": g.NUMBER,
        "adopted": g.BOOLEAN,
        "adoptions": g.WHOLE,
    }
)
"""Columns of `backtest --out`.

- `as_of`: the cutoff
- `rank`: from 1 to 10
- `probability`: of the strategy `ranking`, calibrated on earlier cutoffs; null for the others
- `adopted`: whether the customer adopted the item within the horizon, that is, bought or visited it
  for the first time, or again if it was due
- `adoptions`: number of items that the customer adopted within the horizon
"""


class BacktestError(FollowsuitError):
    """No cutoff fits the period, nobody has a live trigger, or nobody with one adopts anything."""


@dataclass(frozen=True)
class BacktestReport:
    """The figures of a backtest."""

    cutoffs: list[datetime]
    undated: list[str]
    """Tables and columns without dates, which may reveal the future."""
    figures: Figures
    lead: Figures
    """The ranking's figures minus those of each other strategy, paired by customer."""
    reliability: Reliability
    """How well the probabilities held."""
    shown: pd.DataFrame
    """The rows of the ranking, see `CalibratedRanking.shown`."""
    eligible: pd.DataFrame
    """`as_of`, `expected` (by the model) and `observed`: sums over all pairs, from a sample."""
    model: LogisticModel
    """The acceptance model at the last cutoff."""
    config: TasteConfig
    """The model config of taste."""

    def as_dict(self) -> dict[str, Any]:
        """The report as `backtest --json` writes it."""
        figures, lead = metrics.as_dicts(self.figures), metrics.as_dicts(self.lead)
        customer, offer = metrics.PER_CUSTOMER, metrics.PER_OFFER
        for view in (customer, offer):
            figures[view].pop(PLAIN)
        plain = {view: lead[view].pop(PLAIN) for view in (customer, offer)}
        return {
            "moments": len(self.cutoffs),
            "undated": self.undated,
            **figures,
            "trigger_gain": {
                customer: {"ndcg@10": lead[customer][WITHOUT]["ndcg@10"]},
                offer: {"recall@20": lead[offer][WITHOUT]["recall@20"]},
            },
            "ties_gain": {
                customer: {"ndcg@10": plain[customer]["ndcg@10"]},
                offer: {"recall@20": plain[offer]["recall@20"]},
            },
            "lead": lead,
            "calibration": self.reliability.as_dict(),
        }


def backtest(
    view: View,
    start: datetime,
    end: datetime,
    every: timedelta,
    horizon: timedelta,
    *,
    window: timedelta = timedelta(days=14),
    triggers: Mapping[str, Definition] | None = None,
    affinity: str,
    friends_help: bool | None = None,
    refit: int = 0,
    ablate: Sequence[str] = (),
    seed: int = 0,
    out: Path | None = None,
    progress: Progress = silent,
) -> BacktestReport:
    """Rank at the cutoffs `start`, `start + every`, ... and compare with what happened.

    Models are fitted to, and evaluated on, the customers who share activity.

    Args:
        view: a view; customers who share activity as of its instant are used.
        start: the first cutoff.
        end: the end of the last horizon, at the latest; horizons also end with the data.
        every: time between cutoffs.
        horizon: adoptions count within this time after a cutoff.
        window: interactions within this time before a cutoff count as recent.
        triggers: the definitions of the triggers, by name; None for the shipped ones.
        affinity: the model of own taste: `blend`, `linear`, or `module:Class` for your own.
        friends_help: whether a friend ablation found that friends help; None if none was run. It
            decides whether the blend has social models.
        refit: fit taste again after this number of cutoffs; 0 to fit it only once, at `start`.
        ablate: names of triggers, features, tables or event kinds; for each, the strategy
            `without_NAME` is the ranking without the features that rest on it.
        seed: random seed.
        out: a Parquet file for each customer's top 10 items, with the columns of `SCHEMA`.
        progress: progress callback.

    Raises:
        UnknownAblation: no feature rests on a name in `ablate`.
        BacktestError: no cutoff fits, no customer has a live trigger at any cutoff, or none of
            those who have one adopts anything.
    """
    shared = view.shared
    definitions = with_window(shipped_definitions() if triggers is None else triggers, window)
    days = _days(shared, start, end, every, horizon, window)
    cutoffs = [day for day in days if day >= start]
    fitted_at = set(cutoffs[:: refit or len(cutoffs)])
    left_out = {name: ablated_features(name, definitions) for name in ablate}
    evaluation = _Evaluation(shared, horizon, seed, list(definitions), left_out)
    ties = GrowingTies(shared, window)
    first = shared.at(days[0])
    config = search_taste(
        first, shared, affinity=affinity, friends=friends_help, seed=seed, progress=progress
    )
    # The days before `start` are for training. A taste fitted later would know their labels.
    taste = config.fit(first, shared, seed=seed, progress=progress)
    ease_config = search_taste(first, shared, affinity=Ease.name, seed=seed, progress=progress)
    ease = ease_config.fit(first, shared, seed=seed, progress=progress)
    with _writer(out) as writer, progress("evaluating cutoffs", len(days)) as advance:
        for day in days:
            now = shared.at(day)
            if day in fitted_at:
                taste = config.fit(now, shared, seed=seed, progress=progress)
                ease = ease_config.fit(now, shared, seed=seed, progress=progress)
            finders = triggers_of(definitions, ties.at(now))
            reasons = reasons_of(finders, now)
            rows = brought_up(now, reasons)
            live = rows.filter(rows.blocked_by.isnull())
            laid = grid(now, live, window, triggers=finders, taste=taste, least=metrics.ITEMS)
            features, labels = Features(laid, definitions), outcomes(laid, horizon)
            if day >= start:
                evaluation.evaluate(laid, features, labels, ease, writer)
            else:
                evaluation.rank(laid, features, labels)
            evaluation.add_examples(laid, features, labels)
            now.snapshot.drop(reasons)
            now.snapshot.drop(rows)
            advance(1)
    if not evaluation.tally.sums:
        raise BacktestError(
            f"No customer had a live trigger at any cutoff. The triggers were "
            f"{', '.join(definitions)}. Check `followsuit query counts`; load data without "
            "consents with --assume-consent."
        )
    if not evaluation.adoptions:
        raise BacktestError(
            "No customer with a live trigger bought or visited anything for the first time within "
            "a horizon, so there is nothing to compare. Choose another --from and --to."
        )
    figures, lead = metrics.estimates(evaluation.tally, seed)
    without_date = [*view.undated(), *undated(definitions)]
    reliability = evaluation.calibrated.reliability(seed)
    return BacktestReport(
        cutoffs,
        without_date,
        figures,
        lead,
        reliability,
        evaluation.calibrated.shown(),
        pd.DataFrame(
            [row for row in evaluation.eligible if row[0] in cutoffs],
            columns=["as_of", "expected", "observed"],
        ),
        evaluation.model,
        config,
    )


def _days(
    view: SharedView,
    start: datetime,
    end: datetime,
    every: timedelta,
    horizon: timedelta,
    window: timedelta,
) -> list[datetime]:
    """The cutoffs, preceded by the days that the training set of the first cutoff comes from."""
    rows = view.interactions
    times = rows.aggregate(first=rows["at"].min(), last=rows["at"].max())
    first, last = times.to_pandas().iloc[0]
    until = min(end, last) if last is not None else end
    cutoffs: list[datetime] = []
    while start + every * len(cutoffs) + horizon <= until:
        cutoffs.append(start + every * len(cutoffs))
    if not cutoffs:
        raise BacktestError(
            f"No cutoff fits: {start:%Y-%m-%d} plus a horizon of {horizon.days} days ends after "
            f"{until:%Y-%m-%d}, the end of --to or of the data. Choose an earlier --from."
        )
    back = -(-horizon // every)
    earlier = [start - every * j for j in range(back + LEARN_FROM - 1, 0, -1)]
    return [day for day in earlier if day - window >= first] + cutoffs


class _Evaluation:
    """Collects training sets, and evaluates the strategies at each cutoff."""

    def __init__(
        self,
        view: SharedView,
        horizon: timedelta,
        seed: int,
        triggers: list[str],
        left_out: Mapping[str, Collection[str]],
    ) -> None:
        self._customers = view.customer_codes
        self._horizon = horizon
        self._left_out = left_out
        self.calibrated = CalibratedRanking(horizon, triggers)
        self._seed = seed
        self._examples: list[Examples] = []
        self._recorded: list[Examples] = []
        self._communities = Communities(view, seed)
        self.adoptions = 0
        self.eligible: list[tuple[datetime, float, float]] = []
        self.tally = Tally(len(view.customer_codes))
        self.model = LogisticModel()

    def add_examples(self, grid: Grid, features: Features, labels: Outcomes) -> None:
        """Keep a day's training set for later cutoffs."""
        recorded = by_recorded_ties(grid, features)
        kept = examples(grid, features, labels.pairs, self._seed)
        self._examples.append(kept)
        values = {name: kept.x[:, number] for number, name in enumerate(kept.names)}
        expected = float(kept.weight @ self.model.predict(values).probability)
        self.eligible.append((kept.as_of, expected, float(kept.y.sum())))
        self._recorded.append(examples(grid, recorded, labels.pairs, self._seed))

    def rank(
        self, grid: Grid, features: Features, labels: Outcomes, evaluated: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rank by the model of earlier training sets; see `CalibratedRanking.rank`."""
        self.model = LogisticModel().fit(self._past(self._examples, grid))
        if not (evaluated or self.model.moments):
            return np.empty((0, 0)), np.empty((0, 0))
        scored = metrics.top_items(
            lambda rows, columns: self.model.score(features.block(rows, columns)),
            grid,
            2 * metrics.ITEMS,
        )
        codes = self._customers.of(grid.customers.ids)
        return self.calibrated.rank(grid, features, self.model, scored, labels, codes, evaluated)

    def evaluate(
        self,
        grid: Grid,
        features: Features,
        labels: Outcomes,
        ease: Taste,
        writer: pq.ParquetWriter | None,
    ) -> None:
        """Fit the models to earlier training sets, and add a cutoff to the metrics.

        Args:
            grid: the customers and items as of the cutoff.
            features: the features of the grid.
            labels: the labels of the grid.
            ease: EASE, fitted to data before the cutoff.
            writer: writes each customer's top 10 items, if given.
        """
        if not len(grid.customers):
            return
        self.adoptions += int(labels.adoptions.sum())
        past, recorded = self._past(self._examples, grid), self._past(self._recorded, grid)
        best, chances = self.rank(grid, features, labels, evaluated=True)
        fit = LogisticModel().fit
        learned = Learned(
            self.model,
            fit(past, without=features.of_triggers),
            fit(recorded),
            {name: fit(past, without=left) for name, left in self._left_out.items()},
        )
        community = self._communities.popularity(grid)
        codes = self._customers.of(grid.customers.ids)
        strategies = per_customer(grid, features, learned, ease, community, self._seed)
        for name, values in strategies.items():
            ranked = best if name == RANKING else metrics.top_items(values, grid)
            adopted = metrics.adopted_items(ranked, grid, labels)
            metrics.tally_customers(self.tally, name, codes, adopted, labels.adoptions)
            if writer is not None and name != PLAIN:
                of_ranking = chances if name == RANKING else None
                writer.write_table(_rows(grid, name, ranked, of_ranking, adopted, labels))
        for name, values in per_offer(grid, features, learned).items():
            metrics.tally_offers(self.tally, name, codes, values, grid, labels)

    def _past(self, kept: list[Examples], grid: Grid) -> list[Examples]:
        """The latest training sets whose horizon has passed; older ones are deleted from `kept`."""
        passed = [e for e in kept if e.as_of + self._horizon <= grid.view.as_of]
        del kept[: max(0, len(passed) - LEARN_FROM)]
        return passed[-LEARN_FROM:]


@contextmanager
def _writer(out: Path | None) -> Iterator[pq.ParquetWriter | None]:
    if out is None:
        yield None
        return
    with pq.ParquetWriter(out, SCHEMA) as writer:
        yield writer


def _rows(
    grid: Grid,
    strategy: str,
    ranked: np.ndarray,
    chances: np.ndarray | None,
    adopted: np.ndarray,
    labels: Outcomes,
) -> pa.Table:
    row, index = np.nonzero(ranked >= 0)
    items, position = grid.view.item_list, grid.items[ranked[row, index]]
    columns = {
        "as_of": pa.repeat(pa.scalar(grid.view.as_of, g.TIME), len(row)),
        "strategy": pa.repeat(strategy, len(row)),
        "customer_id": grid.customers.ids[row],
        "item_kind": items.kind[position],
        "item_id": items.id[position],
        "rank": index + 1,
        "probability": [None] * len(row) if chances is None else chances[row, index],
        "adopted": adopted[row, index],
        "adoptions": labels.adoptions[row],
    }
    return pa.table({name: pa.array(column) for name, column in columns.items()}, schema=SCHEMA)
