"""The incremental value of a customer: what others are expected to do because of one interaction.

Cascades are simulated backwards, for all customers at once: a reverse-reachable set holds those who
would have set off its root's act, so that, with Q as in `reverse_reachable`,

    value(u) = Q x P(u is in a set, other than as its root)

One sample ranks the customers; a second one, which the ranking has not seen, estimates their
values. With one sample, lucky customers would rank first and look better than they are.
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
"""Sets of the first round; each has twice as many as the last."""
_ENOUGH = 1_600
"""Sets that hold a customer: they give a standard error of a fortieth."""
_LEAD = 100
"""By default, the top so many customers are measured that well."""
_PER_CUSTOMER = 4_096
"""Sets for every customer beyond which a sample isn't doubled: they say as much as that many
cascades simulated from each customer would."""
_MEMBERS = 1 << 25
"""Members beyond which it isn't, either: some ten seconds' work for two samples."""


def rank(
    network: Network,
    probability: np.ndarray,
    value: np.ndarray | None = None,
    *,
    top: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> pa.Table:
    """Customers by the further acts they are expected to cause (independent cascade).

    Args:
        network: who may follow whom.
        probability: (edges) the chance that the target acts because of the source.
        value: (customers) what an interaction of each is worth; by default 1.
        top: how many rows, at least 1; by default all customers.
        seed: random seed.
        progress: progress callback, in sets drawn.

    Returns:
        `customer` (int64 code), `value` (of what others do, once this customer acts; their own act
        does not count), `low`, `high` (its exact 90 % interval, Clopper and Pearson 1934; both 0
        for those whom nobody follows), `pagerank`, `core`, `community` (see `Centrality`), by
        falling value, then PageRank, then code.

    Raises:
        BadInput: a probability outside [0, 1], a negative value, a `top` below 1.
        NotEnoughEvidence: no probability is above 0.
    """
    chance = checked_probability(network, probability)
    customers = network.customers
    worth = checked_amounts(np.ones(customers) if value is None else value, customers, "value")
    if top is not None and top < 1:
        raise BadInput(f"the top {top} customers are none: ask for 1 or more")
    if not worth.any():
        raise BadInput("the value of every customer is 0: give one above 0 to somebody")
    standing = centrality(network, chance, seed=seed)
    edges = incoming(network, chance, worth)
    first, second = _hits(edges, min(top or _LEAD, customers), seed, progress)
    chosen = _order(first[0], standing.pagerank)[:top]
    value_of, low, high = _interval(second[0][chosen], second[1], edges.total)
    # Nobody follows them: that is known, not measured.
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
"""(customers) how many sets hold each, other than as the root; and how many sets there are."""


def _hits(edges: Incoming, top: int, seed: int, progress: Progress) -> tuple[_Sample, _Sample]:
    """Two samples of one size, large enough to measure the top customers."""
    choosing, judging = (
        Walker(edges, stream) for stream in np.random.SeedSequence([seed, 1]).spawn(2)
    )
    first = np.zeros(len(edges.alone), dtype=np.int64)
    second = first.copy()
    size, members = _FIRST, 0
    with progress("Simulating cascades backwards") as advance:
        members += choosing.tally(size, first, advance)
        while (
            np.partition(first, -top)[-top] < _ENOUGH
            and 2 * size <= _PER_CUSTOMER * len(first)
            and 2 * members <= _MEMBERS
        ):
            members += choosing.tally(size, first, advance)
            size *= 2
        judging.tally(size, second, advance)
    return (first, size), (second, size)


def _interval(hits: Ints, sets: int, total: float) -> tuple[Floats, Floats, Floats]:
    """Value, low and high: an exact binomial interval, times the total value."""
    tail = (1 - LEVEL) / 2
    ends: Callable[..., np.ndarray] = stats.beta.ppf
    low = np.where(hits > 0, ends(tail, np.maximum(hits, 1), sets - hits + 1), 0.0)
    high = np.where(hits < sets, ends(1 - tail, hits + 1, np.maximum(sets - hits, 1)), 1.0)
    return hits / sets * total, low * total, high * total
