"""Weights of nearest items against a ridge regression of each item on them, one at a time."""

import numpy as np
import pytest
from scipy import sparse

from followsuit.gnn.models.neighbour_weights import nearest_items
from followsuit.testing.tastes import planted

DATA = planted(users=150, items=40)
K = 6


def test_the_nearest_items_share_users_with_the_item_and_exclude_it() -> None:
    nearest = nearest_items(DATA.seen, K)
    together = (DATA.seen.T @ DATA.seen).toarray()
    for item, neighbours in enumerate(nearest.items):
        known = neighbours[neighbours >= 0]
        assert item not in known
        assert len(set(known)) == len(known)
        assert (together[item, known] > 0).all()
    assert (nearest.items % 4 == np.arange(40)[:, None] % 4).mean() > 0.9


@pytest.mark.parametrize("damp", [0.0, 0.3])
def test_weights_are_those_of_a_ridge_regression(damp: float) -> None:
    scale = np.maximum(DATA.popularity, 1) ** np.float32(-damp)
    nearest = nearest_items(DATA.seen, K)
    weights = nearest.weights(scale, np.float32(5)).toarray()
    x = DATA.seen.toarray().astype(float) * scale
    for item, neighbours in enumerate(nearest.items):
        known = neighbours[neighbours >= 0]
        own = x[:, known]
        expected = np.linalg.solve(own.T @ own + 5 * np.eye(len(known)), own.T @ x[:, item])
        np.testing.assert_allclose(weights[known, item], expected, atol=1e-5)
        assert not np.delete(weights[:, item], known).any()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nearest_items(DATA.seen, K)
    expected = whole.weights(np.ones(40, dtype=np.float32), np.float32(5))
    module = "followsuit.gnn.models.neighbour_weights"
    monkeypatch.setattr(f"{module}.CELLS", 40 * 7)
    monkeypatch.setattr(f"{module}._SYSTEMS", 9)
    again = nearest_items(DATA.seen, K)
    assert (again.items == whole.items).all()
    assert (again.among == whole.among).all()
    weights = again.weights(np.ones(40, dtype=np.float32), np.float32(5))
    assert weights.data.tobytes() == expected.data.tobytes()


def test_an_item_without_interactions_has_no_neighbours() -> None:
    taken = sparse.lil_matrix(DATA.seen)
    taken[:, 5] = 0
    nearest = nearest_items(sparse.csr_matrix(taken), K)
    assert (nearest.items[5] == -1).all()
    assert 5 not in nearest.items
