"""Values of features for some customers and all items of a grid, in the form that is fastest."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numba import prange
from scipy import sparse

from followsuit.core.compiled import compiled, compiled_parallel


class RowValues(ABC):
    """The values of a feature for some rows of a grid and all k columns."""

    @abstractmethod
    def add_to(self, sums: np.ndarray, weight: float) -> None:
        """Add weight times the values to (rows, k) float64 sums, in place."""

    @abstractmethod
    def at(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """(cells,) the values of some cells; row 0 is the first of the rows."""


@dataclass(frozen=True)
class Dense(RowValues):
    """An array that broadcasts to (rows, k)."""

    values: np.ndarray

    def add_to(self, sums: np.ndarray, weight: float) -> None:  # noqa: D102
        if 1 in self.values.shape:
            sums += np.multiply(self.values, weight, dtype=np.float64)
        else:
            _add_dense(sums, self.values, weight)

    def at(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:  # noqa: D102
        height, width = self.values.shape
        values: np.ndarray = self.values[row if height > 1 else 0, column if width > 1 else 0]
        return np.broadcast_to(values, len(row))


@dataclass(frozen=True)
class Sparse(RowValues):
    """A matrix that is 0 in most cells."""

    matrix: sparse.csr_matrix

    def add_to(self, sums: np.ndarray, weight: float) -> None:  # noqa: D102
        if self.matrix.nnz:
            parts = self.matrix.indptr, self.matrix.indices, self.matrix.data
            _add_sparse(sums, *parts, weight)

    def at(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:  # noqa: D102
        if not self.matrix.nnz:
            return np.zeros(len(row))
        parts = self.matrix.indptr, self.matrix.indices, self.matrix.data
        return _at(*parts, row, column, self.matrix.shape[1])


@dataclass(frozen=True)
class LookUp(RowValues):
    """The values of a table: of each row's line and each column's place in it."""

    table: np.ndarray
    """(lines, places)"""
    line: np.ndarray
    """(rows,)"""
    place: np.ndarray
    """(k,)"""

    def add_to(self, sums: np.ndarray, weight: float) -> None:  # noqa: D102
        _add_looked_up(sums, self.table, self.line, self.place, weight)

    def at(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:  # noqa: D102
        values: np.ndarray = self.table[self.line[row], self.place[column]]
        return values


@dataclass(frozen=True)
class OfSets(RowValues):
    """The largest of a cell's own value and those of the sets of columns that the row has."""

    own: sparse.csr_matrix
    """(rows, k)"""
    sets: sparse.csr_matrix
    """(rows, sets) the value of each set that a row has."""
    members: np.ndarray
    """(sets, k) bool: the columns of each set."""

    def add_to(self, sums: np.ndarray, weight: float) -> None:  # noqa: D102
        if not self.sets.nnz:
            Sparse(self.own).add_to(sums, weight)
            return
        own = self.own.indptr, self.own.indices, self.own.data
        of_sets = self.sets.indptr, self.sets.indices, self.sets.data
        _add_sets(sums, *own, *of_sets, self.members, weight)

    def at(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:  # noqa: D102
        values = Sparse(self.own).at(row, column)
        for number in np.unique(self.sets.indices):
            here = self.sets[:, [number]].toarray().ravel()[row]
            values = np.maximum(values, here * self.members[number, column])
        return values


def round_in_place(values: np.ndarray, digits: int) -> np.ndarray:
    """Round (rows, k) values, as `numpy.round` does but without copies."""
    _round(values, 10.0**digits)
    return values


@compiled_parallel
def _round(values: np.ndarray, scale: float) -> None:
    rows, columns = values.shape
    for r in prange(rows):
        for c in range(columns):
            values[r, c] = np.rint(values[r, c] * scale) / scale


@compiled_parallel
def _add_dense(sums: np.ndarray, values: np.ndarray, weight: float) -> None:
    rows, columns = sums.shape
    for r in prange(rows):
        for c in range(columns):
            sums[r, c] += weight * np.float64(values[r, c])


@compiled_parallel
def _add_sparse(
    sums: np.ndarray, pointer: np.ndarray, column: np.ndarray, values: np.ndarray, weight: float
) -> None:
    for r in prange(len(sums)):
        for i in range(pointer[r], pointer[r + 1]):
            sums[r, column[i]] += weight * np.float64(values[i])


@compiled
def _at(
    pointer: np.ndarray,
    column: np.ndarray,
    values: np.ndarray,
    wanted_row: np.ndarray,
    wanted_column: np.ndarray,
    width: int,
) -> np.ndarray:
    # Writes out one row after the other, as entries of a row may be in any order.
    cells = np.zeros(len(wanted_row))
    line, last = np.zeros(width), 0
    for i in range(len(wanted_row)):
        r = wanted_row[i]
        if i == 0 or r != last:
            for j in range(pointer[last], pointer[last + 1]):
                line[column[j]] = 0
            for j in range(pointer[r], pointer[r + 1]):
                line[column[j]] = values[j]
            last = r
        cells[i] = line[wanted_column[i]]
    return cells


@compiled_parallel
def _add_looked_up(
    sums: np.ndarray, table: np.ndarray, line: np.ndarray, place: np.ndarray, weight: float
) -> None:
    rows, columns = sums.shape
    for r in prange(rows):
        values = table[line[r]]
        for c in range(columns):
            sums[r, c] += weight * np.float64(values[place[c]])


@compiled_parallel
def _add_sets(
    sums: np.ndarray,
    own_pointer: np.ndarray,
    own_column: np.ndarray,
    own_values: np.ndarray,
    pointer: np.ndarray,
    number: np.ndarray,
    values: np.ndarray,
    members: np.ndarray,
    weight: float,
) -> None:
    rows, columns = sums.shape
    for r in prange(rows):
        line = np.zeros(columns)
        for i in range(own_pointer[r], own_pointer[r + 1]):
            line[own_column[i]] = own_values[i]
        for i in range(pointer[r], pointer[r + 1]):
            for c in range(columns):
                if members[number[i], c] and values[i] > line[c]:
                    line[c] = values[i]
        for c in range(columns):
            sums[r, c] += weight * line[c]
