"""Initial vectors of networks: the leading singular vectors of the interactions."""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Floats, normalised

_ROUNDS = 4
"""Power iterations; more make no difference after training."""
LENGTH = 0.1
"""Root mean square of a coordinate, as in the usual random start."""


@one_thread()
def spectral_start(seen: sparse.csr_matrix, width: int, seed: int) -> tuple[Floats, Floats]:
    """Initial vectors U S^1/2 and V S^1/2 of the normalised interaction matrix.

    Truncated SVD (Halko et al. 2011) of D^-1/2 R D^-1/2, scaled so that a coordinate is about
    `LENGTH`. Users and items without interactions, and coordinates above the matrix's rank, are 0.
    The same seed gives the same bytes.

    Args:
        seen: (n, m) CSR, the interactions.
        width: length of a vector.
        seed: random seed.

    Returns:
        (n, width) vectors of users and (m, width) vectors of items.
    """
    n, m = seen.shape
    users = np.zeros((n, width), dtype=np.float32)
    items = np.zeros((m, width), dtype=np.float32)
    rank = min(width, n, m)
    if seen.nnz == 0 or rank == 0:
        return users, items
    matrix = normalised(seen)
    left, values, right = randomized_svd(matrix, rank, n_iter=_ROUNDS, random_state=seed)
    root = np.sqrt(values)
    scale = LENGTH * (m * width) ** 0.5 / max(float(np.linalg.norm(right * root[:, None])), 1e-12)
    users[:, :rank], items[:, :rank] = left * root * scale, right.T * root * scale
    # Clear rounding errors of users and items without interactions.
    users[np.diff(seen.indptr) == 0] = 0
    items[np.bincount(seen.indices, minlength=m) == 0] = 0
    return users, items
