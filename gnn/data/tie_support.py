"""Finds the friendships that help to predict: those with an item or a friend in common."""

from dataclasses import dataclass

import numpy as np
from numba import prange
from scipy import sparse

from followsuit.core.compiled import compiled_parallel
from followsuit.gnn.data.dataset import Dataset, Floats
from followsuit.gnn.training.spectral import spectral_start

_PROFILE = 32
"""Width of the spectral profile."""


@dataclass(frozen=True)
class Ties:
    """Friendships with support.

    Attributes:
        friends: (n, n) CSR; the row's user may follow the column's.
        likeness: (friendships, 3) similarities in CSR order, each in [-1, 1]: of both users' items
            (see `alike`), of their spectral profiles, and of their friends.
    """

    friends: sparse.csr_matrix
    likeness: Floats


def supported(data: Dataset, seed: int) -> Ties:
    """The friendships with an item or a friend in common (cf. GBSR, Yang et al. 2024).

    Users without interactions keep all friends with interactions, since nothing else is known of
    them. Friends without interactions are left out.
    """
    friends, taken = data.friends, data.seen
    items = alike(data)
    circles = cosines(friends, friends, np.ones(friends.shape[0], dtype=np.float32))
    profiles = _at(friends, _unit(spectral_start(taken, _PROFILE, seed)[0]))
    known = np.diff(taken.indptr) > 0
    rows = np.repeat(np.arange(friends.shape[0]), np.diff(friends.indptr))
    kept = ((items > 0) | (circles > 0) | ~known[rows]) & known[friends.indices]
    pointer = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=len(known)))])
    ties = sparse.csr_matrix(
        (friends.data[kept], friends.indices[kept], pointer), shape=friends.shape
    )
    return Ties(ties, np.stack([items, profiles, circles], axis=1)[kept])


def alike(data: Dataset) -> Floats:
    """(friendships) cosine of both users' items, in CSR order.

    Items have the weight 1 / log popularity (Adamic and Adar 2003).
    """
    weight = 1 / np.log(1 + np.maximum(data.popularity, 2))
    return cosines(data.friends, data.seen, np.sqrt(weight).astype(np.float32))


def cosines(cells: sparse.csr_matrix, matrix: sparse.csr_matrix, weight: Floats) -> Floats:
    """(cells) cosine of rows i and j of a binary matrix with scaled columns, for each cell (i, j).

    Args:
        cells: (n, n) CSR, the pairs of rows.
        matrix: (n, m) CSR with sorted indices; its values aren't used.
        weight: (m) scale of each column.
    """
    squared = np.square(weight.astype(np.float64))
    return _cosines(cells.indptr, cells.indices, matrix.indptr, matrix.indices, squared)


@compiled_parallel
def _cosines(
    cell: np.ndarray,
    other: np.ndarray,
    pointer: np.ndarray,
    column: np.ndarray,
    squared: np.ndarray,
) -> Floats:
    cosine = np.zeros(len(other), dtype=np.float32)
    length = np.zeros(len(pointer) - 1)
    for r in range(len(length)):
        for k in range(pointer[r], pointer[r + 1]):
            length[r] += squared[column[k]]
    for r in prange(len(length)):
        for c in range(cell[r], cell[r + 1]):
            a, b, both = pointer[r], pointer[other[c]], 0.0
            while a < pointer[r + 1] and b < pointer[other[c] + 1]:
                if column[a] == column[b]:
                    both += squared[column[a]]
                    a += 1
                    b += 1
                elif column[a] < column[b]:
                    a += 1
                else:
                    b += 1
            if both > 0:
                cosine[c] = both / np.sqrt(length[r] * length[other[c]])
    return cosine


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return unit


def _at(cells: sparse.csr_matrix, vectors: Floats) -> Floats:
    rows = np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr))
    products: Floats = np.einsum("ij,ij->i", vectors[rows], vectors[cells.indices])
    return products
