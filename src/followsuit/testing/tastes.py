"""Planted tastes: groups of users who take from their group's items, and friends within groups."""

import numpy as np
from scipy import sparse

from followsuit.gnn.data.dataset import Dataset, pairs

GROUPS = 4


def planted(
    users: int = 120, items: int = 80, each: int = 8, friends: int = 5, noise: float = 0.1,
    strangers: int = 0, seed: int = 0,
) -> Dataset:  # fmt: skip
    """User u and item i belong to groups u % 4 and i % 4.

    Args:
        users: how many.
        items: how many.
        each: items that each user takes at most.
        friends: of each user, within the group; ties go both ways.
        noise: share of what is taken without regard to groups.
        strangers: further ties of each user, without regard to groups.
        seed: of all.
    """
    random = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), each)
    own = random.integers(items // GROUPS, size=len(user)) * GROUPS + user % GROUPS
    item = np.where(random.random(len(user)) < noise, random.integers(items, size=len(user)), own)
    left = np.repeat(np.arange(users), friends)
    right = random.integers(users // GROUPS, size=len(left)) * GROUPS + left % GROUPS
    far = np.repeat(np.arange(users), strangers)
    left = np.concatenate([left, far])
    right = np.concatenate([right, random.integers(users, size=len(far))])
    apart = left != right
    ties = pairs(
        np.concatenate([left[apart], right[apart]]), np.concatenate([right[apart], left[apart]]),
        (users, users),
    )  # fmt: skip
    return Dataset(np.arange(users), np.arange(items), pairs(user, item, (users, items)), ties)


def without(matrix: sparse.csr_matrix, rows: np.ndarray) -> sparse.csr_matrix:
    """The matrix with some rows emptied."""
    kept = np.ones(matrix.shape[0], dtype=np.float32)
    kept[rows] = 0
    found = sparse.csr_matrix(sparse.diags_array(kept) @ matrix, dtype=np.float32)
    found.eliminate_zeros()
    found.sort_indices()
    return found
