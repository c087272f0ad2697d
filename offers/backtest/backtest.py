"""Judge the ranking on the past: at every moment it sees what lay before, and is told what came.

All strategies rank the same customer-moments, those with a live trigger. Weights come from moments
whose horizon had passed. What carries no date can leak: `interactions` is left out, the rest named.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.view import SharedView, View
from followsuit.offers.backtest import metrics
from followsuit.offers.backtest.metrics import Figures, Tally
from followsuit.offers.backtest.strategies import (
    PLAIN,
    WITHOUT,
    Communities,
    Learned,
    by_recorded_ties,
    per_customer,
    per_offer,
)
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.grid import Grid, Outcomes, grid, outcomes
from followsuit.offers.features.declared import TRIGGER, Features
from followsuit.offers.learning.model import Examples, LogisticModel
from followsuit.offers.learning.taste import TasteConfig, search_taste
from followsuit.offers.learning.training import examples
from followsuit.triggers.shipped import shipped
from followsuit.triggers.tie_weights import GrowingTies
from followsuit.triggers.trigger import reasons_of

LEARN_FROM = 6
"""How many earlier moments the weights are learned from."""

SCHEMA = pa.schema(
    {
        "as_of": g.TIME,
        "strategy": g.TEXT,
        "customer_id": g.TEXT,
        "item_kind": g.TEXT,
        "item_id": g.TEXT,
        "rank": g.WHOLE,
        "adopted": g.BOOLEAN,
        "adoptions": g.WHOLE,
    }
)
"""Columns of `backtest --out`; `adoptions` counts all of the customer's in the horizon."""


class BacktestError(FollowsuitError):
    """There is nothing to judge in that time."""


@dataclass(frozen=True)
class BacktestReport:
    """The figures of a backtest."""

    moments: list[datetime]
    undated: list[str]
    figures: Figures
    lead: Figures
    """The ranking's figure less the strategy's, paired."""
    model: LogisticModel
    """That of the last moment."""
    config: TasteConfig
    """How own taste was learned."""

    def as_dict(self) -> dict[str, Any]:
        """As `backtest --json` prints it."""
        figures, lead = metrics.as_dicts(self.figures), metrics.as_dicts(self.lead)
        customer, offer = metrics.PER_CUSTOMER, metrics.PER_OFFER
        for view in (customer, offer):
            figures[view].pop(PLAIN)
        plain = {view: lead[view].pop(PLAIN) for view in (customer, offer)}
        return {
            "moments": len(self.moments),
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
        }


def backtest(
    view: View,
    start: datetime,
    end: datetime,
    every: timedelta,
    horizon: timedelta,
    *,
    window: timedelta = timedelta(days=14),
    affinity: str,
    friends_help: bool | None = None,
    refit: int = 0,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress = silent,
) -> BacktestReport:
    """Rank at each of `start`, `start + every`, ... and compare with what happened.

    Everything is learned from, and judged on, the customers who share their activity.

    Args:
        view: of a store; its instant decides who shares.
        start: the first moment.
        end: no moment's horizon reaches beyond it, nor beyond the last act.
        every: from one moment to the next.
        horizon: how long after a moment an adoption counts.
        window: how long before a moment acts count as just done.
        affinity: `blend`, or `linear` for own taste by the linear model alone.
        friends_help: whether an audit has found so, None where there was none, for the blend.
        refit: fit taste anew after so many moments; 0 for once, at `start`.
        seed: of the samples, the random strategy, the communities and the resamples.
        out: a Parquet file for each customer's first ten items, columns `SCHEMA`.
        progress: told of moments.

    Raises:
        BacktestError: no moment fits, or none has a customer with a live trigger.
    """
    shared = view.shared
    days = _grid(shared, start, end, every, horizon, window)
    moments = [at for at in days if at >= start]
    fitted_at = set(moments[:: refit or len(moments)])
    judge = _Judge(shared, horizon, seed)
    ties = GrowingTies(shared, window)
    first = shared.at(days[0])
    config = search_taste(
        first, shared, affinity=affinity, friends=friends_help, seed=seed, progress=progress
    )
    # The model of the first moments is trained with a taste that did not see the outcomes.
    taste = config.fit(first, shared, seed=seed, progress=progress)
    with _writer(out) as writer, progress("backtest", len(days)) as advance:
        for at in days:
            now = shared.at(at)
            if at in fitted_at:
                taste = config.fit(now, shared, seed=seed, progress=progress)
            rows = brought_up(now, reasons_of(shipped(ties.at(now)), now, window))
            live = rows.filter(rows.blocked_by.isnull())
            moment = grid(now, live, window, taste=taste, least=metrics.ITEMS)
            features, results = Features(moment), outcomes(moment, horizon)
            if at >= start:
                judge.judge(moment, features, results, writer)
            judge.remember(moment, features, results)
            now.snapshot.drop(rows)
            advance(1)
    if not judge.tally.sums:
        raise BacktestError(
            "No customer had a live trigger at any cutoff: no friend who shares activity bought or "
            f"visited anything in the {window.days} days before. Check `followsuit query counts`; "
            "load data without consents with --assume-consent."
        )
    figures, lead = metrics.estimates(judge.tally, seed)
    return BacktestReport(moments, view.undated(), figures, lead, judge.model, config)


def _grid(
    view: SharedView,
    start: datetime,
    end: datetime,
    every: timedelta,
    horizon: timedelta,
    window: timedelta,
) -> list[datetime]:
    """The moments, and before them those that the weights of the first are learned from."""
    rows = view.interactions
    times = rows.aggregate(first=rows["at"].min(), last=rows["at"].max())
    first, last = times.to_pandas().iloc[0]
    until = min(end, last) if last is not None else end
    moments: list[datetime] = []
    while start + every * len(moments) + horizon <= until:
        moments.append(start + every * len(moments))
    if not moments:
        raise BacktestError(
            f"No cutoff fits: {start:%Y-%m-%d} plus a horizon of {horizon.days} days ends after "
            f"{until:%Y-%m-%d}, the end of --to or of the data. Choose an earlier --from."
        )
    back = -(-horizon // every)
    earlier = [start - every * j for j in range(back + LEARN_FROM - 1, 0, -1)]
    return [at for at in earlier if at - window >= first] + moments


class _Judge:
    """Learns from the moments it has seen, and judges the next one."""

    def __init__(self, view: SharedView, horizon: timedelta, seed: int) -> None:
        self._customers = view.customer_codes
        self._horizon = horizon
        self._seed = seed
        self._examples: list[Examples] = []
        self._recorded: list[Examples] = []
        self._communities = Communities(view, seed)
        self.tally = Tally(len(view.customer_codes))
        self.model = LogisticModel()

    def remember(self, grid: Grid, features: Features, results: Outcomes) -> None:
        recorded = by_recorded_ties(grid, features)
        self._examples.append(examples(grid, features, results.pairs, self._seed))
        self._recorded.append(examples(grid, recorded, results.pairs, self._seed))

    def judge(
        self, grid: Grid, features: Features, results: Outcomes, writer: pq.ParquetWriter | None
    ) -> None:
        if not len(grid.customers):
            return
        past, recorded = self._past(self._examples, grid), self._past(self._recorded, grid)
        model = LogisticModel()
        self.model = model.fit(past)
        learned = Learned(self.model, model.fit(past, without=TRIGGER), model.fit(recorded))
        community = self._communities.popularity(grid)
        codes = self._customers.of(grid.customers.ids)
        strategies = per_customer(grid, features, learned, community, self._seed)
        for name, values in strategies.items():
            first = metrics.places(values, grid)
            adopted = metrics.adopted_places(first, grid, results)
            metrics.tally_customers(self.tally, name, codes, adopted, results.adoptions)
            if writer is not None and name != PLAIN:
                writer.write_table(_rows(grid, name, first, adopted, results))
        for name, values in per_offer(grid, features, learned).items():
            metrics.tally_offers(self.tally, name, codes, values, grid, results)

    def _past(self, kept: list[Examples], grid: Grid) -> list[Examples]:
        """The last moments whose horizon has passed; those before them are forgotten."""
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
    grid: Grid, strategy: str, first: np.ndarray, adopted: np.ndarray, results: Outcomes
) -> pa.Table:
    row, place = np.nonzero(first >= 0)
    items, position = grid.view.item_list, grid.items[first[row, place]]
    columns = {
        "as_of": pa.repeat(pa.scalar(grid.view.as_of, g.TIME), len(row)),
        "strategy": pa.repeat(strategy, len(row)),
        "customer_id": grid.customers.ids[row],
        "item_kind": items.kind[position],
        "item_id": items.id[position],
        "rank": place + 1,
        "adopted": adopted[row, place],
        "adoptions": results.adoptions[row],
    }
    return pa.table({name: pa.array(column) for name, column in columns.items()}, schema=SCHEMA)
