"""Popularity, friends' items, iALS and GF-CF, against plain definitions."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from followsuit.gnn.data.dataset import Dataset
from followsuit.gnn.models.graph_filter import GraphFilter
from followsuit.gnn.models.popularity import FriendsItems, Popularity
from followsuit.gnn.models.recommender import Recommender
from followsuit.testing.tastes import GROUPS, planted, without

DATA = planted()
EVERYBODY = np.arange(120)
TAKEN, FRIENDS = DATA.seen.toarray(), DATA.friends.toarray()


def plain() -> list[Recommender]:
    models: list[Recommender] = [Popularity(), FriendsItems(damp=0.5), GraphFilter(rank=8)]
    try:
        import implicit  # noqa: F401
    except ModuleNotFoundError:
        return models
    from followsuit.gnn.models.ials import Ials

    return [*models, Ials(factors=8)]


def test_popularity_is_the_share_of_users_for_everybody() -> None:
    scores = Popularity().fit(DATA).score(np.array([3, 9]))
    np.testing.assert_allclose(scores, [TAKEN.mean(axis=0)] * 2, rtol=1e-6)


@pytest.mark.parametrize("damp", [0.0, 0.5])
def test_friends_items_are_the_share_of_friends_who_have_seen_them(damp: float) -> None:
    scores = FriendsItems(damp=damp).fit(DATA).score(EVERYBODY)
    for user in (0, 7, 119):
        friends = np.flatnonzero(FRIENDS[user])
        wanted = sum(TAKEN[f] / TAKEN[f].sum() ** damp for f in friends) / len(friends)
        np.testing.assert_allclose(scores[user], wanted, rtol=1e-5)


def test_friends_of_the_same_taste_say_more() -> None:
    scores = FriendsItems(likeness=5).fit(DATA).score(EVERYBODY)
    weight = 1 / np.log(1 + np.maximum(TAKEN.sum(axis=0), 2))
    for user in (0, 7, 119):
        friends = np.flatnonzero(FRIENDS[user])
        own = TAKEN[user] * weight
        alike = [own @ TAKEN[f] / np.sqrt(own.sum() * (TAKEN[f] * weight).sum()) for f in friends]
        wanted = sum((1 + 5 * a) * TAKEN[f] for a, f in zip(alike, friends, strict=True))
        np.testing.assert_allclose(scores[user], wanted / len(friends), rtol=1e-4)


def test_with_few_friends_popularity_counts_too() -> None:
    scores = FriendsItems(prior=4).fit(DATA).score(EVERYBODY)
    for user in (0, 7, 119):
        friends = np.flatnonzero(FRIENDS[user])
        wanted = (TAKEN[friends].sum(axis=0) + 4 * TAKEN.mean(axis=0)) / (len(friends) + 4)
        np.testing.assert_allclose(scores[user], wanted, rtol=1e-5)


def test_friends_are_followed_the_way_that_the_tie_runs() -> None:
    one_way = sparse.csr_matrix(([1.0], ([4], [5])), shape=(120, 120), dtype=np.float32)
    scores = FriendsItems().fit(DATA.with_friends(one_way)).score(np.array([4, 5]))
    assert scores[0].tolist() == TAKEN[5].tolist()
    assert not scores[1].any()


def test_users_without_items_get_friends_items_before_popular_ones() -> None:
    data = DATA.with_seen(without(DATA.seen, np.array([4])))
    items = FriendsItems().fit(data).recommend(np.array([4]), 80)[0]
    theirs = (FRIENDS[4] @ TAKEN)[items]
    assert theirs[0] > 1
    assert (np.diff(theirs) <= 0).all()
    assert (np.diff(data.popularity[items][theirs == 0]) <= 0).all()
    alone = data.with_friends(sparse.csr_matrix(FRIENDS.shape, dtype=np.float32))
    popular = np.lexsort((np.arange(80), -data.popularity))
    assert FriendsItems().fit(alone).recommend(np.array([4]), 80)[0].tolist() == popular.tolist()


@pytest.mark.parametrize(("alpha", "rank"), [(0.0, 4), (0.3, 4), (0.3, 80)])
def test_the_graph_filter_is_that_of_the_paper(alpha: float, rank: int) -> None:
    """Shen et al. 2021, algorithm 1: s = r R'R + alpha r D^-1/2 V V' D^1/2."""
    rows, columns = TAKEN.sum(axis=1), np.maximum(TAKEN.sum(axis=0), 1)
    r = TAKEN / np.sqrt(rows)[:, None] / np.sqrt(columns)
    _, _, right = np.linalg.svd(r)
    v = right[:rank].T
    wanted = TAKEN @ (r.T @ r)
    wanted += alpha * TAKEN @ np.diag(columns**-0.5) @ v @ v.T @ np.diag(columns**0.5)
    scores = GraphFilter(rank=rank, alpha=alpha).fit(DATA).score(EVERYBODY)
    # A few factors by randomised SVD are near those of the exact decomposition.
    np.testing.assert_allclose(scores, wanted, atol=2e-3 if rank == 4 else 1e-5)


@pytest.mark.parametrize("model", plain(), ids=lambda model: model.name)
def test_planted_tastes_are_predicted_better_than_by_chance(model: Recommender) -> None:
    lists = model.fit(DATA, seed=1).recommend(EVERYBODY, 5)
    share = (lists % GROUPS == EVERYBODY[:, None] % GROUPS).mean()
    assert share > (0.6 if model.name != "popularity" else 0.15)


def odd() -> dict[str, Dataset]:
    empty = sparse.csr_matrix(DATA.seen.shape, dtype=np.float32)
    rows = without(DATA.seen, np.arange(5))
    columns = sparse.csr_matrix(without(sparse.csr_matrix(rows.T), np.arange(3)).T)
    return {
        "nothing taken": DATA.with_seen(empty),
        "unknown users and items": DATA.with_seen(columns),
        "one user": Dataset(DATA.users[:1], DATA.items, DATA.seen[:1], DATA.friends[:1, :1]),
        "no friends": DATA.with_friends(sparse.csr_matrix((120, 120), dtype=np.float32)),
    }


@pytest.mark.parametrize("data", odd().values(), ids=odd())
@pytest.mark.parametrize("model", plain(), ids=lambda model: model.name)
def test_scores_are_finite_and_the_unknown_get_what_is_popular(
    model: Recommender, data: Dataset
) -> None:
    users = np.arange(len(data.users))
    fitted = model.unfitted().fit(data)
    assert np.isfinite(fitted.score(users)).all()
    alone = np.flatnonzero((np.diff(data.seen.indptr) == 0) & (np.diff(data.friends.indptr) == 0))
    popular = np.lexsort((np.arange(80), -data.popularity))[:10]
    assert (fitted.recommend(alone, 10) == popular).all()


@pytest.mark.parametrize("users", [40, 120, 400])
def test_the_ridge_of_ials_goes_with_the_size_of_the_data(users: int) -> None:
    pytest.importorskip("implicit")
    from followsuit.gnn.models.ials import Ials

    data, everybody = planted(users=users), np.arange(users)
    assert Ials().fit(data).score(everybody).max() > 0.8
    assert Ials(l2=0.9).fit(data).score(everybody).max() > 0.01
    assert Ials(l2=1.1).fit(data).score(everybody).max() < 0.01


IALS = """
import sys
sys.path[:0] = {paths!r}
from followsuit.testing.tastes import planted
from followsuit.gnn.models.ials import Ials
Ials(factors=4, rounds=1).fit(planted())
"""


def test_ials_says_nothing_of_how_the_machine_is_set_up() -> None:
    pytest.importorskip("implicit")
    code = IALS.format(paths=[path for path in sys.path if path.endswith("tests")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
