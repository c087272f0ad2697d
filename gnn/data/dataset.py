"""First interactions and friendships as matrices: the training set of every model."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from followsuit.core.errors import FollowsuitError

HELD_BACK = 0.1
"""The share of train held back for validation if there is no validation part."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class BadDataset(FollowsuitError):
    """The parts of a data set don't fit together; the message names the part and the value."""


@dataclass(frozen=True)
class Attributes:
    """Attributes of customers (or items): a column for each value.

    Attributes:
        names: (values) names such as `category=books`; the part before `=` is the kind.
        matrix: (rows, values) CSR float32, 1 if the row has the value.
    """

    names: tuple[str, ...]
    matrix: sparse.csr_matrix


@dataclass(frozen=True)
class Dataset:
    """The data known at an instant.

    Attributes:
        users: (n) ids of the customers, by code.
        items: (m) ids of products and stores, by code.
        seen: (n, m) CSR float32, 1 if the user has interacted with the item; indices sorted, no
            duplicates.
        friends: (n, n) CSR float32, 1 if the row's user may follow the column's; no loops.
        user_attributes: attributes of the users; None if missing.
        item_attributes: attributes of the items; None if missing.

    Raises:
        BadDataset: the shapes don't match, or a number isn't finite.
    """

    users: np.ndarray
    items: np.ndarray
    seen: sparse.csr_matrix
    friends: sparse.csr_matrix
    user_attributes: Attributes | None = field(default=None, kw_only=True)
    item_attributes: Attributes | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        n, m = len(self.users), len(self.items)
        shapes = {
            "seen": (self.seen, (n, m)),
            "friends": (self.friends, (n, n)),
            "user_attributes": (self.user_attributes, (n, None)),
            "item_attributes": (self.item_attributes, (m, None)),
        }
        for name, (part, wanted) in shapes.items():
            matrix = part.matrix if isinstance(part, Attributes) else part
            if matrix is None:
                continue
            if matrix.shape[0] != wanted[0] or wanted[1] not in (None, matrix.shape[1]):
                raise BadDataset(f"`{name}` has shape {matrix.shape}: it must be {wanted}.")
            if not np.isfinite(matrix.data).all():
                raise BadDataset(f"`{name}` has a number that isn't finite. Remove NaN.")

    def with_seen(self, seen: sparse.csr_matrix) -> "Dataset":
        """The same users, items and friendships with other interactions."""
        return replace(self, seen=seen)

    def with_friends(self, friends: sparse.csr_matrix) -> "Dataset":
        """The same users, items and interactions with other friendships."""
        return replace(self, friends=friends)

    @cached_property
    def popularity(self) -> Floats:
        """(m) number of users who have interacted with each item."""
        return np.bincount(self.seen.indices, minlength=len(self.items)).astype(np.float32)


@dataclass(frozen=True)
class Split:
    """A data set, and its users' later (or hidden) first interactions to validate and test on.

    Attributes:
        train: the data that models are fitted on during grid search.
        validation: (n, m) CSR, disjoint from `train`. The best model config is then fitted on
            `known`.
        test: (n, m) CSR, disjoint from `train` and `validation`.
        refit_on_validation: whether `known` includes the validation part. If not, the validation
            part is only masked.
        at_test: data known at the end of the validation period, if friendships and attributes may
            have changed since train; otherwise None.
        notes: remarks for readers of the figures.
    """

    train: Dataset
    validation: sparse.csr_matrix
    test: sparse.csr_matrix
    refit_on_validation: bool
    at_test: Dataset | None = field(default=None, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @cached_property
    def known(self) -> Dataset:
        """The data set that the best model config is fitted on."""
        if self.at_test is not None:
            return self.at_test
        if not self.refit_on_validation:
            return self.train
        return self.train.with_seen(binary(self.train.seen + self.validation))

    def with_friends(self, change: Callable[[sparse.csr_matrix], sparse.csr_matrix]) -> "Split":
        """The same split with `change` applied to the friendships of each instant."""
        at_test = self.at_test and self.at_test.with_friends(change(self.at_test.friends))
        train = self.train.with_friends(change(self.train.friends))
        return replace(self, train=train, at_test=at_test)

    @cached_property
    def masked(self) -> sparse.csr_matrix:
        """(n, m) seen items, which aren't recommended when the model is tested."""
        return binary(self.known.seen + self.validation)


def binary(matrix: Any) -> sparse.csr_matrix:
    """The matrix in canonical CSR float32, with every stored entry set to 1."""
    cells: sparse.csr_matrix = sparse.csr_matrix(matrix, dtype=np.float32)
    cells.sum_duplicates()
    cells.eliminate_zeros()
    cells.data[:] = 1
    return cells


def pairs(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """The binary CSR matrix with ones in these cells.

    Args:
        rows: (cells) row of each cell.
        columns: (cells) column of each cell.
        shape: shape of the matrix.
    """
    cells = sparse.coo_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    return binary(cells)


def normalised(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """D_r^-1/2 A D_c^-1/2 (He et al. 2020, LightGCN, eq. 3); empty rows and columns stay empty."""
    rows = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1e-12) ** -0.5
    columns = np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1e-12) ** -0.5
    values = matrix.data * np.repeat(rows, np.diff(matrix.indptr)) * columns[matrix.indices]
    return sparse.csr_matrix(
        (values.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape
    )


def hold_back(
    taken: sparse.csr_matrix, share: float, seed: int
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Split each user's interactions at random into those kept and those held back.

    Of c interactions of a user, c x share are held back, rounded up or down at random. A user with
    one interaction keeps it.

    Args:
        taken: (n, m) CSR, the interactions.
        share: share to hold back, 0 to 1.
        seed: random seed.

    Returns:
        (n, m) the interactions kept, and those held back.
    """
    random = np.random.default_rng(seed)
    rows = np.repeat(np.arange(taken.shape[0]), np.diff(taken.indptr))
    count = np.diff(taken.indptr)
    quota = np.floor(count * share + random.random(len(count))).astype(np.int64)
    quota = np.where(count > 1, np.minimum(quota, count - 1), 0)
    order = np.lexsort((random.random(len(rows)), rows))
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(len(rows)) - taken.indptr[:-1][rows]
    held = place < quota[rows]
    stays, columns = ~held, taken.indices
    return (
        pairs(rows[stays], columns[stays], taken.shape),
        pairs(rows[held], columns[held], taken.shape),
    )
