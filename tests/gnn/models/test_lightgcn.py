"""LightGCN: propagation by hand, planted groups, and customers without data."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from followsuit.testing.tastes import GROUPS, planted, without

torch = pytest.importorskip("torch")

from followsuit.core.ranking_metrics import hits_of, ndcg  # noqa: E402
from followsuit.gnn.data.dataset import hold_back, normalised, pairs  # noqa: E402
from followsuit.gnn.models.lightgcn import BipartiteNetwork, LightGCN, cells_of  # noqa: E402
from followsuit.gnn.training.spectral import LENGTH, spectral_start  # noqa: E402

DATA = planted()
SMALL = LightGCN(width=8, batch=40, epochs=10, rate=0.02)


def small() -> LightGCN:
    return SMALL.unfitted()


def quality(model: LightGCN, wanted: sparse.csr_matrix) -> float:
    users = np.flatnonzero(np.diff(wanted.indptr))
    hits = hits_of(model.recommend(users, 20), wanted, users)
    return float(ndcg(hits, np.diff(wanted.indptr)[users], 20).mean())


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_propagation_is_the_sum_of_powers_of_the_normalised_adjacency(layers: int) -> None:
    network = BipartiteNetwork(DATA.seen, 8, layers, 0.15, 0.2, seed=0)
    with torch.no_grad():
        users, items = network.vectors()
    n, m = DATA.seen.shape
    matrix = normalised(DATA.seen).toarray().astype(np.float64)
    whole = np.block([[np.zeros((n, n)), matrix], [matrix.T, np.zeros((m, m))]])
    start = np.concatenate(spectral_start(DATA.seen, 8, 0)).astype(np.float64)
    total = sum(np.linalg.matrix_power(whole, k) @ start for k in range(layers + 1))
    total /= np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_allclose(np.concatenate([users.numpy(), items.numpy()]), total, atol=1e-5)


def test_the_spectral_start_holds_the_groups_that_lead_the_spectrum() -> None:
    users, items = spectral_start(DATA.seen, 8, 0)
    values = np.linalg.svd(normalised(DATA.seen).toarray(), compute_uv=False)[:GROUPS]
    product = (users @ items.T).astype(np.float64)
    singular = np.linalg.svd(product, compute_uv=False)[:GROUPS]
    np.testing.assert_allclose(singular / singular[0], values / values[0], rtol=1e-3)
    assert np.sqrt(np.square(items).mean()) == pytest.approx(LENGTH, rel=1e-5)


def test_the_spectral_start_above_the_rank_and_without_interactions_is_zero() -> None:
    tiny = pairs(np.array([0, 1]), np.array([0, 0]), (3, 2))
    users, items = spectral_start(tiny, 6, 0)
    assert users.shape == (3, 6)
    assert items.shape == (2, 6)
    assert not users[2].any()
    assert not items[1].any()
    nothing = sparse.csr_matrix((3, 2), dtype=np.float32)
    assert not np.concatenate(spectral_start(nothing, 6, 0)).any()


def test_planted_groups_are_found() -> None:
    known, held = hold_back(DATA.seen, 0.25, 0)
    model = small().fit(DATA.with_seen(known), seed=0)
    popular = np.tile(np.bincount(known.indices, minlength=len(DATA.items)), (len(DATA.users), 1))
    scores = model.score(np.arange(len(DATA.users)))
    same = np.arange(len(DATA.users))[:, None] % GROUPS == np.arange(len(DATA.items)) % GROUPS
    assert scores[same].mean() > 0.4 + scores[~same].mean()
    barred = popular.astype(np.float32)
    barred[known.nonzero()] = -1
    first = np.argsort(-barred, axis=1, kind="stable")[:, :20]
    users = np.flatnonzero(np.diff(held.indptr))
    by_popularity = ndcg(hits_of(first[users], held, users), np.diff(held.indptr)[users], 20)
    assert quality(model, held) > 1.5 * by_popularity.mean()


def test_scores_are_cosines_of_the_embeddings() -> None:
    model = small().fit(DATA, seed=0)
    vectors = model.embed()
    users = np.array([3, 0, 77])
    scores = model.score(users)
    assert scores.dtype == vectors.users.dtype == vectors.items.dtype == np.float32
    np.testing.assert_allclose(scores, vectors.users[users] @ vectors.items.T, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors.users, axis=1), 1, rtol=1e-5)
    assert np.abs(scores).max() <= 1 + 1e-6


def test_users_and_items_without_interactions_have_zero_vectors() -> None:
    taken = without(DATA.seen, np.array([5]))
    taken = without(sparse.csr_matrix(taken.T), np.array([7]))
    data = DATA.with_seen(pairs(*taken.T.nonzero(), DATA.seen.shape))
    model = small().fit(data, seed=0)
    vectors = model.embed()
    assert not vectors.users[5].any()
    assert not vectors.items[7].any()
    assert np.isfinite(vectors.users).all()
    assert np.isfinite(vectors.items).all()
    assert not model.score(np.array([5])).any()


def test_a_saved_network_keeps_its_learning_curve(tmp_path: Path) -> None:
    model = small().fit(DATA, seed=0)
    model.save(tmp_path)
    loaded = LightGCN.load(tmp_path, DATA)
    assert loaded.curve == model.curve
    assert len(loaded.curve.loss) == model.config.epochs


def test_the_cells_of_rows_are_those_of_the_matrix() -> None:
    pointer = torch.from_numpy(DATA.seen.indptr.astype(np.int64))
    chosen = torch.tensor([7, 2, 50])
    rows, cells = cells_of(pointer, chosen)
    part = DATA.seen[chosen.numpy()]
    assert rows.tolist() == part.nonzero()[0].tolist()
    assert DATA.seen.indices[cells.numpy()].tolist() == part.indices.tolist()
