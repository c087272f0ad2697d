"""Small influence networks, and what spreads in them by enumerating all that can happen."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from followsuit.influence.log.arrays import Flags, Floats, Network, network

Edge = tuple[int, int, float]
"""Source, target, probability."""


def influence(customers: int, edges: Sequence[Edge]) -> tuple[Network, Floats]:
    """A network and its probabilities, in the network's order of edges."""
    ordered = sorted(edges)
    source, target = (np.array([e[i] for e in ordered], dtype=np.int64) for i in (0, 1))
    made = network(customers, source, target, np.zeros(len(ordered), dtype=np.int64))
    return made, np.array([edge[2] for edge in ordered], dtype=np.float64)


def random_influence(seed: int, customers: int, edges: int) -> tuple[Network, Floats]:
    """A random network with probabilities from 0 to 1."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(customers * customers)
    pairs = pairs[pairs // customers != pairs % customers][:edges]
    return influence(
        customers, [(p // customers, p % customers, float(rng.random())) for p in pairs.tolist()]
    )


class Exact:
    """The distribution of who sets off whom, for every customer, as bit masks.

    Attributes:
        chance: (worlds) of each pattern of edges kept.
        reach: (worlds, customers) bits of those whom a customer sets off in it, and of themself.
    """

    def __init__(
        self, made: Network, probability: Floats, value: Floats, *, threshold: bool = False
    ) -> None:
        worlds = _by_choice(made, probability) if threshold else _by_coin(probability)
        self.chance, kept = worlds
        self.reach = np.tile(1 << np.arange(len(value)), (len(kept), 1))
        for _ in range(len(value)):
            for e, (u, v) in enumerate(zip(made.source, made.target, strict=True)):
                self.reach[:, u] |= np.where(kept[:, e], self.reach[:, v], 0)
        masks = np.arange(1 << len(value))
        self._worth = sum(v * (masks >> i & 1) for i, v in enumerate(value))

    def spread(self, seeds: Sequence[int]) -> float:
        """The expected value of the cascade from `seeds`."""
        if len(seeds) == 0:
            return 0.0
        reached = np.bitwise_or.reduce(self.reach[:, list(seeds)], axis=1)
        return float(self.chance @ self._worth[reached])


def _by_coin(probability: Floats) -> tuple[Floats, Flags]:
    """Independent cascade: each edge is kept or not."""
    kept = np.array(list(product((False, True), repeat=len(probability))), dtype=bool)
    return np.where(kept, probability, 1 - probability).prod(axis=1), kept


def _by_choice(made: Network, probability: Floats) -> tuple[Floats, Flags]:
    """Linear threshold: each customer keeps one edge or none (Kempe et al. 2003, claim 2.6)."""
    options = []
    for v in np.unique(made.target):
        edges = np.flatnonzero(made.target == v)
        weight = probability[edges] / max(probability[edges].sum(), 1)
        options.append([(1 - weight.sum(), -1), *zip(weight, edges, strict=True)])
    worlds = list(product(*options))
    kept = np.zeros((len(worlds), len(probability)), dtype=bool)
    for world, chosen in zip(kept, worlds, strict=True):
        world[[e for _, e in chosen if e >= 0]] = True
    return np.array([np.prod([p for p, _ in chosen]) for chosen in worlds]), kept
