"""Exposures that cannot have had an effect: through the adjusted estimator they should give 1.

*Later*: every friend's act is dated two windows back. The customer is judged in a window in which
no friend has yet acted, and the act comes so long after it that it can't have followed the
customer's own within the window: so friends' influence either way makes no difference. What the
adjustment has missed (taste, place, season) does.

*Rewired*: friends are swapped between customers, each for one of the same taste cluster and number
of followers. What taste and popularity explain stays; what passes between friends is gone.
"""

import numpy as np
from scipy.cluster.vq import kmeans2

from followsuit.core.threads import one_thread
from followsuit.influence.log.arrays import Floats, Ints, Network, network
from followsuit.influence.log.triples import Design

_CLUSTERS = 8
_PER_CLUSTER = 25
"""Customers that a cluster has at least on average."""
_DEGREES = 4


def later(design: Design) -> Design:
    """The design that judges the two windows before the friend's act."""
    return design._replace(lag=2 * design.window)


def rewired(edges: Network, taste: Floats, seed: int) -> Network:
    """Swap the sources of edges within cells of taste cluster x followers.

    A swap that would give a customer itself, a friend or one friend twice is left out.

    Args:
        edges: who may follow whom.
        taste: (customers, d) what customers like.
        seed: random seed of the clusters and the swaps.
    """
    rng = np.random.default_rng(seed)
    source, target = edges.source, edges.target
    cell = _cells(edges, taste, seed)[source]
    by_chance = rng.permutation(len(source))
    swapped = np.empty_like(source)
    swapped[np.argsort(cell, kind="stable")] = source[
        by_chance[np.argsort(cell[by_chance], kind="stable")]
    ]
    size = edges.customers
    pair = swapped.astype(np.int64) * size + target
    kept = np.zeros(len(pair), dtype=bool)
    kept[np.unique(pair, return_index=True)[1]] = True
    kept &= (swapped != target) & ~np.isin(pair, source.astype(np.int64) * size + target)
    return network(size, swapped[kept], target[kept], edges.since[kept])


@one_thread()
def taste_clusters(taste: Floats, seed: int) -> Ints:
    """(customers) code of each one's taste cluster, by k-means."""
    clusters = min(_CLUSTERS, len(taste) // _PER_CLUSTER)
    if clusters < 2 or not np.ptp(taste, axis=0).any():
        return np.zeros(len(taste), dtype=np.int64)
    rng = np.random.default_rng(seed)
    _, cluster = kmeans2(taste, clusters, minit="++", seed=rng, missing="warn")
    return cluster.astype(np.int64)


def _cells(edges: Network, taste: Floats, seed: int) -> Ints:
    """(customers) code of the taste cluster and the quarter by number of followers."""
    followers = np.diff(edges.pointer)
    some = followers[followers > 0]
    parts = np.arange(1, _DEGREES) / _DEGREES
    bounds = np.quantile(some, parts) if len(some) else np.empty(0)
    cells: Ints = taste_clusters(taste, seed) * _DEGREES + np.searchsorted(bounds, followers)
    return cells
