"""Centrality of customers in the influence graph: PageRank, k-core and communities, by NetworKit.

Edges are weighted by their probability; those with probability 0 are left out. NetworKit runs on
one thread, so that the result has the same bytes on every machine.
"""

from dataclasses import dataclass

import networkit
import numpy as np
from scipy import sparse

from followsuit.influence.log.arrays import Floats, Ints, Network
from followsuit.influence.spread.inputs import checked_probability
from followsuit.influence.spread.leiden import community_of, leiden, seeded

DAMPING = 0.85
_TOLERANCE = 1e-12
"""PageRank stops once the squared changes of a step add up to less than this."""
_SMALL = 20_000
"""Up to this many edges, Leiden is started several times and the best partition is kept."""
_STARTS = 10


@dataclass(frozen=True)
class Centrality:
    """Centrality of every customer.

    Attributes:
        pagerank: (customers) adds up to 1; high for customers who influence many, or influencers.
        core: (customers) the largest k such that the customer is in the k-core of the undirected
            graph; 0 without edges.
        community: (customers) Leiden community, numbered from 0 by falling size, then smallest
            code; a customer without edges is its own community.
    """

    pagerank: Floats
    core: Ints
    community: Ints


def centrality(network: Network, probability: np.ndarray, *, seed: int = 0) -> Centrality:
    """PageRank, core number and community of every customer.

    PageRank (Brin and Page 1998) runs on the reversed graph, since rank flows from follower to
    source. Core numbers (Seidman 1983) and Leiden communities (Traag et al. 2019) use the
    undirected graph, in which a pair's weight is the sum of both directions. NetworkX's `pagerank`
    and `core_number` give the same results.

    Args:
        network: who may follow whom.
        probability: (edges) probability that the target acts because of the source.
        seed: random seed of the order in which Leiden visits the customers.

    Raises:
        BadInput: a probability is outside [0, 1].
        NotEnoughEvidence: no probability is above 0.
    """
    chance = checked_probability(network, probability)
    both = symmetrised(network, chance)
    with seeded(seed):
        return Centrality(
            pagerank=pagerank(network, chance), core=core(both), community=communities(both)
        )


def pagerank(network: Network, probability: Floats) -> Floats:
    """(customers) PageRank on the reversed graph; sinks distribute their rank equally."""
    kept = probability > 0
    graph = networkit.GraphFromCoo(
        (
            probability[kept],
            (_codes(network.target[kept]), _codes(network.source[kept])),
        ),
        n=network.customers,
        weighted=True,
        directed=True,
    )
    sinks = networkit.centrality.SinkHandling.DistributeSinks
    algorithm = networkit.centrality.PageRank(
        graph, damp=DAMPING, tol=_TOLERANCE, distributeSinks=sinks
    )
    scores = np.array(algorithm.run().scores())
    shares: Floats = scores / scores.sum()
    return shares


def symmetrised(network: Network, probability: Floats) -> networkit.Graph:
    """The undirected graph; a pair's weight is the sum of both directions."""
    customers = network.customers
    kept = probability > 0
    matrix = sparse.csr_matrix(
        (probability[kept], (network.source[kept], network.target[kept])), (customers, customers)
    )
    upper = sparse.triu(matrix + matrix.T, k=1).tocoo()
    return networkit.GraphFromCoo(
        (upper.data, (_codes(upper.row), _codes(upper.col))), n=customers, weighted=True
    )


def core(graph: networkit.Graph) -> Ints:
    """(customers) core numbers of an undirected graph without loops."""
    algorithm = networkit.centrality.CoreDecomposition(graph)
    return np.array(algorithm.run().scores(), dtype=np.int64)


def communities(graph: networkit.Graph) -> Ints:
    """(customers) code of each customer's Leiden community, the largest first.

    On a small graph, Leiden is started several times: an unlucky order costs several percent of
    modularity.
    """
    if graph.numberOfEdges() > _SMALL:
        return _by_size(leiden(graph))
    modularity = networkit.community.Modularity()
    partitions = [leiden(graph) for _ in range(_STARTS)]
    return _by_size(max(partitions, key=lambda partition: modularity.getQuality(partition, graph)))


def _by_size(partition: networkit.Partition) -> Ints:
    _, first, of, size = np.unique(
        community_of(partition), return_index=True, return_inverse=True, return_counts=True
    )
    place = np.empty(len(size), dtype=np.int64)
    place[np.lexsort((first, -size))] = np.arange(len(size))
    return place[of]


def _codes(of: np.ndarray) -> np.ndarray:
    return of.astype(np.uint64)
