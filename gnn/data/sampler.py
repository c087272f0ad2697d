"""Samples the neighbourhoods of seed nodes hop by hop, without edges later than the seed's time.

Hamilton, Ying and Leskovec, Inductive Representation Learning on Large Graphs (NeurIPS 2017),
algorithm 2. We have our own sampler since PyG's `NeighborLoader` needs `pyg-lib` or `torch-sparse`.
The result is PyG's `HeteroData`. As in PyG's temporal sampling, every seed has its own tree: a node
that two seeds reach comes twice, since each seed sees other edges. Seeds with the same time may
share a tree.

Needs the extra `gnn` (torch, torch-geometric).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import prange
from torch_geometric.data import HeteroData

from followsuit.core.compiled import compiled, compiled_parallel
from followsuit.core.errors import FollowsuitError
from followsuit.gnn.data.dataset import Ints
from followsuit.gnn.data.tensors import UNDATED

EdgeType = tuple[str, str, str]

ALL = -1
"""The fan-out that takes all neighbours."""


class BadSample(FollowsuitError):
    """Seeds, times or fan-outs don't fit the graph; the message names the value."""


@dataclass(frozen=True)
class _Column:
    """Edges of one type, sorted by target, then time.

    Attributes:
        pointer: (targets + 1) bounds of each target's edges.
        source: (edges) position of the source node.
        time: (edges) time, ascending within a target.
        edge: (edges) position in the graph's `edge_index`.
    """

    pointer: Ints
    source: Ints
    time: Ints
    edge: Ints


class Sampler:
    """Samples subgraphs around seeds.

    Attributes:
        data: the graph.
        fanouts: number of edges that each node draws at each hop, by edge type (`ALL` for all).
        seed: random seed.
    """

    def __init__(
        self,
        data: HeteroData,
        fanouts: Sequence[int] | Mapping[EdgeType, Sequence[int]],
        seed: int = 0,
    ) -> None:
        """Sort a graph's edges.

        Args:
            data: every node type has `num_nodes`, and every edge type `edge_index`. Edge types
                without `time` (int64 seconds) count as always known.
            fanouts: number of edges that each node draws per hop, for all edge types or by edge
                type (others are ignored). Sampling goes against the direction of the edges, since
                messages go along it.
            seed: random seed.

        Raises:
            BadSample: the graph lacks an edge type, a fan-out is below -1, or edge types have
                different numbers of hops.
        """
        self.data, self.seed = data, seed
        self.fanouts: dict[EdgeType, Sequence[int]] = (
            dict(fanouts)
            if isinstance(fanouts, Mapping)
            else dict.fromkeys(data.edge_types, fanouts)
        )
        _check(data, self.fanouts)
        self.hops = max(map(len, self.fanouts.values()), default=0)
        self._columns = {kind: _by_target(data, kind) for kind in self.fanouts}

    def sample(
        self, node: str, seeds: Ints, times: Ints, draw: int = 0, *, apart: bool = True
    ) -> HeteroData:
        """Sample the subgraph around some seeds; deterministic for the same seed and arguments.

        At each hop, every node reached for the first time draws edges of each type that leads to
        it: up to the fan-out, uniformly and without replacement, with a time up to its seed's. The
        draw depends only on the node and its tree. So the messages that reach a seed don't depend
        on which other seeds share its tree.

        Args:
            node: node type of the seeds.
            seeds: (k) positions of the seeds in the graph; distinct if they share a tree.
            times: (k) int64 seconds; each seed sees edges up to this time.
            draw: number of the sample; another number gives another sample.
            apart: whether each seed has its own tree. If not, all share one, and have one time.

        Returns:
            The subgraph. Each node type has `n_id` (positions in the graph), `batch` (number of the
            seed's tree, 0 if shared) and `num_nodes`. The seeds are the first `batch_size` nodes of
            their type, in order. Each edge type has a local `edge_index`, and `e_id` (positions in
            the graph's `edge_index`). Every other tensor of nodes and edges is sliced.

        Raises:
            BadSample: the node type is unknown, or seeds and times don't fit.
        """
        _check_seeds(self.data, node, seeds, times)
        trees = np.arange(len(seeds), dtype=np.int64)
        if not apart:
            _check_shared(seeds, times)
            trees[:] = 0
        nodes = {kind: _Reached(self.data[kind].num_nodes) for kind in self.data.node_types}
        edges: dict[EdgeType, list[_Drawn]] = {kind: [] for kind in self.fanouts}
        new = {kind: nodes[kind].add(trees[:0]) for kind in nodes}
        new[node] = nodes[node].start(trees, seeds)
        for hop in range(self.hops):
            asked = {kind: [new[kind][:0]] for kind in nodes}
            for number, (kind, fanouts) in enumerate(self.fanouts.items()):
                here = new[kind[2]]
                tree, target = np.divmod(nodes[kind[2]].keys[here], max(nodes[kind[2]].size, 1))
                stream = _streams(tree, target, (self.seed, draw, number))
                slot, edge = _draw(self._columns[kind], target, times[tree], fanouts[hop], stream)
                key = tree[slot] * nodes[kind[0]].size + self._columns[kind].source[edge]
                edges[kind].append(_Drawn(key, here[slot], self._columns[kind].edge[edge]))
                asked[kind[0]].append(key)
            new = {kind: nodes[kind].add(np.concatenate(keys)) for kind, keys in asked.items()}
        return _subgraph(self.data, node, len(seeds), nodes, edges)


@dataclass(frozen=True)
class _Drawn:
    """Drawn edges: key of the source, local position of the target, position of the edge."""

    key: Ints
    target: Ints
    edge: Ints


class _Reached:
    """The nodes of one type in the subgraph, by tree. A node's key is tree x size + node."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.keys = np.empty(0, dtype=np.int64)

    def start(self, trees: Ints, nodes: Ints) -> Ints:
        self.keys = trees * self.size + nodes
        return np.arange(len(nodes), dtype=np.int64)

    def add(self, keys: Ints) -> Ints:
        """Add keys that are new; return their local positions."""
        fresh = np.setdiff1d(keys, self.keys)
        first = len(self.keys)
        self.keys = np.concatenate([self.keys, fresh])
        return np.arange(first, len(self.keys), dtype=np.int64)

    def find(self, keys: Ints) -> Ints:
        """The local positions of known keys."""
        order = np.argsort(self.keys)
        positions: Ints = order[np.searchsorted(self.keys, keys, sorter=order)]
        return positions


def _check(data: HeteroData, fanouts: Mapping[EdgeType, Sequence[int]]) -> None:
    for kind, hops in fanouts.items():
        if kind not in data.edge_types:
            raise BadSample(f"The graph has no edges {kind}: it has {data.edge_types}.")
        if len(hops) != len(next(iter(fanouts.values()))):
            raise BadSample(f"{kind} has {len(hops)} fan-outs: all edge types need as many.")
        low = min(hops, default=0)
        if low < ALL:
            raise BadSample(f"{kind} has a fan-out of {low}: give 0 or more, or -1 for all.")


def _check_seeds(data: HeteroData, node: str, seeds: Ints, times: Ints) -> None:
    if node not in data.node_types:
        raise BadSample(f"The graph has no nodes {node!r}: it has {data.node_types}.")
    if len(seeds) != len(times):
        raise BadSample(f"{len(seeds)} seeds have {len(times)} times: give one for each.")
    outside = (seeds < 0) | (seeds >= data[node].num_nodes)
    if outside.any():
        raise BadSample(
            f"The seed {seeds[outside][0]} isn't a {node}: there are {data[node].num_nodes}."
        )


def _check_shared(seeds: Ints, times: Ints) -> None:
    if len(np.unique(seeds)) < len(seeds) or len(np.unique(times)) > 1:
        raise BadSample("Seeds that share a tree must differ, and have one time for all.")


def _by_target(data: HeteroData, kind: EdgeType) -> _Column:
    edges = data[kind]
    source, target = edges.edge_index.numpy()
    time = edges.time.numpy() if "time" in edges else np.full(len(source), UNDATED)
    order = np.lexsort((time, target))
    counts = np.bincount(target, minlength=data[kind[2]].num_nodes)
    pointer = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return _Column(pointer, source[order], time[order], order)


def _draw(
    column: _Column, target: Ints, until: Ints, fanout: int, stream: np.ndarray
) -> tuple[Ints, Ints]:
    """The drawn edges: number of the target, and position in the column."""
    seen = _seen(column.pointer, column.time, target, until)
    count = seen if fanout == ALL else np.minimum(seen, fanout)
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    edge = _pick(column.pointer[target], seen, start, stream)
    return np.repeat(np.arange(len(target)), count), edge


@compiled_parallel
def _seen(pointer: Ints, time: Ints, target: Ints, until: Ints) -> Ints:
    """The number of each target's edges up to its time."""
    count = np.empty(len(target), dtype=np.int64)
    for s in prange(len(target)):
        low, high = pointer[target[s]], pointer[target[s] + 1]
        count[s] = np.searchsorted(time[low:high], until[s], side="right")
    return count


@compiled_parallel
def _pick(low: Ints, seen: Ints, start: Ints, stream: np.ndarray) -> Ints:
    """Draw without replacement by Floyd's algorithm (Bentley and Floyd, CACM 30, 1987)."""
    drawn = np.empty(start[-1], dtype=np.int64)
    for s in prange(len(low)):
        first, n = start[s], seen[s]
        k = start[s + 1] - first
        state = stream[s]
        for i in range(k):
            j = n - k + i
            chosen = j
            if k < n:
                state = _mixed(state)
                chosen = np.int64(np.float64(state >> np.uint64(11)) * _UNIT * (j + 1))
                for other in range(i):
                    if drawn[first + other] == low[s] + chosen:
                        chosen = j
                        break
            drawn[first + i] = low[s] + chosen
    return drawn


_UNIT = 2.0**-53


@compiled
def _mixed(x: np.uint64) -> np.uint64:
    """The next number of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def _streams(tree: Ints, node: Ints, key: tuple[int, ...]) -> np.ndarray:
    """A random stream for each node of each tree, independent of the order of the draws."""
    state = np.uint64(0)
    for part in key:
        state = _mixed(state ^ np.uint64(part))
    stream = np.empty(len(tree), dtype=np.uint64)
    for s in range(len(tree)):
        stream[s] = _mixed(_mixed(state ^ np.uint64(tree[s])) ^ np.uint64(node[s]))
    return stream


def _subgraph(
    data: HeteroData,
    seeded: str,
    size: int,
    nodes: Mapping[str, _Reached],
    edges: Mapping[EdgeType, list[_Drawn]],
) -> HeteroData:
    part = HeteroData()
    for name, reached in nodes.items():
        tree, node = np.divmod(reached.keys, max(reached.size, 1))
        _slice(data[name], part[name], torch.from_numpy(node), reached.size)
        part[name].n_id, part[name].batch = torch.from_numpy(node), torch.from_numpy(tree)
        part[name].num_nodes = len(node)
    part[seeded].batch_size = size
    for kind, drawn in edges.items():
        key, target, edge = (
            np.concatenate([getattr(d, name) for d in drawn] or [np.empty(0, dtype=np.int64)])
            for name in ("key", "target", "edge")
        )
        ends = np.stack([nodes[kind[0]].find(key), target])
        places = torch.from_numpy(edge)
        _slice(data[kind], part[kind], places, data[kind].edge_index.shape[1])
        part[kind].edge_index, part[kind].e_id = torch.from_numpy(ends), places
    return part


def _slice(whole: Any, part: Any, places: torch.Tensor, size: int) -> None:
    for name, value in whole.items():
        if isinstance(value, torch.Tensor) and value.dim() and len(value) == size:
            part[name] = value[places]
