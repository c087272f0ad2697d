"""Small influence networks, and what spreads in them by enumerating all that can happen."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from followsuit.influence.log import Floats, Network, network

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
        worlds = list(_by_choice(made, probability) if threshold else _by_coin(made, probability))
        self.chance = np.array([chance for chance, _ in worlds])
        self.reach = np.array([_closure(len(value), edges) for _, edges in worlds])
        masks = np.arange(1 << len(value))
        self._worth = sum(v * (masks >> i & 1) for i, v in enumerate(value))

    def spread(self, seeds: Sequence[int]) -> float:
        """The expected value of the cascade from `seeds`."""
        if len(seeds) == 0:
            return 0.0
        reached = np.bitwise_or.reduce(self.reach[:, list(seeds)], axis=1)
        return float(self.chance @ self._worth[reached])


def _by_coin(made: Network, probability: Floats) -> Iterator[tuple[float, list[tuple[int, int]]]]:
    """Independent cascade: each edge is kept or not."""
    edges = list(zip(made.source.tolist(), made.target.tolist(), strict=True))
    for kept in product((False, True), repeat=len(edges)):
        flags = np.array(kept, dtype=bool)
        chance = float(np.where(flags, probability, 1 - probability).prod())
        yield chance, [edge for edge, keep in zip(edges, kept, strict=True) if keep]


def _by_choice(made: Network, probability: Floats) -> Iterator[tuple[float, list[tuple[int, int]]]]:
    """Linear threshold: each customer keeps one edge or none (Kempe et al. 2003, claim 2.6)."""
    options: dict[int, list[tuple[float, list[tuple[int, int]]]]] = {}
    for u, v, p in zip(made.source.tolist(), made.target.tolist(), probability, strict=True):
        options.setdefault(v, []).append((float(p), [(u, v)]))
    for choices in options.values():
        total = sum(p for p, _ in choices)
        choices[:] = [(p / max(total, 1), edge) for p, edge in choices]
        choices.append((1 - min(total, 1.0), []))
    for chosen in product(*options.values()):
        yield float(np.prod([p for p, _ in chosen])), [e for _, edges in chosen for e in edges]


def _closure(customers: int, edges: list[tuple[int, int]]) -> list[int]:
    reach = [1 << v for v in range(customers)]
    for _ in range(customers):
        for u, v in edges:
            reach[u] |= reach[v]
    return reach
