"""The product in one pass is SciPy's, to the bit."""

import numpy as np
import pytest
from scipy import sparse

from followsuit.gnn.models.sparse_product import product


def matrix(shape: tuple[int, int], density: float, seed: int) -> sparse.csr_matrix:
    random = sparse.random_array(shape, density=density, rng=seed, dtype=np.float32, format="csr")
    return sparse.csr_matrix(random)


@pytest.mark.parametrize("density", [0.0, 0.02, 0.3])
def test_it_is_that_of_scipy(density: float) -> None:
    left, right = matrix((30, 50), density, 1), matrix((50, 40), density, 2)
    ours, theirs = product(left, right), left @ right
    assert ours.dtype == np.float32
    assert ours.nnz == theirs.nnz
    assert np.array_equal(ours.toarray(), theirs.toarray())


def test_matrices_without_rows() -> None:
    assert product(matrix((0, 50), 0, 1), matrix((50, 40), 0.1, 2)).shape == (0, 40)
