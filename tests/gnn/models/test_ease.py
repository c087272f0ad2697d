"""EASE against the textbook inverse, from the items' side and from the users'."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from followsuit.gnn.data.dataset import Dataset, Floats, pairs
from followsuit.gnn.models.ease import DampedEase, Ease
from followsuit.gnn.models.neighbour_weights import Neighbours, nearest_items
from followsuit.testing.model_contract import ModelContract
from followsuit.testing.tastes import planted

WIDE = planted(users=40, items=80)
TALL = planted(users=150, items=40)


def textbook(taken: np.ndarray, ridge: float) -> np.ndarray:
    """X B with B = I - P / diag(P), P = (X'X + ridge I)^-1 (Steck 2019, eq. 8)."""
    x = taken.astype(float)
    p = np.linalg.inv(x.T @ x + ridge * np.eye(x.shape[1]))
    b = p / -np.diag(p)
    np.fill_diagonal(b, 0)
    return x @ b


def scores(model: Ease) -> Floats:
    return model.score(np.arange(len(model.data.users)))


@pytest.mark.parametrize("data", [WIDE, TALL], ids=["dual", "primal"])
@pytest.mark.parametrize("l2", [1.0, 20.0, 500.0])
def test_scores_are_those_of_the_textbook(data: Dataset, l2: float) -> None:
    predicted = scores(Ease(l2=l2).fit(data))
    np.testing.assert_allclose(predicted, textbook(data.seen.toarray(), l2), atol=2e-5)


@pytest.mark.parametrize("data", [WIDE, TALL], ids=["dual", "primal"])
def test_damped_the_columns_are_scaled_and_the_ridge_is_in_their_units(data: Dataset) -> None:
    x = data.seen.toarray() * np.maximum(data.popularity, 1) ** -0.3
    ridge = 20 * np.square(x[x > 0]).mean()
    predicted = scores(DampedEase(l2=20, damp=0.3).fit(data))
    np.testing.assert_allclose(predicted, textbook(x, ridge), atol=2e-5)


def test_with_no_damping_both_are_one_model() -> None:
    assert (scores(DampedEase(l2=20, damp=0).fit(TALL)) == scores(Ease(l2=20).fit(TALL))).all()


@given(users=st.integers(1, 12), items=st.integers(1, 12), seed=st.integers(0, 30))
def test_the_smaller_side_gives_what_the_other_would(users: int, items: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    row, column = np.nonzero(random.random((users, items)) < 0.4)
    nobody = sparse.csr_matrix((users, users), dtype=np.float32)
    taken = pairs(row, column, (users, items))
    data = Dataset(np.arange(users), np.arange(items), taken, nobody)
    predicted = scores(Ease(l2=2).fit(data))
    np.testing.assert_allclose(
        predicted, textbook(taken.toarray(), 2 if taken.nnz else 1), atol=1e-5
    )


def test_some_users_are_scored_as_among_all() -> None:
    for data in (WIDE, TALL):
        model = Ease(l2=20).fit(data)
        some = np.array([7, 0, 7, 31])
        np.testing.assert_allclose(model.score(some), scores(model)[some], atol=1e-6)


def test_above_the_limit_it_has_sparse_weights_and_says_so() -> None:
    random = np.random.default_rng(0)
    taken = sparse.csr_matrix(random.random((150, 40)) < 0.4, dtype=np.float32)
    model = Ease(l2=20, memory=4 * 30**2).fit(TALL.with_seen(taken))
    assert model.note == (
        "EASE is approximated: each of 40 items is predicted from its 128 nearest items."
    )
    # All others are among the nearest, so that nothing is left out.
    np.testing.assert_allclose(scores(model), textbook(taken.toarray(), 20), atol=2e-5)
    assert model.recommend(np.arange(150), 5).min() >= 0


def test_items_without_interactions_are_not_counted_against_the_limit() -> None:
    taken = TALL.seen.toarray()
    taken[:, 25:] = 0
    few = TALL.with_seen(sparse.csr_matrix(taken))
    model = Ease(l2=20, memory=4 * 30**2).fit(few)
    assert model.note is None
    np.testing.assert_allclose(scores(model), scores(Ease(l2=20).fit(few)), atol=1e-6)


def test_a_grid_search_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    def count(taken: sparse.csr_matrix) -> Neighbours:
        counted.append(taken)
        return nearest_items(taken)

    monkeypatch.setattr("followsuit.gnn.models.ease.nearest_items", count)
    searched = DampedEase(memory=4 * 30**2).fit(TALL, TALL.seen)
    again = searched.unfitted(l2=50.0).fit(TALL, TALL.seen)
    assert len(counted) == 1
    alone = DampedEase(memory=4 * 30**2, l2=50.0).fit(TALL)
    assert scores(again).tobytes() == scores(alone).tobytes()
    other = TALL.with_seen(TALL.seen.copy())
    again.unfitted().fit(other)
    assert counted[-1] is other.seen


def test_it_takes_little_more_memory_than_its_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("followsuit.gnn.models.ease.CELLS", 2**18)
    tracemalloc.start()
    try:
        Ease().fit(planted(users=2_000, items=2_100, per_user=100))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.9 * 4 * 2_000**2


def test_if_users_or_items_fit_into_memory_the_solution_is_exact() -> None:
    assert Ease(memory=4 * 40**2).fit(TALL).note is None
    assert Ease(memory=4 * 40**2).fit(WIDE).note is None


def test_a_refit_with_more_memory_no_longer_says_so() -> None:
    model = Ease(memory=4 * 30**2).fit(TALL)
    assert model.unfitted(memory=2**30).fit(TALL).note is None


def test_sparse_weights_are_restored() -> None:
    model = DampedEase(l2=20, memory=4 * 30**2).fit(TALL)
    again = model.unfitted().restore(model.state(), TALL)
    assert (scores(again) == scores(model)).all()


def test_without_acts_and_with_unknown_users_and_items_scores_are_finite() -> None:
    nothing = replace(TALL, seen=sparse.csr_matrix(TALL.seen.shape, dtype=np.float32))
    assert not scores(Ease().fit(nothing)).any()
    taken = TALL.seen.toarray()
    taken[3], taken[:, 5] = 0, 0
    predicted = scores(DampedEase().fit(TALL.with_seen(sparse.csr_matrix(taken))))
    assert np.isfinite(predicted).all()
    assert not predicted[3].any()
    assert np.abs(predicted[:, 5]).max() < 1e-6


def test_planted_groups_are_recommended() -> None:
    data = planted(users=200, items=80, noise=0.1)
    lists = Ease(l2=10).fit(data).recommend(np.arange(200), 10)
    assert (lists % 4 == np.arange(200)[:, None] % 4).mean() > 0.75


class TestSparseEase(ModelContract):
    def make(self) -> DampedEase:
        return DampedEase(l2=20.0, memory=4 * 30**2)
