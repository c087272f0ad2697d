"""How good a model is on validation: NDCG@20 of a sample of users, always the same."""

import numpy as np
from scipy import sparse

from followsuit.core.ranking_metrics import hits_of, ndcg
from followsuit.gnn.data.dataset import Ints
from followsuit.gnn.models.recommender import Recommender

CUTOFF = 20
"""Items in a list where models are compared."""
VALIDATION_USERS = 4_000
"""Users, at most, that settings are compared on."""


def sample_users(relevant: sparse.csr_matrix, most: int, seed: int = 0) -> Ints:
    """At most so many of the users with a relevant item, rising; the same for the same seed."""
    users = np.flatnonzero(np.diff(relevant.indptr))
    if len(users) > most:
        users = np.sort(np.random.default_rng(seed).choice(users, most, replace=False))
    return users


def validation_users(validation: sparse.csr_matrix, seed: int = 0) -> Ints:
    """The users that settings are compared on, rising."""
    return sample_users(validation, VALIDATION_USERS, seed)


def validation_ndcg(model: Recommender, validation: sparse.csr_matrix, users: Ints) -> float:
    """Mean NDCG@20 of a fitted model on the later items of these users; 0 without users."""
    if not len(users):
        return 0.0
    hits = hits_of(model.recommend(users, CUTOFF), validation, users)
    return float(ndcg(hits, np.diff(validation.indptr)[users], CUTOFF).mean())
