"""Top-n lists and ranking metrics, shared by `gnn` and `offers`.

A list is a row of column numbers, the best first, padded with -1. Relevance is binary (Järvelin and
Kekäläinen 2002; Krichene and Rendle 2020 on ranking all items).
"""

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import sparse

from followsuit.core.compiled import compiled_parallel

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Doubles = NDArray[np.float64]


def top_n(
    scores: NDArray[Any],
    n: int,
    excluded: sparse.csr_matrix | None = None,
    *,
    tie: NDArray[np.int64] | None = None,
) -> Ints:
    """The columns of each row's n largest scores, (rows, n), the largest first, padded with -1.

    Of equal scores, the one with the smaller `tie` ranks first, then the one with the smaller
    column. A list never contains a column whose score is -inf or NaN.

    Args:
        scores: (rows, columns) floats; overwritten with -inf where `excluded`.
        n: the length of a list, at least 1.
        excluded: (rows, columns) CSR with an entry for each cell to leave out.
        tie: (rows, columns) rank of equal scores, the smallest first; None for column order.
    """
    if excluded is None:
        excluded = sparse.csr_matrix(scores.shape, dtype=np.float32)
    if tie is None:
        tie = np.broadcast_to(np.int64(0), scores.shape)
    return _top_n(scores, excluded.indptr, excluded.indices, tie, n)


@compiled_parallel
def _top_n(
    scores: NDArray[Any], pointer: NDArray[Any], column: NDArray[Any], tie: Ints, n: int
) -> Ints:
    # Insert into a short sorted list: one pass over each row, without a copy.
    rows, columns = scores.shape
    lists = np.full((rows, n), -1, dtype=np.int64)
    for r in prange(rows):
        for j in range(pointer[r], pointer[r + 1]):
            scores[r, column[j]] = -np.inf
        best = np.full(n, -np.inf, dtype=scores.dtype)
        ties = np.full(n, np.iinfo(np.int64).min, dtype=np.int64)
        for c in range(columns):
            x = scores[r, c]
            if not x >= best[n - 1]:
                continue
            t, at = tie[r, c], n
            while at > 0 and (best[at - 1] < x or (best[at - 1] == x and t < ties[at - 1])):
                at -= 1
                if at + 1 < n:
                    best[at + 1], ties[at + 1] = best[at], ties[at]
                    lists[r, at + 1] = lists[r, at]
            if at < n:
                best[at], ties[at], lists[r, at] = x, t, c
    return lists


def hits_of(lists: Ints, relevant: sparse.csr_matrix, users: Ints) -> Flags:
    """Whether each listed item is relevant, (users, n).

    Args:
        lists: (users, n) one row for each of `users`.
        relevant: (all users, columns) CSR with an entry for each relevant item.
        users: rows of `relevant`.
    """
    rows = np.repeat(np.arange(len(users)), np.diff(relevant.indptr)[users])
    width = relevant.shape[1]
    keys = np.sort(rows.astype(np.int64) * width + relevant[users].indices)
    listed = np.arange(len(users))[:, None] * width + lists
    positions = np.minimum(np.searchsorted(keys, listed), max(len(keys) - 1, 0))
    hits: Flags = (lists >= 0) & (keys[positions] == listed if len(keys) else False)
    return hits


def hit_rate(hits: Flags, k: int) -> Doubles:
    """1 for each user with a relevant item among the first k, else 0; see `hits_of`."""
    return np.asarray(hits[:, :k].any(axis=1), dtype=np.float64)


def recall(hits: Flags, relevant: Ints, k: int) -> Doubles:
    """The share of each user's relevant items among the first k; 0 without relevant items.

    Args:
        hits: (users, at least k), see `hits_of`.
        relevant: (users) how many items are relevant.
        k: the cutoff.
    """
    share: Doubles = hits[:, :k].sum(axis=1) / np.maximum(relevant, 1)
    return share


def ndcg(hits: Flags, relevant: Ints, k: int) -> Doubles:
    """NDCG@k of each user with gains 0 and 1; 0 without relevant items.

    NDCG is the sum over ranks r of gain / log2(r + 1), divided by that sum for the ideal list,
    which begins with min(k, relevant) hits (Järvelin and Kekäläinen 2002).

    Args:
        hits: (users, at least k), see `hits_of`.
        relevant: (users) how many items are relevant.
        k: the cutoff.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.clip(relevant, 1, k) - 1]
    quality: Doubles = (hits[:, :k] * discount).sum(axis=1) / ideal
    return quality
