"""Planted tastes: groups of users with their own items, and friends within the groups."""

import numpy as np
from scipy import sparse

from followsuit.gnn.data.dataset import Dataset, pairs

GROUPS = 4


def planted(
    users: int = 120,
    items: int = 80,
    per_user: int = 8,
    friends: int = 5,
    noise: float = 0.1,
    strangers: int = 0,
    seed: int = 0,
) -> Dataset:
    """A data set in which user u and item i belong to groups u % 4 and i % 4.

    Args:
        users: number of users.
        items: number of items.
        per_user: maximum number of interactions per user.
        friends: number of friends per user within the group; ties go both ways.
        noise: share of interactions that ignore the groups.
        strangers: number of further ties per user that ignore the groups.
        seed: random seed.
    """
    random = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), per_user)
    own = random.integers(items // GROUPS, size=len(user)) * GROUPS + user % GROUPS
    item = np.where(random.random(len(user)) < noise, random.integers(items, size=len(user)), own)
    left = np.repeat(np.arange(users), friends)
    right = random.integers(users // GROUPS, size=len(left)) * GROUPS + left % GROUPS
    far = np.repeat(np.arange(users), strangers)
    left = np.concatenate([left, far])
    right = np.concatenate([right, random.integers(users, size=len(far))])
    apart = left != right
    ties = pairs(
        np.concatenate([left[apart], right[apart]]),
        np.concatenate([right[apart], left[apart]]),
        (users, users),
    )
    return Dataset(np.arange(users), np.arange(items), pairs(user, item, (users, items)), ties)


def without(matrix: sparse.csr_matrix, rows: np.ndarray) -> sparse.csr_matrix:
    """The matrix with some rows emptied."""
    keep = np.ones(matrix.shape[0], dtype=np.float32)
    keep[rows] = 0
    emptied = sparse.csr_matrix(sparse.diags_array(keep) @ matrix, dtype=np.float32)
    emptied.eliminate_zeros()
    emptied.sort_indices()
    return emptied
