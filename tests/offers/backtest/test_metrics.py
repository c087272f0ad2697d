"""Metrics against their definitions written out, and the coverage of their intervals."""

import math
from datetime import timedelta

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support.grids import grid_of
from support.worlds import end_of, view_of_world

from followsuit.offers.backtest import metrics
from followsuit.offers.backtest.metrics import PER_CUSTOMER, PER_OFFER, Tally
from followsuit.offers.candidates.grid import Grid, Outcomes, outcomes
from followsuit.offers.features.declared import Features
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.simulator import World
from followsuit.triggers.defined import FRIEND_BOUGHT, FRIEND_VISITED

WORLD = World(
    customers=150, products=40, stores=3, friendships=900, purchases=3_000, days=90, seed=4
)
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Grid, Outcomes, np.ndarray]:
    """A grid, its labels, and a value for each pair; -inf for excluded pairs."""
    view = view_of_world(WORLD, tmp_path_factory.mktemp("world"), assume_consent=True)
    grid = grid_of(view.at(end_of(WORLD) - 4 * WEEK), WEEK, least=metrics.ITEMS)
    score = LogisticModel(weights={"popularity": 0.5}).score(
        Features(grid, [FRIEND_BOUGHT, FRIEND_VISITED]).block(slice(None))
    )
    values = score.round(1)  # many ties
    return grid, outcomes(grid, 2 * WEEK), np.where(grid.excluded(slice(None)), -np.inf, values)


def adopters(results: Outcomes, rows: int) -> list[set[int]]:
    columns: list[set[int]] = [set() for _ in range(rows)]
    for row, column in results.pairs.tolist():
        columns[row].add(column)
    return columns


def order(values: np.ndarray) -> list[int]:
    """The indices of a list of values, by a full sort; excluded values are left out."""
    shown = [i for i, v in enumerate(values) if v > -math.inf]
    return sorted(shown, key=lambda i: (-values[i], i))


def figure(tally: Tally, view: str, metric: str) -> float:
    top, bottom = tally.sums[view]["s"][metric].sum(axis=1)
    return float(top / bottom)


def test_hits_and_ndcg_are_what_their_definitions_say(
    case: tuple[Grid, Outcomes, np.ndarray],
) -> None:
    grid, results, values = case
    codes = np.arange(len(values))
    tally = Tally(len(values))
    first = metrics.top_items(lambda rows, columns: values[rows, columns], grid)
    adopted = metrics.adopted_items(first, grid, results)
    metrics.tally_customers(tally, "s", codes, adopted, results.adoptions)

    mine = adopters(results, len(values))
    gains = [[item in mine[row] for item in order(v)[:10]] for row, v in enumerate(values)]
    assert len(results.pairs) > 30
    for k in (1, 5, 10):
        hits = np.mean([any(g[:k]) for g in gains])
        assert hits > 0
        assert figure(tally, PER_CUSTOMER, f"hit@{k}") == pytest.approx(hits)
    ndcg = []
    for gain, adoptions in zip(gains, results.adoptions, strict=True):
        dcg = sum(g / math.log2(place + 2) for place, g in enumerate(gain))
        ideal = sum(1 / math.log2(place + 2) for place in range(min(10, adoptions)))
        ndcg.append(dcg / ideal if ideal else 0.0)
    assert figure(tally, PER_CUSTOMER, "ndcg@10") == pytest.approx(np.mean(ndcg))


def test_recall_precision_and_auc_are_what_their_definitions_say(
    case: tuple[Grid, Outcomes, np.ndarray],
) -> None:
    grid, results, values = case
    codes, tally = np.arange(len(values)), Tally(len(values))
    metrics.tally_offers(
        tally, "s", codes, lambda rows, columns: values[rows, columns], grid, results
    )

    adopted = np.zeros(values.shape, dtype=bool)
    adopted[results.pairs[:, 0], results.pairs[:, 1]] = True
    recalls, aucs, hits, shown = [], [], 0, 0
    for column in range(values.shape[1]):
        first = order(values[:, column])[:20]
        shown += len(first)
        mine = adopted[:, column]
        hits += mine[first].sum()
        if mine.any():
            recalls.append(mine[first].sum() / mine.sum())
            free = values[:, column] > -np.inf
            aucs.append(roc_auc_score(mine[free], values[free, column]))
    assert figure(tally, PER_OFFER, "recall@20") == pytest.approx(np.mean(recalls))
    assert figure(tally, PER_OFFER, "precision@20") == pytest.approx(hits / shown)
    assert figure(tally, PER_OFFER, "auc") == pytest.approx(np.mean(aucs))


def test_adoptions_are_counted_whether_or_not_they_could_be_offered(
    case: tuple[Grid, Outcomes, np.ndarray],
) -> None:
    _, results, values = case
    assert results.adoptions.sum() >= len(results.pairs)
    assert np.all(values[results.pairs[:, 0], results.pairs[:, 1]] > -np.inf)


def paired_tally(random: np.random.Generator, customers: int, truth: float) -> Tally:
    """Two strategies whose paired difference is `truth`, noise shared by a customer's cutoffs."""
    tally = Tally(customers)
    codes = np.repeat(np.arange(customers), 4)
    common = np.repeat(random.normal(0, 1, customers), 4) + random.normal(0, 1, len(codes))
    own = np.repeat(random.normal(truth, 0.5, customers), 4) + random.normal(0, 0.5, len(codes))
    ones = np.ones(len(codes))
    tally.add(PER_CUSTOMER, "first", "m", codes, common + own, ones)
    tally.add(PER_CUSTOMER, "second", "m", codes, common, ones)
    return tally


def test_paired_intervals_hold_the_truth_in_95_of_100_draws() -> None:
    truth, covered, draws = 0.3, 0, 200
    for seed in range(draws):
        tally = paired_tally(np.random.default_rng(seed), 120, truth)
        lead = metrics.estimates(tally, seed)[1][PER_CUSTOMER]["second"]["m"]
        covered += lead.low <= truth <= lead.high
        assert lead.low <= lead.value <= lead.high
    # 95 % with a standard error of 1.5 %, and a bootstrap of 120 customers a little narrow.
    assert 0.90 <= covered / draws <= 0.985


def test_pairing_makes_the_interval_of_a_lead_narrower_than_that_of_the_figures() -> None:
    figures, leads = metrics.estimates(paired_tally(np.random.default_rng(0), 200, 0.3), 0)
    first, lead = figures[PER_CUSTOMER]["first"]["m"], leads[PER_CUSTOMER]["second"]["m"]
    assert lead.high - lead.low < 0.7 * (first.high - first.low)


def test_the_same_seed_gives_the_same_intervals() -> None:
    tally = paired_tally(np.random.default_rng(0), 50, 0.3)
    assert metrics.estimates(tally, 1) == metrics.estimates(tally, 1)
    assert metrics.estimates(tally, 1) != metrics.estimates(tally, 2)
