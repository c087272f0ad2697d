"""A model's NDCG@20 on validation, over a fixed sample of users."""

import numpy as np
from scipy import sparse

from followsuit.core.ranking_metrics import hits_of, ndcg
from followsuit.gnn.data.dataset import Ints
from followsuit.gnn.models.recommender import Recommender

CUTOFF = 20
"""Length of the lists by which models are compared."""
VALIDATION_USERS = 4_000
"""Largest number of users that settings are compared on."""


def sample_users(relevant: sparse.csr_matrix, most: int, seed: int = 0) -> Ints:
    """A random sample of the users with a relevant item.

    Args:
        relevant: (n, m) CSR, the relevant items.
        most: largest number of users.
        seed: random seed.

    Returns:
        Codes, ascending.
    """
    users = np.flatnonzero(np.diff(relevant.indptr))
    if len(users) > most:
        users = np.sort(np.random.default_rng(seed).choice(users, most, replace=False))
    return users


def validation_users(validation: sparse.csr_matrix, seed: int = 0) -> Ints:
    """The users that settings are compared on, ascending."""
    return sample_users(validation, VALIDATION_USERS, seed)


def validation_ndcg(model: Recommender, validation: sparse.csr_matrix, users: Ints) -> float:
    """Mean NDCG@20 of a fitted model on validation; 0 without users.

    Args:
        model: the model, fitted without the validation part.
        validation: (n, m) CSR, the validation interactions.
        users: codes of the users.
    """
    if not len(users):
        return 0.0
    hits = hits_of(model.recommend(users, CUTOFF), validation, users)
    return float(ndcg(hits, np.diff(validation.indptr)[users], CUTOFF).mean())
