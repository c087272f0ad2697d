"""Values of some rows: what is added and what is read are the cells of the block."""

import numpy as np
import pytest
from scipy import sparse

from followsuit.offers.features.row_values import (
    Dense,
    LookUp,
    OfSets,
    RowValues,
    Sparse,
    round_in_place,
)

ROWS, COLUMNS = 6, 40


def matrix(random: np.random.Generator, width: int = COLUMNS) -> sparse.csr_matrix:
    """A matrix whose first row is empty; the entries of the others are in no order."""
    cells = np.where(random.random((ROWS, width)) < 0.3, random.random((ROWS, width)), 0)
    cells[0] = 0
    flipped = sparse.csr_matrix(cells[:, ::-1])
    columns = width - 1 - flipped.indices
    return sparse.csr_matrix((flipped.data, columns, flipped.indptr), shape=(ROWS, width))


def cases() -> dict[str, tuple[RowValues, np.ndarray]]:
    """Values of each form, and the same as an array."""
    random = np.random.default_rng(0)
    whole = random.random((ROWS, COLUMNS)).astype(np.float32)
    by_row, by_column = random.random((ROWS, 1)), random.random((1, COLUMNS))
    own, sets, members = matrix(random), matrix(random, 3), random.random((3, COLUMNS)) < 0.5
    place = random.integers(0, 4, COLUMNS)
    table = random.random((ROWS, 4))
    largest = (sets.toarray()[:, :, None] * members).max(axis=1)
    return {
        "dense": (Dense(whole), whole),
        "by row": (Dense(by_row), np.broadcast_to(by_row, whole.shape)),
        "by column": (Dense(by_column), np.broadcast_to(by_column, whole.shape)),
        "sparse": (Sparse(own), own.toarray()),
        "none": (Sparse(sparse.csr_matrix(whole.shape)), np.zeros(whole.shape)),
        "looked up": (LookUp(table, np.arange(ROWS), place), table[:, place]),
        "of sets": (OfSets(own, sets, members), np.maximum(own.toarray(), largest)),
        "no sets": (OfSets(own, sparse.csr_matrix((ROWS, 3)), members), own.toarray()),
    }


@pytest.mark.parametrize("form", cases())
def test_cells_are_read_and_added_with_their_weight(form: str) -> None:
    values, whole = cases()[form]
    random = np.random.default_rng(1)
    row, column = random.integers(0, ROWS, 200), random.integers(0, COLUMNS, 200)
    assert np.array_equal(values.at(row, column), whole[row, column])
    assert len(values.at(row[:0], column[:0])) == 0
    sums = random.random((ROWS, COLUMNS))
    wanted = sums + np.multiply(whole, -0.7, dtype=np.float64)
    values.add_to(sums, -0.7)
    assert np.array_equal(sums, wanted)


def test_rounding_in_place_is_that_of_numpy() -> None:
    values = np.random.default_rng(0).normal(size=(50, 30)) * 1e-6
    values[0] = -np.inf
    wanted = values.round(9)
    assert np.array_equal(round_in_place(values, 9), wanted)
    assert np.array_equal(values, wanted)
