"""Centrality of customers in the influence graph, against NetworkX and known partitions."""

import networkit
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exact_spread import Edge, influence, random_influence

from followsuit.influence.spread.centrality import centrality
from followsuit.influence.spread.inputs import BadInput, NotEnoughEvidence

BEST_KNOWN = {
    # Brandes et al. 2008 proved karate's; the others are the best of 1,000 runs of Louvain.
    "karate": (nx.karate_club_graph, 0.41979),
    "les miserables": (nx.les_miserables_graph, 0.56001),
    "southern women": (nx.davis_southern_women_graph, 0.33602),
    "florentine families": (nx.florentine_families_graph, 0.39875),
    "caveman": (lambda: nx.connected_caveman_graph(10, 6), 0.83333),
}
CHANCES = st.one_of(st.just(0.0), st.just(1.0), st.floats(0.001, 1))


@st.composite
def networks(draw: st.DrawFn) -> tuple[int, list[Edge]]:
    """Up to eight customers, some of them without edges; at least one edge counts."""
    customers = draw(st.integers(2, 8))
    pairs = [(u, v) for u in range(customers) for v in range(customers) if u != v]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=20, unique=True))
    edges = [(u, v, draw(CHANCES)) for u, v in chosen[1:]]
    return customers, [(*chosen[0], 0.5), *edges]


def as_networkx(customers: int, edges: list[Edge]) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(customers))
    graph.add_weighted_edges_from(edge for edge in edges if edge[2] > 0)
    return graph


@settings(deadline=None)
@given(networks())
def test_pagerank_on_the_reversed_graph_equals_networkx(given_: tuple[int, list[Edge]]) -> None:
    customers, edges = given_
    expected = nx.pagerank(as_networkx(customers, edges).reverse(), tol=1e-13, max_iter=10_000)
    pagerank = centrality(*influence(customers, edges)).pagerank
    np.testing.assert_allclose(pagerank, [expected[v] for v in range(customers)], atol=1e-6)


@settings(deadline=None)
@given(networks())
def test_core_numbers_on_the_symmetrised_graph_equal_networkx(
    given_: tuple[int, list[Edge]],
) -> None:
    customers, edges = given_
    expected = nx.core_number(as_networkx(customers, edges).to_undirected())
    core = centrality(*influence(customers, edges)).core
    assert core.tolist() == [expected[v] for v in range(customers)]


@pytest.mark.parametrize("name", BEST_KNOWN)
def test_communities_are_within_a_hundredth_of_the_best_known_modularity(name: str) -> None:
    make, best = BEST_KNOWN[name]
    graph = nx.convert_node_labels_to_integers(nx.Graph(make()))
    edges = [(u, v, 0.2) for a, b in graph.edges for u, v in ((a, b), (b, a))]
    for seed in range(5):
        of = centrality(*influence(len(graph), edges), seed=seed).community
        parts = [set(np.flatnonzero(of == c).tolist()) for c in range(of.max() + 1)]
        assert nx.community.modularity(graph, parts, weight=None) >= 0.99 * best


def test_rank_goes_to_those_who_influence_not_to_the_influenced() -> None:
    standing = centrality(*influence(4, [(0, 1, 0.3), (0, 2, 0.3), (0, 3, 0.3)]))
    assert standing.pagerank.argmax() == 0
    assert standing.pagerank.sum() == pytest.approx(1)


def test_an_edge_of_probability_zero_is_none() -> None:
    with_it = centrality(*influence(4, [(0, 1, 0.3), (1, 2, 0.0), (0, 2, 0.1)]))
    without = centrality(*influence(4, [(0, 1, 0.3), (0, 2, 0.1)]))
    assert with_it.pagerank.tobytes() == without.pagerank.tobytes()
    assert with_it.core.tolist() == without.core.tolist() == [1, 1, 1, 0]


def test_communities_are_numbered_by_size_and_a_customer_alone_is_one() -> None:
    triangle = [(0, 1, 0.5), (1, 2, 0.5), (2, 0, 0.5)]
    square = [(3, 4, 0.5), (4, 5, 0.5), (5, 6, 0.5), (6, 3, 0.5), (3, 5, 0.5)]
    communities = centrality(*influence(8, triangle + square)).community
    assert communities.tolist() == [1, 1, 1, 0, 0, 0, 0, 2]


def test_any_number_of_threads_gives_the_same_bytes() -> None:
    made, probability = random_influence(3, 300, 3_000)
    threads = networkit.getMaxNumberOfThreads()
    results = []
    try:
        for count in (1, 4):
            networkit.setNumberOfThreads(count)
            result = centrality(made, probability, seed=5)
            results.append([x.tobytes() for x in (result.pagerank, result.core, result.community)])
            assert networkit.getMaxNumberOfThreads() == count
    finally:
        networkit.setNumberOfThreads(threads)
    assert results[0] == results[1]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_named_with_its_edge(wrong: float) -> None:
    made, _ = influence(3, [(0, 1, 0.5), (1, 2, 0.5)])
    with pytest.raises(BadInput, match=f"probability of edge 1 is {wrong}"):
        centrality(made, np.array([0.5, wrong]))


@pytest.mark.parametrize(("customers", "edges"), [(1, []), (5, []), (2, [(0, 1, 0.0)])])
def test_without_influence_there_is_not_enough_evidence(customers: int, edges: list[Edge]) -> None:
    with pytest.raises(NotEnoughEvidence, match=f"none of {len(edges)} edges between {customers}"):
        centrality(*influence(customers, edges))
