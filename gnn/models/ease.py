"""EASE, the linear autoencoder (Steck 2019, "Embarrassingly Shallow Autoencoders", eq. 8).

With P = (X'X + l2 I)^-1 the scores are X - X P / diag(P). If there are fewer users than items, the
same scores are computed from the users' side: with K = X X' + l2 I, X P = K^-1 X and
diag(P) = (1 - diag(X' K^-1 X)) / l2 (Woodbury). If `damp` is above 0, the columns of X are scaled
by popularity^-damp, so that less popular items count more.

An inverse of 20,000 items takes 2 minutes and 1.6 GB. Above `MEMORY` the model is approximated by
sparse weights: see `neighbour_weights`.
"""

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from scipy.linalg import lapack

from followsuit.core.progress import Progress, silent
from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.neighbour_weights import NEIGHBOURS, Neighbours, nearest_items
from followsuit.gnn.models.recommender import CELLS, Recommender
from followsuit.gnn.models.sparse_product import product

SIDE = 10_000
"""EASE is solved exactly up to this number of users, or of items."""
RIDGES = (10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 500.0, 800.0, 1200.0, 2000.0)
MEMORY = 4 * SIDE**2
"""Largest size of an exact solution's dense matrix, in bytes."""


_CSR = ("data", "indices", "indptr")
"""Arrays of a sparse matrix."""


class EaseConfig(ModelConfig):
    """Settings of EASE."""

    l2: float = Field(default=200.0, gt=0)
    """Ridge, in units of the mean squared scale of an interaction (1 if `damp` is 0)."""
    damp: float = Field(default=0.0, ge=0)
    """Exponent of the scaling by popularity^-damp; 0 for EASE as published."""
    memory: int = Field(default=MEMORY, gt=0)
    """Largest size of an exact solution's dense matrix, in bytes; above, weights are sparse."""


class DampedEaseConfig(EaseConfig):
    """Settings of EASE on scaled columns."""

    damp: float = Field(default=0.2, ge=0)
    """Exponent of the scaling by popularity^-damp."""


class Ease(Recommender):
    """A linear model that predicts each item from the user's other items.

    If a square matrix of neither the users nor the items fits into `memory`, each item is predicted
    from its nearest items only, and `note` says so.
    """

    name: ClassVar[str] = "ease"
    interactions_only: ClassVar[bool] = True
    config_class = EaseConfig
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {"l2": RIDGES}
    config: EaseConfig
    _neighbours: Neighbours | None = None

    def unfitted(self, **settings: Any) -> Self:
        """A new unfitted model with these settings changed.

        It shares the neighbours, which a grid search counts once.
        """
        other = super().unfitted(**settings)
        other._neighbours = self._neighbours
        return other

    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        """Solve exactly if the smaller side fits into memory, otherwise for sparse weights.

        Args:
            data: the data to fit on.
            validation: if given, the neighbours are kept for the next fit of a grid search.
            seed: not used; the model isn't random.
            progress: progress callback.
        """
        kept = self._kept(data)
        self.note = None
        if kept is not None:
            return self.restore(self._exact(data, kept, progress), data)
        self.note = (
            f"EASE is approximated: each of {data.seen.shape[1]:,} items is predicted from its "
            f"{NEIGHBOURS} nearest items."
        )
        with progress("fitting EASE", 2) as advance:
            neighbours = self._neighbours
            if neighbours is None or neighbours.seen is not data.seen:
                neighbours = nearest_items(data.seen)
            self._neighbours = neighbours if validation is not None else None
            advance(1)
            x = self._scaled(data, np.arange(data.seen.shape[1]))
            weights = neighbours.weights(self._scale(data), self._ridge(x))
            advance(1)
        parts = {name: getattr(weights, name) for name in _CSR}
        return self.restore({f"weights_{name}": part for name, part in parts.items()}, data)

    def _exact(self, data: Dataset, kept: Ints, progress: Progress) -> dict[str, np.ndarray]:
        """The exact solution: a Cholesky factorisation and an inverse of the smaller side."""
        x = self._scaled(data, kept)
        by_users = data.seen.shape[0] <= len(kept)
        with progress("fitting EASE", 3) as advance:
            gram = _gram(x if by_users else x.T.tocsr())
            ridge = self._ridge(x)
            gram[np.diag_indices_from(gram)] += ridge
            advance(1)
            inverse = _inverse(gram)
            advance(1)
            diagonal = (1 - _quadratic(inverse, x)) / ridge if by_users else np.diag(inverse)
            advance(1)
        return {"kept": kept, "inverse": inverse, "diagonal": np.maximum(diagonal, 1e-12)}

    def _kept(self, data: Dataset) -> Ints | None:
        """The items of an exact solution, ascending; None if it doesn't fit into memory."""
        n, m = data.seen.shape
        side = int((self.config.memory / 4) ** 0.5)
        if min(n, m) <= side:
            return np.arange(m)
        known = np.flatnonzero(data.popularity)
        return known if len(known) <= side else None

    def _ridge(self, x: sparse.csr_matrix) -> np.float32:
        return np.float32(self.config.l2 * np.square(x.data).mean()) if x.nnz else np.float32(1)

    def _scaled(
        self, data: Dataset, kept: Ints, seen: sparse.csr_matrix | None = None
    ) -> sparse.csr_matrix:
        scale = sparse.diags_array(self._scale(data)[kept], format="csr")
        rows = data.seen if seen is None else seen
        return sparse.csr_matrix(rows[:, kept] @ scale, dtype=np.float32)

    def _scale(self, data: Dataset) -> Floats:
        """(m) factor of each item's interactions."""
        scale: Floats = np.maximum(data.popularity, 1) ** np.float32(-self.config.damp)
        return scale

    def score(self, users: Ints) -> Floats:
        """(users, m) scores, about 0 to 1."""
        x = self._x[users]
        if self._weights is not None:
            return _dense(x @ self._weights)
        if self._by_users:
            # x P = K^-1 X for the rows of X.
            return self._scores(x, np.ascontiguousarray((self._x.T @ self._inverse[users].T).T))
        return self._scores(x, x @ self._inverse)

    def score_pairs(self, users: Ints, items: Ints) -> Floats:
        """(pairs) scores of pairs; sparse weights compute no other scores.

        Args:
            users: (pairs) codes.
            items: (pairs) codes.
        """
        if self._weights is None:
            return super().score_pairs(users, items)
        products = self._x[users].multiply(self._weights.T.tocsr()[items])
        scores: Floats = np.asarray(products.sum(axis=1), dtype=np.float32).ravel()
        return scores

    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        """(rows, m) scores; on the users' side x P = (x - x X' K^-1 X) / l2."""
        x = self._scaled(self.data, self._kept_items, seen)
        if self._weights is not None:
            return _dense(x @ self._weights)
        if not self._by_users:
            return self._scores(x, x @ self._inverse)
        product = -np.ascontiguousarray((self._x.T @ ((x @ self._x.T) @ self._inverse).T).T)
        _add(product, x)
        product /= self._ridge(self._x)
        return self._scores(x, product)

    def sparse_scores(  # noqa: D102
        self, users: Ints, seen: sparse.csr_matrix
    ) -> sparse.csr_matrix | None:
        if self._weights is None:
            return None
        new = np.flatnonzero(users < 0)
        x = self._x[np.maximum(users, 0)]
        if len(new):
            both = sparse.vstack([x, self._scaled(self.data, self._kept_items, seen[new])])
            place = np.arange(len(users))
            place[new] = len(users) + np.arange(len(new))
            x = both.tocsr()[place]
        return product(x, self._weights)

    def _scores(self, x: sparse.csr_matrix, product: Floats) -> Floats:
        """(rows, m) X - X P / diag(P), computed in place of X P."""
        product /= -self._diagonal
        _add(product, x)
        if len(self._kept_items) == len(self.data.items):
            return product
        scores = np.zeros((len(product), len(self.data.items)), dtype=np.float32)
        scores[:, self._kept_items] = product
        return scores

    def state(self) -> dict[str, np.ndarray]:
        """The sparse weights, or the inverse of the smaller side and the diagonal of P."""
        if self._weights is not None:
            return {f"weights_{name}": getattr(self._weights, name) for name in _CSR}
        return {"kept": self._kept_items, "inverse": self._inverse, "diagonal": self._diagonal}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Restore the weights or the inverse."""
        self.data, self._weights = data, None
        m = data.seen.shape[1]
        if "weights_data" in state:
            parts = tuple(state[f"weights_{name}"] for name in _CSR)
            self._weights = sparse.csr_matrix(parts, shape=(m, m))
            self._kept_items = np.arange(m)
        else:
            self._kept_items, self._inverse = state["kept"], state["inverse"]
            self._diagonal = state["diagonal"].astype(np.float32)
        self._x = self._scaled(data, self._kept_items)
        self._by_users = data.seen.shape[0] <= len(self._kept_items)
        return self


class DampedEase(Ease):
    """EASE on scaled columns; the linear part of the blend."""

    name: ClassVar[str] = "ease_damped"
    config_class = DampedEaseConfig
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "l2": RIDGES,
        "damp": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    }


def _gram(x: sparse.csr_matrix) -> Floats:
    """x x', a block of rows at a time: a sparse result would take twice the memory."""
    gram = np.empty((x.shape[0], x.shape[0]), dtype=np.float32, order="F")
    turned = x.T.tocsr()
    step = max(1, CELLS // max(x.shape[0], 1))
    for first in range(0, x.shape[0], step):
        # The matrix is symmetric, so write contiguous columns instead of rows.
        (x[first : first + step] @ turned).toarray(out=gram[:, first : first + step].T)
    return gram


@one_thread()
def _inverse(gram: Floats) -> Floats:
    """The inverse of a symmetric positive definite matrix, computed in place."""
    if not gram.size:
        return gram
    factor, info = lapack.spotrf(gram, lower=1, overwrite_a=1, clean=0)
    if info:
        raise np.linalg.LinAlgError(f"spotrf: {info}")
    inverse, info = lapack.spotri(factor, lower=1, overwrite_c=1)
    if info:
        raise np.linalg.LinAlgError(f"spotri: {info}")
    _mirror(inverse)
    whole: Floats = inverse
    return whole


def _dense(scores: sparse.csr_matrix) -> Floats:
    """The scores as a dense array."""
    array: Floats = scores.toarray()
    return array


def _add(dense: Floats, x: sparse.csr_matrix) -> None:
    """Add sparse rows in place, since a copy of the scores would be large."""
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    dense[rows, x.indices] += x.data


def _mirror(matrix: Floats) -> None:
    """Copy the lower triangle into the upper one, by blocks."""
    n, step = len(matrix), 1024
    for i in range(0, n, step):
        for j in range(0, i + 1, step):
            block = matrix[i : i + step, j : j + step]
            if i == j:
                block = np.tril(block) + np.tril(block, -1).T
                matrix[i : i + step, j : j + step] = block
            else:
                matrix[j : j + step, i : i + step] = block.T


def _quadratic(inverse: Floats, x: sparse.csr_matrix) -> Floats:
    """(items) x' K^-1 x for each column x."""
    total = np.zeros(x.shape[1], dtype=np.float64)
    step = max(1, CELLS // max(x.shape[1], 1))
    by_item = x.T.tocsr()
    for first in range(0, x.shape[0], step):
        part = x[first : first + step]
        product = by_item @ inverse[:, first : first + step]
        rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        total += np.bincount(
            part.indices, part.data * product[part.indices, rows], minlength=x.shape[1]
        )
    return total.astype(np.float32)
