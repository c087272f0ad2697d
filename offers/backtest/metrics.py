"""Ranking metrics, with intervals by bootstrap over customers.

Every metric is a ratio of two sums over customers, so that resampling customers only changes their
weights. Each customer counts once per cutoff. Metrics per customer:

- hit@k: share of customers with an adoption among their top k items
- ndcg@10: normalised discounted cumulative gain (Järvelin and Kekäläinen 2002) with binary gains;
  the ideal has min(10, adoptions) hits; 0 for customers without an adoption

Metrics per offer rank the customers for each item. They are means over the items with an adoption,
so that an adopter of an item with m adopters counts 1/m:

- recall@20: share of an item's adopters among its top 20 customers
- auc: share of an item's other customers that an adopter is ranked above; ties count half
- precision@20: share of adopters among the top 20 customers, over all items
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from followsuit.core.bootstrap import Estimate
from followsuit.core.ranking_metrics import hit_rate, ndcg, top_n
from followsuit.core.threads import one_thread
from followsuit.offers.backtest.strategies import Values
from followsuit.offers.candidates.grid import Grid, Outcomes, blocks
from followsuit.offers.features.feature import ALL

ITEMS = 10
"""Length of each customer's list of items."""
CUSTOMERS = 20
"""Length of each item's list of customers."""
HITS = (1, 5, 10)

PER_CUSTOMER = "per_customer"
PER_OFFER = "per_offer"

_RESAMPLES = 1000
_CHUNK = 50


@dataclass
class Tally:
    """Numerators and denominators by customer, for each view, strategy and metric.

    The views are `per_customer` and `per_offer`.
    """

    customers: int
    sums: dict[str, dict[str, dict[str, np.ndarray]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    """view -> strategy -> metric -> (2, customers)."""

    def add(
        self,
        view: str,
        strategy: str,
        metric: str,
        codes: np.ndarray,
        top: np.ndarray,
        bottom: np.ndarray,
    ) -> None:
        """Add to a metric's numerator and denominator.

        Args:
            view: `per_customer` or `per_offer`.
            strategy: the strategy's name.
            metric: the metric's name.
            codes: (n,) customer codes; a code may occur more than once.
            top: (n,) what to add to the numerator.
            bottom: (n,) what to add to the denominator.
        """
        metrics = self.sums[view][strategy]
        if metric not in metrics:
            metrics[metric] = np.zeros((2, self.customers))
        np.add.at(metrics[metric][0], codes, top)
        np.add.at(metrics[metric][1], codes, bottom)


def top_items(values: Values, grid: Grid, count: int = ITEMS) -> np.ndarray:
    """(n, count) columns of each customer's top items; -1 if there are fewer."""
    lists = [
        top_n(np.where(grid.excluded(rows), -np.inf, values(rows, ALL)), count)
        for rows in blocks(len(grid.customers), len(grid.items))
    ]
    return np.concatenate(lists)


def adopted_items(ranked: np.ndarray, grid: Grid, labels: Outcomes) -> np.ndarray:
    """(n, 10) bool: which of the `top_items` each customer adopted."""
    pairs = labels.pairs[:, 0] * len(grid.items) + labels.pairs[:, 1]
    shown = np.arange(len(ranked))[:, None] * len(grid.items) + ranked
    return np.isin(shown, pairs) & (ranked >= 0)


def tally_customers(
    tally: Tally, strategy: str, codes: np.ndarray, adopted: np.ndarray, adoptions: np.ndarray
) -> None:
    """Add the customers of a cutoff to a strategy's per-customer metrics.

    Args:
        tally: the sums over all cutoffs.
        strategy: the strategy's name.
        codes: (n,) customer codes.
        adopted: (n, 10) bool, see `adopted_items`.
        adoptions: (n,) number of items that each customer adopted.
    """
    ones = np.ones(len(codes))
    for k in HITS:
        tally.add(PER_CUSTOMER, strategy, f"hit@{k}", codes, hit_rate(adopted, k), ones)
    quality = ndcg(adopted, adoptions, ITEMS)
    tally.add(PER_CUSTOMER, strategy, f"ndcg@{ITEMS}", codes, quality, ones)


def tally_offers(
    tally: Tally, strategy: str, codes: np.ndarray, values: Values, grid: Grid, labels: Outcomes
) -> None:
    """Add the items of a cutoff to a strategy's per-offer metrics.

    Args:
        tally: the sums over all cutoffs.
        strategy: the strategy's name.
        codes: (n,) customer codes.
        values: the strategy's values.
        grid: the customers and items.
        labels: the labels of the grid.
    """
    shown = np.zeros(len(codes))
    hit, auc, defined = (np.zeros(len(labels.pairs)) for _ in range(3))
    for columns in blocks(len(grid.items), len(codes)):
        block = np.where(grid.excluded(ALL, columns), -np.inf, values(ALL, columns))
        first = top_n(block.T, CUSTOMERS)
        shown += np.bincount(first[first >= 0], minlength=len(codes))
        here = np.flatnonzero(
            (labels.pairs[:, 1] >= columns.start) & (labels.pairs[:, 1] < columns.stop)
        )
        adopter, adopted = labels.pairs[here, 0], labels.pairs[here, 1] - columns.start
        hit[here] = (first[adopted] == adopter[:, None]).any(axis=1)
        auc[here], defined[here] = _auc(block, adopter, adopted)
    adopter, item = labels.pairs[:, 0], labels.pairs[:, 1]
    share = 1 / np.bincount(item)[item]
    precision = np.bincount(adopter, hit, len(codes))
    tally.add(PER_OFFER, strategy, f"precision@{CUSTOMERS}", codes, precision, shown)
    tally.add(PER_OFFER, strategy, f"recall@{CUSTOMERS}", codes[adopter], hit * share, share)
    tally.add(PER_OFFER, strategy, "auc", codes[adopter], auc * share, defined * share)


def _auc(block: np.ndarray, adopter: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The AUC of each adopter of an item.

    Args:
        block: (customers, items) values; -inf for excluded pairs.
        adopter: (pairs,) rows of the adopters.
        item: (pairs,) columns of the items.

    Returns:
        (pairs,) share of the item's other customers that are ranked below the adopter, and whether
        there are any others.
    """
    columns, index, adopters = np.unique(item, return_inverse=True, return_counts=True)
    adopted = block[:, columns]
    excluded = np.isneginf(adopted).sum(axis=0)
    ranks = pd.DataFrame(adopted).rank(method="average").to_numpy()
    rank = ranks[adopter, index] - excluded[index]
    among = _rank_among(index, adopted[adopter, index])
    others = (len(block) - excluded - adopters)[index]
    return np.divide(rank - among, others, out=np.zeros(len(item)), where=others > 0), others > 0


def _rank_among(group: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The rank of each value within its group, ascending from 1; ties get their mean rank."""
    frame = pd.DataFrame({"group": group, "value": value})
    return frame.groupby("group").value.rank(method="average").to_numpy()


Figures = dict[str, dict[str, dict[str, Estimate]]]
"""view -> strategy -> metric -> estimate."""


@one_thread()
def estimates(tally: Tally, seed: int) -> tuple[Figures, Figures]:
    """Compute every metric, and the lead of each view's first strategy over the others.

    Args:
        tally: the sums over all cutoffs.
        seed: random seed of the bootstrap.

    Returns:
        The figures, and the leads (first strategy minus the other, paired by customer). The
        intervals are 95 % percentile intervals over the same resamples of the customers.
    """
    random = np.random.default_rng(seed)
    draws: dict[tuple[str, str, str], list[np.ndarray]] = defaultdict(list)
    seen = np.flatnonzero(
        sum(
            (s[1] for v in tally.sums.values() for m in v.values() for s in m.values()),
            np.zeros(tally.customers),
        )
    )
    share = np.full(len(seen), 1 / max(len(seen), 1))
    for _ in range(_RESAMPLES // _CHUNK):
        times = random.multinomial(len(seen), share, size=_CHUNK).astype(float)
        for view, strategies in tally.sums.items():
            for strategy, metrics in strategies.items():
                for metric, sums in metrics.items():
                    draws[view, strategy, metric].append(_ratio(times @ sums[:, seen].T))
    resampled = {key: np.concatenate(parts) for key, parts in draws.items()}
    figures: Figures = {}
    leads: Figures = {}
    for view, strategies in tally.sums.items():
        first = next(iter(strategies))
        figures[view], leads[view] = {}, {}
        for strategy, metrics in strategies.items():
            values = {m: float(_ratio(s.sum(axis=1)[None])[0]) for m, s in metrics.items()}
            figures[view][strategy] = {
                m: _estimate(v, resampled[view, strategy, m]) for m, v in values.items()
            }
            if strategy != first:
                leads[view][strategy] = {
                    m: _estimate(
                        figures[view][first][m].value - v,
                        resampled[view, first, m] - resampled[view, strategy, m],
                    )
                    for m, v in values.items()
                }
    return figures, leads


def _ratio(sums: np.ndarray) -> np.ndarray:
    """(draws, 2) -> (draws,) numerator / denominator; 0 if the denominator is 0."""
    ratio: np.ndarray = np.divide(
        sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] > 0
    )
    return ratio


def _estimate(value: float, resamples: np.ndarray) -> Estimate:
    low, high = np.percentile(resamples, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def as_dicts(figures: Figures) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """The figures with estimates as in JSON."""
    return {
        view: {
            strategy: {metric: estimate.as_dict() for metric, estimate in metrics.items()}
            for strategy, metrics in strategies.items()
        }
        for view, strategies in figures.items()
    }
