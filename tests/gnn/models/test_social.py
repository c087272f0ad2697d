"""The social network: tie weights, gates of friends, and users without friends."""

import numpy as np
import pytest
from scipy import sparse
from support.folders import planted_split

from followsuit.testing.tastes import GROUPS, planted, without

torch = pytest.importorskip("torch")

from followsuit.gnn.data.tie_support import cosines, supported  # noqa: E402
from followsuit.gnn.models.lightgcn import LightGCN  # noqa: E402
from followsuit.gnn.models.popularity import FriendsItems  # noqa: E402
from followsuit.gnn.models.social import Social, SocialNetwork  # noqa: E402
from followsuit.gnn.training.loop import Plan, train  # noqa: E402

DATA = planted()
SETTINGS = {"width": 8, "batch": 40, "epochs": 10, "rate": 0.02}


def test_cosines_are_those_of_the_scaled_rows() -> None:
    weight = np.random.default_rng(0).random(len(DATA.items)).astype(np.float32)
    scaled = DATA.seen.toarray() * weight
    scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
    rows, columns = DATA.friends.nonzero()
    np.testing.assert_allclose(
        cosines(DATA.friends, DATA.seen, weight),
        (scaled[rows] * scaled[columns]).sum(axis=1),
        rtol=1e-5,
        atol=1e-7,
    )


def test_ties_that_nothing_speaks_for_go_but_those_of_the_unknown_stay() -> None:
    data = planted(strangers=4)
    data = data.with_seen(without(data.seen, np.array([0, 1])))
    kept = supported(data, 0).friends
    taken, friends = data.seen.toarray() > 0, data.friends.toarray() > 0
    common = (taken.astype(int) @ taken.T > 0) | (friends.astype(int) @ friends.T > 0)
    known = taken.any(axis=1)
    wanted = friends & (common | ~known[:, None]) & known[None, :]
    assert (kept.toarray() > 0).tolist() == wanted.tolist()
    assert wanted.sum() < friends.sum()
    assert kept[[0]].nnz == (friends[0] & known).sum() > 0


def test_the_weights_of_a_users_friends_follow_their_support_and_sum_to_less_than_one() -> None:
    network = SocialNetwork(DATA, 8, 2, 0.15, 0.2, seed=0)
    ties = supported(DATA, 0)
    strength = np.exp(ties.likeness @ [2.0, 2.0, 2.0])
    rows = ties.friends.nonzero()[0]
    total = 1 + np.bincount(rows, strength, minlength=len(DATA.users))
    with torch.no_grad():
        weights = network.weights().numpy()
    np.testing.assert_allclose(weights, strength / total[rows], rtol=1e-5)
    assert np.bincount(rows, weights).max() < 1


def test_trained_it_listens_to_friends_of_like_taste_more_than_to_strangers() -> None:
    data = planted(strangers=6, noise=0.3)
    network = SocialNetwork(data, 8, 2, 0.15, 0.2, seed=0)
    before = [value.clone() for value in (network.listen, network.gates.weight)]
    train(network, Plan(rate=0.02, batch=32, epochs=8))
    assert not torch.equal(network.listen, before[0])
    assert not torch.equal(network.gates.weight, before[1])
    rows, columns = network.ties.rows.numpy(), network.ties.columns.numpy()
    like = rows % GROUPS == columns % GROUPS
    with torch.no_grad():
        weights = network.weights().numpy()
    assert weights[like].mean() > 1.5 * weights[~like].mean()


def test_without_friends_it_is_lightgcn_to_the_byte() -> None:
    alone = DATA.with_friends(sparse.csr_matrix(DATA.friends.shape, dtype=np.float32))
    social = Social(**SETTINGS).fit(alone, seed=4).embed()
    plain = LightGCN(**SETTINGS).fit(alone, seed=4).embed()
    assert social.users.tobytes() == plain.users.tobytes()
    assert social.items.tobytes() == plain.items.tobytes()


def test_only_users_without_items_get_friends_items() -> None:
    cold, others = np.arange(0, 40), np.arange(40, 120)
    data = DATA.with_seen(without(DATA.seen, cold))
    model = Social(**SETTINGS).fit(data, seed=0)
    told = FriendsItems(prior=10).fit(data).score(cold)
    np.testing.assert_array_equal(model.score(cold), told)
    vectors = model.embed()
    cosines = vectors.users[others] @ vectors.items.T
    np.testing.assert_allclose(model.score(others), cosines, atol=1e-6)
    mixed = model.score(np.array([50, 3]))
    np.testing.assert_allclose(mixed, [cosines[10], told[3]], atol=1e-6)


def test_a_user_without_items_has_a_vector_of_the_friends_taste() -> None:
    cold = np.arange(0, 40)
    data = DATA.with_seen(without(DATA.seen, cold))
    vectors = Social(**SETTINGS).fit(data, seed=0).embed()
    scores = vectors.users[cold] @ vectors.items.T
    heard = np.diff(supported(data, 0).friends.indptr)[cold] > 0
    same = cold[:, None] % GROUPS == np.arange(len(DATA.items)) % GROUPS
    assert heard.sum() > 35
    assert scores[heard][same[heard]].mean() > 0.4 + scores[heard][~same[heard]].mean()


@pytest.mark.parametrize(("strangers", "priors"), [(0, {3.0, 10.0}), (12, {30.0, 100.0})])
def test_the_less_friends_tell_the_more_newcomers_hear_of_what_is_popular(
    strangers: int, priors: set[float]
) -> None:
    split = planted_split(planted(friends=5 if not strangers else 0, strangers=strangers))
    model = Social(**SETTINGS | {"longest": 1}).fit(split.train, split.validation)
    assert model.config.prior in priors
    assert model.unfitted().fit(split.known).config == model.config


def test_a_user_without_items_and_friends_gets_popular_items() -> None:
    friends = without(sparse.csr_matrix(without(DATA.friends, np.array([3])).T), np.array([3]))
    data = DATA.with_friends(friends).with_seen(without(DATA.seen, np.array([3])))
    model = Social(**SETTINGS).fit(data, seed=0)
    popular = np.lexsort((np.arange(len(data.items)), -data.popularity))[:10]
    assert (model.recommend(np.array([3]), 10)[0] == popular).all()
    assert not model.embed().users[3].any()
    assert np.linalg.norm(np.delete(model.embed().users, 3, axis=0), axis=1).min() > 0.99


def test_friends_change_what_is_learned() -> None:
    other = DATA.with_friends(planted(seed=8).friends)
    one = Social(**SETTINGS).fit(DATA, seed=0).embed().users
    assert np.abs(one - Social(**SETTINGS).fit(other, seed=0).embed().users).max() > 0.01
