"""How good a ranking is, and how sure that is: metrics by customer, bootstrapped by customer.

Every figure is a ratio of two sums over customers, so that a resample of customers is a reweighting
of them. Per customer (Järvelin and Kekäläinen 2002 for the discount):

- hit@k: share of all customer-moments with an adoption among the first k items
- ndcg@10: binary gains, the ideal over min(10, adoptions); 0 where nothing was adopted

Per offer, means over the items that somebody adopted (an adopter of an item with m adopters counts
1/m):

- recall@20: share of an item's adopters among its first 20 customers
- auc: share of the others that an adopter stands before; ties count half
- precision@20: share of the first 20 customers, over all items, that adopt
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
"""Places of the per-customer view."""
CUSTOMERS = 20
"""Places of the per-offer view."""
HITS = (1, 5, 10)

PER_CUSTOMER = "per_customer"
PER_OFFER = "per_offer"

_RESAMPLES = 1000
_CHUNK = 50


@dataclass
class Tally:
    """Numerators and denominators by customer code, for every view, strategy and metric."""

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
        """Add contributions to a metric's numerator (`top`) and denominator, by customer code."""
        metrics = self.sums[view][strategy]
        if metric not in metrics:
            metrics[metric] = np.zeros((2, self.customers))
        np.add.at(metrics[metric][0], codes, top)
        np.add.at(metrics[metric][1], codes, bottom)


def places(values: Values, grid: Grid) -> np.ndarray:
    """(n, 10) columns of each customer's first items; -1 where there are no more."""
    lists = [
        top_n(np.where(grid.excluded(rows), -np.inf, values(rows, ALL)), ITEMS)
        for rows in blocks(len(grid.customers), len(grid.items))
    ]
    return np.concatenate(lists)


def adopted_places(first: np.ndarray, grid: Grid, results: Outcomes) -> np.ndarray:
    """(n, 10) bool: which of the places were adopted."""
    pairs = results.pairs[:, 0] * len(grid.items) + results.pairs[:, 1]
    shown = np.arange(len(first))[:, None] * len(grid.items) + first
    return np.isin(shown, pairs) & (first >= 0)


def tally_customers(
    tally: Tally, strategy: str, codes: np.ndarray, adopted: np.ndarray, adoptions: np.ndarray
) -> None:
    """Add one moment's customers to a strategy's per-customer metrics.

    Args:
        tally: of all moments.
        strategy: its name.
        codes: (n,) positions of the customers in the tally.
        adopted: (n, 10) bool, see `adopted_places`.
        adoptions: (n,) items that each adopted.
    """
    ones = np.ones(len(codes))
    for k in HITS:
        tally.add(PER_CUSTOMER, strategy, f"hit@{k}", codes, hit_rate(adopted, k), ones)
    quality = ndcg(adopted, adoptions, ITEMS)
    tally.add(PER_CUSTOMER, strategy, f"ndcg@{ITEMS}", codes, quality, ones)


def tally_offers(
    tally: Tally, strategy: str, codes: np.ndarray, values: Values, grid: Grid, results: Outcomes
) -> None:
    """Add one moment's items to a strategy's per-offer metrics; see `tally_customers`."""
    shown = np.zeros(len(codes))
    hit, auc, judged = (np.zeros(len(results.pairs)) for _ in range(3))
    for columns in blocks(len(grid.items), len(codes)):
        block = np.where(grid.excluded(ALL, columns), -np.inf, values(ALL, columns))
        first = top_n(block.T, CUSTOMERS)
        shown += np.bincount(first[first >= 0], minlength=len(codes))
        here = np.flatnonzero(
            (results.pairs[:, 1] >= columns.start) & (results.pairs[:, 1] < columns.stop)
        )
        adopter, adopted = results.pairs[here, 0], results.pairs[here, 1] - columns.start
        hit[here] = (first[adopted] == adopter[:, None]).any(axis=1)
        auc[here], judged[here] = _auc(block, adopter, adopted)
    adopter, item = results.pairs[:, 0], results.pairs[:, 1]
    share = 1 / np.bincount(item)[item]
    precision = np.bincount(adopter, hit, len(codes))
    tally.add(PER_OFFER, strategy, f"precision@{CUSTOMERS}", codes, precision, shown)
    tally.add(PER_OFFER, strategy, f"recall@{CUSTOMERS}", codes[adopter], hit * share, share)
    tally.add(PER_OFFER, strategy, "auc", codes[adopter], auc * share, judged * share)


def _auc(block: np.ndarray, adopter: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(pairs,) for each adopter share of others that stand behind, and whether there are any."""
    columns, place, adopters = np.unique(item, return_inverse=True, return_counts=True)
    judged = block[:, columns]
    excluded = np.isneginf(judged).sum(axis=0)
    ranks = pd.DataFrame(judged).rank(method="average").to_numpy()
    rank = ranks[adopter, place] - excluded[place]
    among = _rank_among(place, judged[adopter, place])
    others = (len(block) - excluded - adopters)[place]
    return np.divide(rank - among, others, out=np.zeros(len(item)), where=others > 0), others > 0


def _rank_among(group: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The rank of each value within its group, from 1; ties share the mean."""
    frame = pd.DataFrame({"group": group, "value": value})
    return frame.groupby("group").value.rank(method="average").to_numpy()


Figures = dict[str, dict[str, dict[str, Estimate]]]
"""view -> strategy -> metric -> the figure."""


@one_thread()
def estimates(tally: Tally, seed: int) -> tuple[Figures, Figures]:
    """Every figure, and by how much the first strategy of its view leads it, with intervals.

    Returns:
        The figures, and the paired differences. The intervals are percentiles over resamples of
        the customers, the same ones for all.
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
    """(draws, 2) -> (draws,) numerator over denominator; 0 over 0 is 0."""
    ratio: np.ndarray = np.divide(
        sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] > 0
    )
    return ratio


def _estimate(value: float, resamples: np.ndarray) -> Estimate:
    low, high = np.percentile(resamples, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def as_dicts(figures: Figures) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """The same with estimates as in JSON."""
    return {
        view: {
            strategy: {metric: estimate.as_dict() for metric, estimate in metrics.items()}
            for strategy, metrics in strategies.items()
        }
        for view, strategies in figures.items()
    }
