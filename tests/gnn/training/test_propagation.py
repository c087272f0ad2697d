"""Sparse products in torch: the products and their gradients are those of dense matrices."""

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")

from followsuit.gnn.data.dataset import normalised  # noqa: E402
from followsuit.gnn.training.propagation import Matrix, averaged  # noqa: E402

ROWS, COLUMNS, WIDTH = 7, 5, 3


def some_matrix(seed: int = 0) -> sparse.csr_matrix:
    matrix = sparse.random(ROWS, COLUMNS, 0.4, format="csr", dtype=np.float32, random_state=seed)
    matrix.sort_indices()
    return matrix


def on_cpu(matrix: sparse.csr_matrix) -> Matrix:
    return Matrix(matrix, torch.device("cpu"))


def some_dense(rows: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed))


def test_the_product_and_its_gradients_are_those_of_the_dense_matrix() -> None:
    matrix = some_matrix()
    values = torch.from_numpy(matrix.data).requires_grad_()
    dense = some_dense(COLUMNS).requires_grad_()
    product = on_cpu(matrix).with_values(values) @ dense
    weight = some_dense(ROWS, 2)
    (product * weight).sum().backward()
    full = torch.from_numpy(matrix.toarray()).requires_grad_()
    other = dense.detach().clone().requires_grad_()
    ((full @ other) * weight).sum().backward()
    torch.testing.assert_close(product, full @ other)
    torch.testing.assert_close(dense.grad, other.grad)
    rows, columns = matrix.nonzero()
    torch.testing.assert_close(values.grad, full.grad[rows, columns])


def test_the_transpose_multiplies_as_the_dense_one_and_so_does_its_gradient() -> None:
    matrix = some_matrix()
    dense = some_dense(ROWS).requires_grad_()
    product = on_cpu(matrix).turned @ dense
    torch.testing.assert_close(product, torch.from_numpy(matrix.toarray()).T @ dense)
    product.sum().backward()
    ones = torch.ones(COLUMNS, WIDTH)
    torch.testing.assert_close(dense.grad, torch.from_numpy(matrix.toarray()) @ ones)


def test_new_values_reach_the_transpose_in_the_right_cells() -> None:
    matrix = some_matrix()
    thinned = matrix.copy()
    thinned.data[::2] = 0
    whole = on_cpu(matrix)
    part = whole.with_values(torch.from_numpy(thinned.data))
    dense = some_dense(ROWS)
    torch.testing.assert_close(
        part.turned_like(whole.turned) @ dense, torch.from_numpy(thinned.toarray()).T @ dense
    )


def test_a_matrix_without_cells_gives_zeros() -> None:
    empty = sparse.csr_matrix((ROWS, COLUMNS), dtype=np.float32)
    assert not (on_cpu(empty) @ some_dense(COLUMNS)).any()


def test_normalised_divides_by_the_roots_of_both_degrees() -> None:
    matrix = sparse.csr_matrix(np.array([[1, 1], [0, 1], [0, 0]], dtype=np.float32))
    half, root = 0.5, 0.5**0.5
    np.testing.assert_allclose(
        normalised(matrix).toarray(), [[root, half], [0, root], [0, 0]], rtol=1e-6
    )


def test_averaged_rows_add_up_to_one_or_stay_empty() -> None:
    matrix = sparse.csr_matrix(np.array([[1, 1], [0, 1], [0, 0]], dtype=np.float32))
    assert averaged(matrix).toarray().tolist() == [[0.5, 0.5], [0, 1], [0, 0]]
