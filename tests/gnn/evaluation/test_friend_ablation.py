"""The friend ablation: rewired friendships, and its result on planted truth."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from support.folders import planted_split
from support.hand_made import hand_made
from support.worlds import view_of_world

import followsuit
from followsuit.core.bootstrap import Estimate
from followsuit.core.times import instant
from followsuit.gnn.data.dataset import Dataset, Split, binary, pairs
from followsuit.gnn.data.from_view import temporal_split
from followsuit.gnn.evaluation.ablation_result import friends_help
from followsuit.gnn.evaluation.friend_ablation import FriendAblation, ablate_friends, rewire
from followsuit.simulator import World
from followsuit.testing.tastes import planted

FRIENDS = planted().friends


def directed(seed: int = 0) -> sparse.csr_matrix:
    ends = np.random.default_rng(seed).integers(0, 60, (400, 2))
    ends = ends[ends[:, 0] != ends[:, 1]]
    return pairs(ends[:, 0], ends[:, 1], (60, 60))


@pytest.mark.parametrize("friends", [FRIENDS, directed()], ids=["both ways", "one way"])
def test_rewired_everybody_has_as_many_friends_but_others(friends: sparse.csr_matrix) -> None:
    rewired = rewire(friends, 0)
    assert np.diff(rewired.indptr).tolist() == np.diff(friends.indptr).tolist()
    assert rewired.sum(axis=0).tolist() == friends.sum(axis=0).tolist()
    assert not rewired.diagonal().any()
    assert set(rewired.data) == {1}
    assert rewired.multiply(friends).nnz < 0.5 * friends.nnz


def test_ties_that_go_both_ways_stay_so_and_one_way_ties_do_not_become_mutual() -> None:
    assert (rewire(FRIENDS, 0) != rewire(FRIENDS, 0).T).nnz == 0
    one_way = sparse.triu(FRIENDS).tocsr()
    rewired = rewire(one_way, 0)
    assert rewired.nnz == one_way.nnz
    assert rewired.multiply(rewired.T).nnz < 0.2 * rewired.nnz


def test_the_same_seed_rewires_alike_and_another_does_not() -> None:
    assert (rewire(FRIENDS, 3) != rewire(FRIENDS, 3)).nnz == 0
    assert (rewire(FRIENDS, 3) != rewire(FRIENDS, 4)).nnz > 100
    assert (rewire(directed(), 3) != rewire(directed(), 3)).nnz == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12), st.booleans())
def test_few_ties_or_none_keep_their_degrees_too(ends: list[tuple[int, int]], both: bool) -> None:
    apart = np.array([e for e in ends if e[0] != e[1]], dtype=int).reshape(-1, 2)
    friends = pairs(apart[:, 0], apart[:, 1], (6, 6))
    friends = binary(friends + friends.T) if both else friends
    rewired = rewire(friends, 1)
    assert np.diff(rewired.indptr).tolist() == np.diff(friends.indptr).tolist()
    assert rewired.sum(axis=0).tolist() == friends.sum(axis=0).tolist()


def copied(users: int = 240, items: int = 200, seed: int = 0) -> Split:
    """A world without tastes, in which half of the later items are friends' items."""
    random = np.random.default_rng(seed)
    ends = random.integers(0, users, (users * 3, 2))
    ends = ends[ends[:, 0] != ends[:, 1]]
    friends = pairs(np.r_[ends[:, 0], ends[:, 1]], np.r_[ends[:, 1], ends[:, 0]], (users, users))
    taken = (random.random((users, items)) < 0.03).astype(np.float32)
    later = []
    for _ in range(2):
        theirs = np.asarray(friends @ taken > 0) & (taken == 0)
        chance = np.where(theirs, 0.15, 0.005)
        new = (random.random((users, items)) < chance) & (taken == 0)
        for before in later:
            new &= before == 0
        later.append(new.astype(np.float32))
    ids = [np.array([f"{k}{i}" for i in range(n)], object) for k, n in (("u", users), ("i", items))]
    data = Dataset(*ids, binary(taken), friends)
    return Split(data, binary(later[0]), binary(later[1]), refit_on_validation=True)


def test_friends_help_if_later_items_are_friends_items() -> None:
    ablation = ablate_friends(copied())
    assert ablation.friends_help
    assert ablation.gain.low > 0.02
    values = {ties: figures["ndcg@20"].value for ties, figures in ablation.figures.items()}
    better = max(values["rewired"], values["none"])
    assert ablation.gain.value == pytest.approx(values["real"] - better, abs=1e-8)
    assert ablation.sentence.startswith("Friends help on this data: ndcg@20 is ")


def test_random_friends_do_not_help() -> None:
    split = planted_split(planted(users=80, items=40, friends=0, strangers=5))
    ablation = ablate_friends(split)
    assert not ablation.friends_help
    assert ablation.sentence.startswith("Friends do not help on this data: ndcg@20 is ")
    assert ablate_friends(split) == ablation


def test_without_any_friends_all_three_are_one_and_seeds_are_several() -> None:
    ablation = ablate_friends(planted_split(planted(users=60, items=40, friends=0)), seeds=2)
    assert ablation.ties == 0
    assert ablation.sentence.startswith(
        "Can't tell whether friends help: no friendship may be used here. Ndcg@20 is 0."
    )
    assert ablation.figures["real"] == ablation.figures["rewired"] == ablation.figures["none"]
    assert ablation.gain == Estimate(0, 0, 0)
    assert not ablation.friends_help


def finding(gain: float) -> FriendAblation:
    one = Estimate(0.1, 0.05, 0.2)
    figures = {ties: {"ndcg@20": one} for ties in ("real", "rewired", "none")}
    return FriendAblation(figures, Estimate(gain, gain - 0.01, gain + 0.01), 1234, 1, 500)


def test_json_has_what_scripts_rely_on() -> None:
    told = json.loads(json.dumps(finding(0.02).as_dict()))
    assert told["metric"] == "ndcg@20"
    for ties in ("real", "rewired", "none"):
        assert told[ties]["ndcg@20"] == {"value": 0.1, "low": 0.05, "high": 0.2}
    assert told["gain"] == {"value": 0.02, "low": 0.01, "high": 0.03}
    assert told["friends_help"] is True
    assert told["sentence"] == (
        "Friends help on this data: ndcg@20 is 0.1000 with friends, "
        "0.1000 with friends at random and 0.1000 without, a gain of +0.0200 (99 % bounds "
        "+0.0100 to +0.0300; 1,234 users, 1 seed)."
    )
    assert finding(0.01).as_dict()["friends_help"] is False


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, "the one with friends at random and the one without"),
        ({"rewired": 0.09}, "the one without"),
        ({"none": 0.09}, "the one with friends at random"),
    ],
)
def test_a_model_that_ranks_the_same_is_called_so(other: dict[str, float], same: str) -> None:
    values = {"real": 0.1, "rewired": 0.1, "none": 0.1} | other
    figures = {ties: {"ndcg@20": Estimate(value, 0.05, 0.2)} for ties, value in values.items()}
    ablation = FriendAblation(figures, Estimate(0, 0, 0), 1234, 2, 500)
    assert not ablation.friends_help
    assert ablation.sentence == (
        f"Friends do not help on this data: ndcg@20 is 0.1000 with friends, "
        f"{values['rewired']:.4f} with friends at random and {values['none']:.4f} without "
        "(1,234 users, 2 seeds). The model with friends ranks exactly as well as "
        f"{same}: friends make no difference."
    )


def test_a_gain_that_may_be_none_is_no_sameness() -> None:
    assert finding(0.0).sentence.endswith("(99 % bounds -0.0100 to +0.0100; 1,234 users, 1 seed).")


def test_the_ranking_applies_the_latest_ablation_that_saw_nothing_later(tmp_path: Path) -> None:
    name = str(tmp_path / "s.lbug")
    with followsuit.open(name) as shop:
        shop.load(hand_made(tmp_path / "delivery"), assume_consent=True)
        store, ask = shop.store, instant
        assert friends_help(store, ask("2025-06-01")) is None
        assert shop.apply_ablation(finding(0.02), "2025-03-01", "2025-04-01", "14d") == ask(
            "2025-03-15"
        )
        assert shop.apply_ablation(finding(0.0), "2025-05-01", "2025-06-01") == ask("2025-05-29")
        assert friends_help(store, ask("2025-03-14")) is None
        assert friends_help(store, ask("2025-03-15")) is True
        assert friends_help(store, ask("2025-05-28")) is True
        assert friends_help(store, ask("2025-05-29")) is False
        shop.apply_ablation(finding(0.03), "2025-05-01", "2025-07-01")
        assert friends_help(store, ask("2025-05-29")) is True


def of_world(seed: int, dials: float, folder: Path) -> FriendAblation:
    world = World(
        customers=2500,
        products=300,
        stores=8,
        friendships=10_000,
        purchases=15_000,
        days=90,
        homophily=dials,
        influence=dials,
        seed=seed,
    )
    view = view_of_world(world, folder, assume_consent=True).shared
    return ablate_friends(temporal_split(view, view.as_of - timedelta(days=28)))


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1])
def test_with_homophily_and_influence_in_a_shop_friends_help(seed: int, tmp_path: Path) -> None:
    assert of_world(seed, 1, tmp_path).friends_help


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1])
def test_with_neither_in_a_shop_they_do_not(seed: int, tmp_path: Path) -> None:
    assert not of_world(seed, 0, tmp_path).friends_help
