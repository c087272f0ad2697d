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
from followsuit.graph.facts import Facts, SharedFacts
from followsuit.graph.snapshot import Snapshot
from followsuit.offers import metrics
from followsuit.offers.metrics import Figures, Tally
from followsuit.offers.moment import Moment, look
from followsuit.offers.outcomes import Outcomes, outcomes
from followsuit.offers.strategies import (
    PLAIN,
    WITHOUT,
    Communities,
    Learned,
    per_customer,
    per_offer,
)
from followsuit.offers.taste import LINEAR, Recipe, choose_recipe
from followsuit.offers.ties import GrowingTies
from followsuit.offers.weights import Sample, Weights, learn, sample

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
    weights: Weights
    """Those of the last moment."""
    recipe: Recipe
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
    snapshot: Snapshot,
    start: datetime,
    end: datetime,
    every: timedelta,
    horizon: timedelta,
    *,
    window: timedelta = timedelta(days=14),
    affinity: str = LINEAR,
    friends_help: bool | None = None,
    refit: int = 0,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress = silent,
) -> BacktestReport:
    """Rank at each of `start`, `start + every`, ... and compare with what happened.

    Everything is learned from, and judged on, the customers who share their activity.

    Args:
        snapshot: of a store, whatever its instant.
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
    facts = Facts(snapshot, interactions=False).shared
    grid = _grid(facts, start, end, every, horizon, window)
    moments = [at for at in grid if at >= start]
    fitted_at = set(moments[:: refit or len(moments)])
    judge = _Judge(facts, horizon, seed)
    ties = GrowingTies(facts, window)
    recipe = choose_recipe(
        facts, grid[0], affinity=affinity, friends=friends_help, seed=seed, progress=progress
    )
    # The weights of the first moments are learned with a taste that did not see what came.
    taste = recipe.fit(facts, grid[0], seed=seed, progress=progress)
    with _writer(out) as writer, progress("backtest", len(grid)) as advance:
        for at in grid:
            if at in fitted_at:
                taste = recipe.fit(facts, at, seed=seed, progress=progress)
            moment = look(facts, at, window, ties=ties.at(at), taste=taste, left=metrics.ITEMS)
            results = outcomes(facts, moment, horizon)
            if at >= start:
                judge.judge(moment, results, writer)
            judge.remember(moment, results)
            advance(1)
    if not judge.tally.sums:
        raise BacktestError(
            "At no moment had anybody a live trigger: no friends with consent acted in the "
            f"{window.days} days before. See `followsuit query counts`, and --assume-consent of "
            "`followsuit load` for data without a consent table."
        )
    figures, lead = metrics.estimates(judge.tally, seed)
    return BacktestReport(moments, snapshot.undated(), figures, lead, judge.weights, recipe)


def _grid(
    facts: Facts,
    start: datetime,
    end: datetime,
    every: timedelta,
    horizon: timedelta,
    window: timedelta,
) -> list[datetime]:
    """The moments, and before them those that the weights of the first are learned from."""
    acts = facts.acts["at"]
    first, last = facts.acts.aggregate(first=acts.min(), last=acts.max()).to_pandas().iloc[0]
    until = min(end, last) if last is not None else end
    moments: list[datetime] = []
    while start + every * len(moments) + horizon <= until:
        moments.append(start + every * len(moments))
    if not moments:
        raise BacktestError(
            f"No moment fits: the first, {start:%Y-%m-%d}, and its horizon of {horizon.days} days "
            f"reach beyond {until:%Y-%m-%d} (--to, or the last act). Choose an earlier --from."
        )
    back = -(-horizon // every)
    earlier = [start - every * j for j in range(back + LEARN_FROM - 1, 0, -1)]
    return [at for at in earlier if at - window >= first] + moments


class _Judge:
    """Learns from the moments it has seen, and judges the next one."""

    def __init__(self, facts: SharedFacts, horizon: timedelta, seed: int) -> None:
        self._facts = facts
        self._horizon = horizon
        self._seed = seed
        self._samples: list[Sample] = []
        self._plain: list[Sample] = []
        self._communities = Communities(facts, seed)
        self.tally = Tally(len(facts.customers))
        self.weights = Weights()

    def remember(self, moment: Moment, results: Outcomes) -> None:
        self._samples.append(sample(moment, results.pairs, self._seed))
        self._plain.append(sample(moment.with_plain_ties(), results.pairs, self._seed))

    def judge(self, moment: Moment, results: Outcomes, writer: pq.ParquetWriter | None) -> None:
        if not len(moment.customers):
            return
        past, plain = self._past(self._samples, moment), self._past(self._plain, moment)
        learned = Learned(learn(past), learn(past, friends=False), learn(plain))
        self.weights = learned.ranking
        community = self._communities.popularity(moment)
        for name, values in per_customer(moment, learned, community, self._seed).items():
            found = metrics.places(values, moment)
            adopted = metrics.adopted_places(found, moment, results)
            metrics.tally_customers(self.tally, name, moment, adopted, results.adoptions)
            if writer is not None and name != PLAIN:
                writer.write_table(_rows(self._facts, moment, name, found, adopted, results))
        for name, values in per_offer(moment, learned).items():
            metrics.tally_offers(self.tally, name, values, moment, results)

    def _past(self, samples: list[Sample], moment: Moment) -> list[Sample]:
        """The last moments whose horizon has passed; those before them are forgotten."""
        passed = [s for s in samples if s.as_of + self._horizon <= moment.as_of]
        del samples[: max(0, len(passed) - LEARN_FROM)]
        return passed[-LEARN_FROM:]


@contextmanager
def _writer(out: Path | None) -> Iterator[pq.ParquetWriter | None]:
    if out is None:
        yield None
        return
    with pq.ParquetWriter(out, SCHEMA) as writer:
        yield writer


def _rows(
    facts: Facts,
    moment: Moment,
    strategy: str,
    found: np.ndarray,
    adopted: np.ndarray,
    results: Outcomes,
) -> pa.Table:
    row, place = np.nonzero(found >= 0)
    items = moment.items[found[row, place]]
    columns = {
        "as_of": pa.repeat(pa.scalar(moment.as_of, g.TIME), len(row)),
        "strategy": pa.repeat(strategy, len(row)),
        "customer_id": facts.customers[moment.customers[row]],
        "item_kind": facts.items.kind[items],
        "item_id": facts.items.id[items],
        "rank": place + 1,
        "adopted": adopted[row, place],
        "adoptions": results.adoptions[row],
    }
    return pa.table({name: pa.array(column) for name, column in columns.items()}, schema=SCHEMA)
