"""Communities by modularity, by NetworKit's Leiden (Traag et al. 2019).

It runs on one thread, so that the result has the same bytes on every machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import networkit
import numpy as np

from followsuit.influence.log.arrays import Ints


def friend_communities(customers: int, ends: np.ndarray, seed: int | None) -> Ints:
    """(customers) code of each customer's community in the graph of friends.

    Args:
        customers: number of customers.
        ends: (friendships, 2) codes of both friends; pairs may repeat, in either order.
        seed: random seed of the order in which Leiden visits the customers; None for the order of
            their codes.
    """
    pairs = np.unique(np.sort(ends, axis=1), axis=0).astype(np.uint64)
    graph = networkit.Graph(customers)
    graph.addEdges((pairs[:, 0].copy(), pairs[:, 1].copy()))
    with seeded(seed or 0):
        return community_of(leiden(graph, randomize=seed is not None))


def leiden(graph: networkit.Graph, *, randomize: bool = True) -> networkit.Partition:
    """The communities of an undirected graph; deterministic within `seeded`."""
    algorithm = networkit.community.ParallelLeiden(graph, randomize=randomize)
    return algorithm.run().getPartition()


def community_of(partition: networkit.Partition) -> Ints:
    """(customers) code of each customer's community."""
    return np.array(partition.getVector(), dtype=np.int64)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run NetworKit on one thread with this random seed."""
    threads = networkit.getMaxNumberOfThreads()
    networkit.setNumberOfThreads(1)
    networkit.setSeed(seed, True)
    try:
        yield
    finally:
        networkit.setNumberOfThreads(threads)
