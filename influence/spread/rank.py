"""The incremental value of a customer: what others are expected to do because of one interaction.

Cascades are simulated backwards, for all customers at once. A reverse-reachable set contains the
customers who would have caused its root's interaction. With Q as in `reverse_reachable`,

    value(u) = Q x P(u is in a set, other than as its root)

One sample ranks the customers. A second, independent sample estimates their values, since the
values of the top customers in the first sample are biased upwards.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from scipy import stats

from followsuit.core.progress import Progress, silent
from followsuit.influence.log.arrays import Floats, Ints, Network
from followsuit.influence.spread.centrality import centrality
from followsuit.influence.spread.inputs import (
    BadInput,
    checked_amounts,
    checked_probability,
)
from followsuit.influence.spread.reverse_reachable import Incoming, Walker, incoming

LEVEL = 0.9
_FIRST = 1 << 14
"""Sets in the first round; each round doubles the sample."""
_ENOUGH = 1_600
"""Sets that must contain a customer: they give a relative standard error of 1/40."""
_LEAD = 100
"""By default, the top 100 customers are estimated with that precision."""
_PER_CUSTOMER = 4_096
"""Largest number of sets per customer: as good as simulating this many cascades from each."""
_MEMBERS = 1 << 25
"""Largest number of members in a sample: some ten seconds for two samples."""


def rank(
    network: Network,
    probability: np.ndarray,
    value: np.ndarray | None = None,
    *,
    top: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> pa.Table:
    """Rank customers by the further interactions they are expected to cause (independent cascade).

    Args:
        network: who may follow whom.
        probability: (edges) probability that the target acts because of the source.
        value: (customers) value of an interaction of each; by default 1.
        top: number of rows, at least 1; by default all customers.
        seed: random seed.
        progress: progress callback, in sets drawn.

    Returns:
        `customer` (int64 code); `value` (expected value of what others do because the customer
        acts, without the customer's own interaction); `low`, `high` (exact 90 % interval, Clopper
        and Pearson 1934; both 0 if nobody follows the customer); `pagerank`, `core`, `community`
        (see `Centrality`). Rows are sorted by falling value, then falling PageRank, then code.

    Raises:
        BadInput: a probability is outside [0, 1], a value is negative, all values are 0, or `top`
            is below 1.
        NotEnoughEvidence: no probability is above 0.
    """
    chance = checked_probability(network, probability)
    customers = network.customers
    worth = checked_amounts(np.ones(customers) if value is None else value, customers, "value")
    if top is not None and top < 1:
        raise BadInput(f"top is {top}: give 1 or more")
    if not worth.any():
        raise BadInput("the value of every customer is 0: give at least one above 0")
    standing = centrality(network, chance, seed=seed)
    edges = incoming(network, chance, worth)
    first, second = _hits(edges, min(top or _LEAD, customers), seed, progress)
    chosen = _order(first[0], standing.pagerank)[:top]
    value_of, low, high = _interval(second[0][chosen], second[1], edges.total)
    # Nobody follows these customers, so their value is exactly 0.
    alone = np.bincount(network.source, weights=chance, minlength=customers)[chosen] == 0
    high[alone] = 0.0
    final = _order(value_of, standing.pagerank[chosen], chosen)
    rows = chosen[final]
    return pa.table(
        {
            "customer": rows,
            "value": value_of[final],
            "low": low[final],
            "high": high[final],
            "pagerank": standing.pagerank[rows],
            "core": standing.core[rows],
            "community": standing.community[rows],
        }
    )


def _order(value: np.ndarray, pagerank: Floats, code: Ints | None = None) -> Ints:
    codes = np.arange(len(value)) if code is None else code
    return np.lexsort((codes, -pagerank, -value)).astype(np.int64)


_Sample = tuple[Ints, int]
"""(customers) number of sets that contain each, other than as the root; and number of sets."""


def _hits(edges: Incoming, top: int, seed: int, progress: Progress) -> tuple[_Sample, _Sample]:
    """Two samples of the same size, large enough to estimate the top customers' values."""
    ranking, estimating = (
        Walker(edges, stream) for stream in np.random.SeedSequence([seed, 1]).spawn(2)
    )
    first = np.zeros(len(edges.alone), dtype=np.int64)
    second = first.copy()
    size, members = _FIRST, 0
    with progress("simulating cascades backwards") as advance:
        members += ranking.tally(size, first, advance)
        while (
            np.partition(first, -top)[-top] < _ENOUGH
            and 2 * size <= _PER_CUSTOMER * len(first)
            and 2 * members <= _MEMBERS
        ):
            members += ranking.tally(size, first, advance)
            size *= 2
        estimating.tally(size, second, advance)
    return (first, size), (second, size)


def _interval(hits: Ints, sets: int, total: float) -> tuple[Floats, Floats, Floats]:
    """Values with their exact binomial intervals, scaled by the total value."""
    tail = (1 - LEVEL) / 2
    ends: Callable[..., np.ndarray] = stats.beta.ppf
    low = np.where(hits > 0, ends(tail, np.maximum(hits, 1), sets - hits + 1), 0.0)
    high = np.where(hits < sets, ends(1 - tail, hits + 1, np.maximum(sets - hits, 1)), 1.0)
    return hits / sets * total, low * total, high * total
