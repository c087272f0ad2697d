"""Baselines: seed customers by simpler rules for the same budget."""

import numpy as np

from followsuit.influence.log.arrays import Flags, Floats, Ints, Network
from followsuit.influence.spread.centrality import core, pagerank, symmetrised

DEGREE = "degree"
PAGERANK = "PageRank"
CORE = "k-core"
RANDOM = "random"


def simple_seeds(
    network: Network, probability: Floats, budget: float, cost: Floats, allowed: Flags, seed: int
) -> dict[str, Ints]:
    """Choose customers by followers, PageRank or core number per cost, or at random.

    Args:
        network: who may follow whom.
        probability: (edges) probability that the target acts because of the source.
        budget: the largest total cost.
        cost: (customers) cost of each, at least 0.
        allowed: (customers) whether each may be chosen.
        seed: random seed of `RANDOM`.

    Returns:
        Codes in the order chosen, by name of the rule. Customers who don't fit into the rest of the
        budget are skipped.
    """
    followers = np.bincount(network.source[probability > 0], minlength=len(cost))
    scores = {
        DEGREE: followers.astype(np.float64),
        PAGERANK: pagerank(network, probability),
        CORE: core(symmetrised(network, probability)).astype(np.float64),
    }
    orders = {name: _by_score(score, cost) for name, score in scores.items()}
    orders[RANDOM] = np.random.default_rng(seed).permutation(len(cost))
    return {name: within(order[allowed[order]], cost, budget) for name, order in orders.items()}


def _by_score(score: Floats, cost: Floats) -> Ints:
    free = (cost == 0) & (score > 0)
    per_cost = np.divide(score, cost, out=np.where(free, np.inf, 0.0), where=cost > 0)
    return np.lexsort((-score, -per_cost))


def within(order: np.ndarray, cost: Floats, budget: float) -> Ints:
    """Take customers in order, skipping those who don't fit into the rest of the budget.

    Args:
        order: codes of customers.
        cost: (customers) cost of each.
        budget: the largest total cost.
    """
    left = budget
    kept = []
    for v in order[cost[order] <= budget]:
        if cost[v] <= left:
            left -= cost[v]
            kept.append(v)
    return np.array(kept, dtype=np.int64)
