import numpy as np
import pytest
from support.influence_worlds import Planted, Planting, plant

from followsuit.influence.effects.placebos import later, rewired, taste_clusters
from followsuit.influence.effects.taste_profile import given_taste, learn_taste
from followsuit.influence.log.arrays import DAY, Network
from followsuit.influence.log.triples import Design


@pytest.fixture(scope="module")
def alike() -> Planting:
    return plant(Planted(seed=0, homophily=2, appeal=1.2))


def pairs(edges: Network) -> set[tuple[int, int]]:
    return set(zip(edges.source.tolist(), edges.target.tolist(), strict=True))


def likeness(edges: Network, taste: np.ndarray) -> float:
    return float(np.corrcoef(taste[edges.source, 0], taste[edges.target, 0])[0, 1])


def test_a_rewired_network_shares_no_edge_with_the_true_one(alike: Planting) -> None:
    edges = alike.log.network
    swapped = rewired(edges, alike.taste, seed=0)
    assert not pairs(swapped) & pairs(edges)
    assert all(source != target for source, target in pairs(swapped))
    assert len(pairs(swapped)) == len(swapped.target) > 0.7 * len(edges.target)


def test_a_swapped_friend_has_the_same_taste_cluster_and_about_as_many_followers(
    alike: Planting,
) -> None:
    edges = alike.log.network
    swapped = rewired(edges, alike.taste, seed=0)
    followers = np.diff(edges.pointer)
    assert np.corrcoef(np.diff(swapped.pointer), followers)[0, 1] > 0.9
    assert np.diff(swapped.in_pointer).max() <= np.diff(edges.in_pointer).max()


def test_swapped_friends_are_alike_too_but_not_where_tastes_are_strangers(alike: Planting) -> None:
    edges = alike.log.network
    assert likeness(edges, alike.taste) > 0.6
    assert likeness(rewired(edges, alike.taste, seed=0), alike.taste) > 0.4
    strangers = np.random.default_rng(0).permutation(alike.taste)
    assert abs(likeness(rewired(edges, strangers, seed=0), alike.taste)) < 0.1


def test_taste_clusters_part_customers_who_lie_apart() -> None:
    taste = np.repeat([[0.0, 0.0], [9.0, 0.0]], 30, axis=0)
    clusters = taste_clusters(taste, seed=0)
    assert len(set(clusters[:30])) == len(set(clusters[30:])) == 1
    assert clusters[0] != clusters[-1]


def test_customers_without_a_taste_are_one_cluster() -> None:
    assert taste_clusters(np.zeros((100, 3)), seed=0).tolist() == [0] * 100


def test_the_later_placebo_is_two_windows_off() -> None:
    assert later(Design(start=-100 * DAY, window=14 * DAY)).lag == 28 * DAY


def test_learnt_taste_says_who_is_alike(alike: Planting) -> None:
    time = alike.log.actions.time
    learnt = learn_taste(alike.log, int(np.quantile(time, 0.4)), seed=0).both
    explained = np.linalg.lstsq(learnt, given_taste(alike.log, alike.taste).both, rcond=None)[0]
    fitted = learnt @ explained
    assert np.corrcoef(fitted[:, 0], alike.taste[:, 0])[0, 1] > 0.7
    assert np.corrcoef(fitted[:, 1], alike.taste[:, 1])[0, 1] > 0.7


def test_taste_ignores_the_period_of_the_report(alike: Planting) -> None:
    log = alike.log
    start = int(np.quantile(log.actions.time, 0.4))
    order = np.arange(len(log.actions.time))
    reported = np.flatnonzero(log.actions.time >= start)
    order[reported] = np.random.default_rng(0).permutation(reported)
    mixed = log.actions._replace(customer=log.actions.customer[order])
    other = type(log)(**{**vars(log), "actions": mixed})
    before, after = (learn_taste(which, start, seed=0) for which in (log, other))
    assert np.array_equal(before.both, after.both)
