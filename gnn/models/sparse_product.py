"""The product of two sparse matrices in one pass, where SciPy takes two."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from followsuit.core.compiled import compiled
from followsuit.gnn.data.dataset import Floats, Ints


def product(left: sparse.csr_matrix, right: sparse.csr_matrix) -> sparse.csr_matrix:
    """(n, m) the product of float32 matrices of (n, k) and (k, m), as `left @ right` gives it.

    The columns of a row are in any order.
    """
    most = int(np.diff(right.indptr)[left.indices].sum())
    pointer, columns, values = _product(
        left.indptr,
        left.indices,
        left.data,
        right.indptr,
        right.indices,
        right.data,
        right.shape[1],
        most,
    )
    shape = (left.shape[0], right.shape[1])
    return sparse.csr_matrix((values, columns, pointer), shape=shape)


@compiled
def _product(
    left_pointer: NDArray[Any],
    left_column: NDArray[Any],
    left: Floats,
    right_pointer: NDArray[Any],
    right_column: NDArray[Any],
    right: Floats,
    width: int,
    most: int,
) -> tuple[Ints, NDArray[np.int32], Floats]:
    """Pointers, columns and values of the product.

    Args:
        left_pointer: (n + 1,) where each row of the left matrix begins.
        left_column: its columns.
        left: its values.
        right_pointer: (k + 1,) where each row of the right matrix begins.
        right_column: its columns.
        right: its values.
        width: m.
        most: number of products of two values.
    """
    rows = len(left_pointer) - 1
    pointer = np.zeros(rows + 1, dtype=np.int64)
    columns, values = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.float32)
    line, touched = np.zeros(width, dtype=np.float32), np.zeros(width, dtype=np.bool_)
    size = 0
    for r in range(rows):
        for i in range(left_pointer[r], left_pointer[r + 1]):
            for j in range(right_pointer[left_column[i]], right_pointer[left_column[i] + 1]):
                column = right_column[j]
                if not touched[column]:
                    touched[column] = True
                    columns[size] = column
                    size += 1
                line[column] += left[i] * right[j]
        for place in range(pointer[r], size):
            column = columns[place]
            values[place] = line[column]
            line[column], touched[column] = 0, False
        pointer[r + 1] = size
    return pointer, columns[:size].copy(), values[:size].copy()
