"""From scores to each user's first items, and how good these are."""

import numpy as np
from numba import prange
from scipy import sparse

from followsuit.core.compiled import compiled_parallel
from followsuit.gnn.data.dataset import Floats, Ints

CUT = 20
"""Items that a user is recommended where models are compared."""


def some_users(wanted: sparse.csr_matrix, most: int, seed: int = 0) -> Ints:
    """At most so many of the users with something to tell, rising; the same for the same seed."""
    users = np.flatnonzero(np.diff(wanted.indptr))
    if len(users) > most:
        users = np.sort(np.random.default_rng(seed).choice(users, most, replace=False))
    return users


def first_items(scores: Floats, barred: sparse.csr_matrix, k: int) -> Ints:
    """(rows, k) columns of each row's k largest scores, the largest first; -1 where none is left.

    Ties go to the smaller column. `scores` is overwritten.

    Args:
        scores: (rows, columns).
        barred: (rows, columns) CSR of what is left out.
        k: how many.
    """
    return _first_items(scores, barred.indptr, barred.indices, k)


@compiled_parallel
def _first_items(scores: Floats, pointer: np.ndarray, column: np.ndarray, k: int) -> Ints:
    rows, columns = scores.shape
    found = np.full((rows, k), -1, dtype=np.int64)
    for r in prange(rows):
        for j in range(pointer[r], pointer[r + 1]):
            scores[r, column[j]] = -np.inf
        best = np.full(k, -np.inf, dtype=np.float32)
        for c in range(columns):
            x = scores[r, c]
            if x > best[k - 1]:
                at = k - 1
                while at > 0 and best[at - 1] < x:
                    best[at], found[r, at] = best[at - 1], found[r, at - 1]
                    at -= 1
                best[at], found[r, at] = x, c
    return found


def hits_of(found: Ints, wanted: sparse.csr_matrix, users: Ints) -> np.ndarray:
    """(users, k) bool: whether each recommended item is wanted."""
    rows = np.repeat(np.arange(len(users)), np.diff(wanted.indptr)[users])
    columns = wanted[users].indices
    width = wanted.shape[1]
    keys = np.sort(rows.astype(np.int64) * width + columns)
    asked = np.arange(len(users))[:, None] * width + found
    place = np.minimum(np.searchsorted(keys, asked), max(len(keys) - 1, 0))
    hit: np.ndarray = (found >= 0) & (keys[place] == asked if len(keys) else False)
    return hit


def recall(hits: np.ndarray, wanted: Ints, k: int) -> np.ndarray:
    """(users) hits among the first k over all that is wanted (`wanted` counts, at least 1)."""
    share: np.ndarray = hits[:, :k].sum(axis=1) / wanted
    return share


def ndcg(hits: np.ndarray, wanted: Ints, k: int) -> np.ndarray:
    """(users) binary NDCG@k, its ideal over min(k, wanted) hits (Järvelin and Kekäläinen 2002)."""
    gain = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(gain)[np.minimum(wanted, k) - 1]
    found: np.ndarray = (hits[:, :k] * gain).sum(axis=1) / ideal
    return found
