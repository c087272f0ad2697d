"""Lists of the best items, and how good they are: the one implementation for `gnn` and `offers`.

A list is a row of column numbers, the best first, filled up with -1. Metrics are binary: an item is
relevant or not (Järvelin and Kekäläinen 2002; Krichene and Rendle 2020 on ranking all items).
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
    scores: NDArray[Any], n: int, excluded: sparse.csr_matrix | None = None, *,
    tie: NDArray[np.int64] | None = None,
) -> Ints:  # fmt: skip
    """(rows, n) columns of each row's n largest scores, the largest first; -1 where none is left.

    Ties go to the smaller `tie`, then to the smaller column. -inf and NaN are never listed.

    Args:
        scores: (rows, columns) floats; overwritten with -inf where `excluded`.
        n: the length of a list, at least 1.
        excluded: (rows, columns) CSR, an entry for each cell to leave out.
        tie: (rows, columns) decides between equal scores.
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
    # Insertion into a short sorted list: one pass over a row, and no copy of it.
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
    """(users, n) whether each listed item is relevant.

    Args:
        lists: (users, n) a row for each of `users`.
        relevant: (all users, columns) CSR, an entry for each relevant item.
        users: rows of `relevant`.
    """
    rows = np.repeat(np.arange(len(users)), np.diff(relevant.indptr)[users])
    width = relevant.shape[1]
    keys = np.sort(rows.astype(np.int64) * width + relevant[users].indices)
    asked = np.arange(len(users))[:, None] * width + lists
    place = np.minimum(np.searchsorted(keys, asked), max(len(keys) - 1, 0))
    hits: Flags = (lists >= 0) & (keys[place] == asked if len(keys) else False)
    return hits


def hit_rate(hits: Flags, k: int) -> Doubles:
    """(users) 1 where one of the first k items is relevant, else 0; see `hits_of`."""
    return np.asarray(hits[:, :k].any(axis=1), dtype=np.float64)


def recall(hits: Flags, relevant: Ints, k: int) -> Doubles:
    """(users) the share of the relevant items that are among the first k; 0 where none is relevant.

    Args:
        hits: (users, at least k), see `hits_of`.
        relevant: (users) how many items are relevant.
        k: the cutoff.
    """
    share: Doubles = hits[:, :k].sum(axis=1) / np.maximum(relevant, 1)
    return share


def ndcg(hits: Flags, relevant: Ints, k: int) -> Doubles:
    """(users) NDCG@k with gains 0 and 1; 0 where none is relevant.

    DCG = sum over ranks r of gain / log2(r + 1), over that of the ideal list, which begins with
    min(k, relevant) hits (Järvelin and Kekäläinen 2002).

    Args:
        hits: (users, at least k), see `hits_of`.
        relevant: (users) how many items are relevant.
        k: the cutoff.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.clip(relevant, 1, k) - 1]
    quality: Doubles = (hits[:, :k] * discount).sum(axis=1) / ideal
    return quality
