"""Subgraphs around seeds: what is drawn, how evenly, and never from the future."""

from collections import Counter
from itertools import combinations

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch_geometric.data import HeteroData
from torch_geometric.nn import HeteroConv, SAGEConv

from followsuit.gnn.data.sampler import ALL, BadSample, EdgeType, Sampler
from followsuit.gnn.data.tensors import UNDATED

BOUGHT: EdgeType = ("item", "bought_by", "user")
TOLD: EdgeType = ("user", "told", "user")
IN: EdgeType = ("user", "likes", "item")
KINDS = (BOUGHT, TOLD, IN)
SIZES = {"user": 7, "item": 5}


def graph(edges: dict[EdgeType, list[tuple[int, int, int]]]) -> HeteroData:
    """A graph of (source, target, time)."""
    data = HeteroData()
    for node, size in SIZES.items():
        data[node].num_nodes = size
    for kind, rows in edges.items():
        table = np.array(rows, dtype=np.int64).reshape(-1, 3)
        data[kind].edge_index = torch.from_numpy(table[:, :2].T.copy())
        data[kind].time = torch.from_numpy(table[:, 2].copy())
    return data


@st.composite
def graphs(draw: st.DrawFn) -> HeteroData:
    def rows(kind: EdgeType) -> list[tuple[int, int, int]]:
        end = [st.integers(0, SIZES[kind[i]] - 1) for i in (0, 2)]
        edge = st.tuples(*end, st.integers(0, 9) | st.just(UNDATED))
        return draw(st.lists(edge, max_size=25))

    return graph({kind: rows(kind) for kind in KINDS})


def drawn(part: HeteroData, kind: EdgeType) -> list[tuple[int, int, int]]:
    """(tree, source, target) of each edge, in the graph's codes."""
    source, target = part[kind].edge_index
    tree = part[kind[2]].batch[target]
    assert torch.equal(tree, part[kind[0]].batch[source])
    ends = part[kind[0]].n_id[source], part[kind[2]].n_id[target]
    return list(zip(tree.tolist(), *(e.tolist() for e in ends), strict=True))


def reached(data: HeteroData, hops: int, seeds: list[int], times: list[int]) -> Counter[tuple]:
    """All edges that lead to each seed in this many hops, by brute force."""
    edges: Counter[tuple] = Counter()
    for tree, (seed, until) in enumerate(zip(seeds, times, strict=True)):
        new = seen = {("user", seed)}
        for _ in range(hops):
            asked = set()
            for kind in KINDS:
                for (a, b), t in zip(
                    data[kind].edge_index.T.tolist(), data[kind].time.tolist(), strict=True
                ):
                    if t <= until and (kind[2], b) in new:
                        edges[kind, tree, a, b] += 1
                        asked.add((kind[0], a))
            new = asked - seen
            seen = seen | new
    return edges


some_seeds = st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 10)), max_size=5)


@settings(max_examples=60, deadline=None)
@given(data=graphs(), seeds=some_seeds, hops=st.integers(1, 3))
def test_all_neighbours_are_those_that_brute_force_finds(
    data: HeteroData, seeds: list[tuple[int, int]], hops: int
) -> None:
    nodes, times = [s for s, _ in seeds], [t for _, t in seeds]
    part = Sampler(data, [ALL] * hops).sample(
        "user", np.array(nodes, dtype=np.int64), np.array(times, dtype=np.int64)
    )
    edges: Counter[tuple] = Counter((k, *row) for k in KINDS for row in drawn(part, k))
    assert edges == reached(data, hops, nodes, times)


@settings(max_examples=60, deadline=None)
@given(
    data=graphs(),
    seeds=some_seeds,
    fanouts=st.lists(st.integers(0, 3), min_size=1, max_size=3),
    seed=st.integers(0, 9),
)
def test_each_draws_as_many_as_it_may_once_each_and_none_from_the_future(
    data: HeteroData, seeds: list[tuple[int, int]], fanouts: list[int], seed: int
) -> None:
    times = np.array([t for _, t in seeds], dtype=np.int64)
    nodes = np.array([s for s, _ in seeds], dtype=np.int64)
    part = Sampler(data, fanouts, seed).sample("user", nodes, times)
    assert part["user"].n_id[: len(seeds)].tolist() == nodes.tolist()
    for kind in KINDS:
        edges = part[kind]
        tree = part[kind[2]].batch[edges.edge_index[1]].numpy()
        assert (edges.time.numpy() <= times[tree]).all()
        assert len(set(zip(tree.tolist(), edges.e_id.tolist(), strict=True))) == len(tree)
        assert torch.equal(edges.time, data[kind].time[edges.e_id])
        ends = [(s, t) for _, s, t in drawn(part, kind)]
        assert ends == [tuple(e) for e in data[kind].edge_index[:, edges.e_id].T.tolist()]
        if kind[2] == "user":
            # The seeds themselves, at the first hop.
            counts = np.bincount(edges.edge_index[1], minlength=len(seeds))[: len(seeds)]
            target, time = data[kind].edge_index[1].numpy(), data[kind].time.numpy()
            eligible = [((target == s) & (time <= t)).sum() for s, t in seeds]
            assert counts.tolist() == np.minimum(eligible, fanouts[0]).tolist()


def test_every_set_of_neighbours_is_as_likely() -> None:
    edges = [(i, 0, t) for i, t in ((0, 1), (1, 1), (2, 2), (3, 3), (4, 5), (0, 9))]
    part = Sampler(graph({BOUGHT: edges}), [2], seed=3).sample(
        "user", np.zeros(20_000, dtype=np.int64), np.full(20_000, 5)
    )
    pairs: dict[int, set[int]] = {}
    for tree, source, _ in drawn(part, BOUGHT):
        pairs.setdefault(tree, set()).add(source)
    counts = Counter(frozenset(pair) for pair in pairs.values())
    assert set(counts) == {frozenset(pair) for pair in combinations(range(5), 2)}
    assert chisquare(list(counts.values())).pvalue > 0.001


def test_another_draw_is_another_sample_and_the_same_draw_the_same() -> None:
    sampler = Sampler(graph({BOUGHT: [(i, u, 0) for u in range(7) for i in range(5)]}), [2])
    users = np.arange(7)

    def sample(draw: int) -> list[tuple[int, int, int]]:
        return drawn(sampler.sample("user", users, users * 0, draw), BOUGHT)

    assert sample(1) == sample(1)
    assert sample(1) != sample(2)


def test_the_number_of_threads_changes_nothing() -> None:
    random = np.random.default_rng(0)
    rows = {k: random.integers(0, 5, (400, 3)).tolist() for k in KINDS}
    sampler, seeds = Sampler(graph(rows), [3, 3], seed=5), random.integers(0, 5, 300)
    samples, before = [], numba.get_num_threads()
    for threads in {1, before}:
        numba.set_num_threads(threads)
        part = sampler.sample("user", seeds, np.full(300, 3))
        samples.append([part[k].e_id.tolist() for k in KINDS])
    numba.set_num_threads(before)
    assert all(f == samples[0] for f in samples)


def test_seeds_of_one_time_may_share_their_nodes() -> None:
    data = graph({BOUGHT: [(2, 0, 0), (2, 1, 0), (3, 1, 7)], TOLD: [(1, 0, 0)]})
    part = Sampler(data, [ALL]).sample("user", np.array([0, 1]), np.array([5, 5]), apart=False)
    assert part["item"].n_id.tolist() == [2]
    assert part["user"].n_id.tolist() == [0, 1]
    assert part[BOUGHT].edge_index.tolist() == [[0, 0], [0, 1]]
    assert part[TOLD].edge_index.tolist() == [[1], [0]]


def test_kinds_that_are_not_named_are_not_followed() -> None:
    data = graph({BOUGHT: [(2, 0, 0)], TOLD: [(1, 0, 0)]})
    part = Sampler(data, {BOUGHT: [5]}).sample("user", np.array([0]), np.array([0]))
    assert part.edge_types == [BOUGHT]
    assert part["user"].n_id.tolist() == [0]


def test_edges_without_a_time_have_always_been() -> None:
    data = graph({BOUGHT: [(2, 0, 0)]})
    del data[BOUGHT].time
    part = Sampler(data, [1]).sample("user", np.array([0]), np.array([-(10**9)]))
    assert drawn(part, BOUGHT) == [(0, 2, 0)]


def test_a_kind_without_nodes_is_empty() -> None:
    data = graph({BOUGHT: [(2, 0, 0)]})
    data["store"].num_nodes = 0
    data["user", "visited", "store"].edge_index = torch.empty(2, 0, dtype=torch.int64)
    part = Sampler(data, [2, 2]).sample("user", np.array([0]), np.array([0]))
    assert part["store"].num_nodes == 0
    assert drawn(part, BOUGHT) == [(0, 2, 0)]


def test_features_come_along_and_pygs_layers_take_the_sample() -> None:
    random = np.random.default_rng(1)
    data = graph({k: random.integers(0, 5, (30, 3)).tolist() for k in KINDS})
    for node, size in SIZES.items():
        data[node].x = torch.arange(size * 2, dtype=torch.float32).reshape(size, 2)
    part = Sampler(data, [3, 3]).sample("user", np.array([4, 0]), np.array([3, 3]))
    assert torch.equal(part["user"].x, data["user"].x[part["user"].n_id])
    layer = HeteroConv({kind: SAGEConv((2, 2), 3) for kind in KINDS})
    told = layer(part.x_dict, part.edge_index_dict)
    assert told["user"].shape == (part["user"].num_nodes, 3)


@pytest.mark.parametrize(
    ("fanouts", "message"),
    [
        ({("user", "hates", "item"): [1]}, "no edges .*hates"),
        ({BOUGHT: [1, 1], TOLD: [1]}, "1 fan-outs"),
        ([3, -2], "fan-out of -2"),
    ],
)
def test_fan_outs_that_do_not_fit_are_named(fanouts: object, message: str) -> None:
    with pytest.raises(BadSample, match=message):
        Sampler(graph({BOUGHT: [(2, 0, 0)], TOLD: []}), fanouts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("node", "seeds", "times", "message"),
    [
        ("shop", [0], [0], "no nodes 'shop'"),
        ("user", [0, 1], [0], "2 seeds have 1 times"),
        ("user", [7], [0], "seed 7 isn't a user: there are 7"),
        ("user", [-1], [0], "seed -1"),
    ],
)
def test_seeds_that_do_not_fit_are_named(
    node: str, seeds: list[int], times: list[int], message: str
) -> None:
    sampler = Sampler(graph({BOUGHT: [(2, 0, 0)]}), [1])
    with pytest.raises(BadSample, match=message):
        sampler.sample(node, np.array(seeds), np.array(times))


@pytest.mark.parametrize(("seeds", "times"), [([1, 1], [0, 0]), ([0, 1], [0, 1])])
def test_seeds_that_can_not_share_are_refused(seeds: list[int], times: list[int]) -> None:
    sampler = Sampler(graph({BOUGHT: [(2, 0, 0)]}), [1])
    with pytest.raises(BadSample, match="share a tree"):
        sampler.sample("user", np.array(seeds), np.array(times), apart=False)
