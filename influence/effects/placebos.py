"""Exposures that can't have had an effect: the adjusted estimator should give 1.

*Later*: every friend's interaction is dated two windows back. The customer's outcome is taken in a
window in which no friend has acted yet. The friend acts more than a window after it, so the friend
can't have followed the customer either. A lift other than 1 shows what the adjustment misses
(taste, place, season).

*Rewired*: each friend is swapped for another customer of the same taste cluster and number of
followers. What taste and popularity explain stays; influence between friends is gone.
"""

import numpy as np
from scipy.cluster.vq import kmeans2

from followsuit.core.threads import one_thread
from followsuit.influence.log.arrays import Floats, Ints, Network, network
from followsuit.influence.log.triples import Design

_CLUSTERS = 8
_PER_CLUSTER = 25
"""Smallest average number of customers per cluster."""
_DEGREES = 4


def later(design: Design) -> Design:
    """The design with friends' interactions dated two windows back."""
    return design._replace(lag=2 * design.window)


def rewired(edges: Network, taste: Floats, seed: int) -> Network:
    """Swap the sources of edges within cells of taste cluster x number of followers.

    A swap is left out if it pairs a customer with itself, a friend, or one customer twice.

    Args:
        edges: the network to rewire.
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
    """(customers) code of each customer's taste cluster, by k-means."""
    clusters = min(_CLUSTERS, len(taste) // _PER_CLUSTER)
    if clusters < 2 or not np.ptp(taste, axis=0).any():
        return np.zeros(len(taste), dtype=np.int64)
    rng = np.random.default_rng(seed)
    _, cluster = kmeans2(taste, clusters, minit="++", seed=rng, missing="warn")
    return cluster.astype(np.int64)


def _cells(edges: Network, taste: Floats, seed: int) -> Ints:
    """(customers) code of the taste cluster and the quartile of the number of followers."""
    followers = np.diff(edges.pointer)
    some = followers[followers > 0]
    parts = np.arange(1, _DEGREES) / _DEGREES
    bounds = np.quantile(some, parts) if len(some) else np.empty(0)
    cells: Ints = taste_clusters(taste, seed) * _DEGREES + np.searchsorted(bounds, followers)
    return cells
