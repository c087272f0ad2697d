"""iALS, matrix factorisation of implicit feedback (Hu et al. 2008, eq. 3), by `implicit`."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from followsuit.core.progress import Progress, silent
from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.models.recommender import Embeddings, Recommender


@dataclass
class Ials(Recommender):
    """Vectors of users and items whose products are 1 where something was taken, 0 elsewhere.

    Attributes:
        factors: width of the vectors.
        alpha: how much more a taken item counts than another.
        l2: the ridge, as a share of alpha times the largest singular value of what was taken: of
            the ridge from which on nothing but zeros is learned.
        rounds: of alternating least squares.
    """

    name: ClassVar[str] = "ials"
    random: ClassVar[bool] = True
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "l2": (0.02, 0.035, 0.05, 0.07, 0.1, 0.14, 0.2),
        "alpha": (2.0, 5.0, 10.0, 20.0, 40.0, 80.0),
    }

    factors: int = 128
    alpha: float = 5.0
    l2: float = 0.1
    rounds: int = 12

    def fit(
        self, data: Dataset, validation: sparse.csr_matrix | None = None, *,  # noqa: ARG002
        seed: int = 0, progress: Progress = silent,
    ) -> Self:  # fmt: skip
        """Alternate between users and items."""
        from implicit.cpu.als import AlternatingLeastSquares

        with progress("iALS", self.rounds) as advance, one_thread():
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self._ridge(data),
                alpha=self.alpha,
                iterations=self.rounds,
                random_state=seed,
            )
            model.fit(data.taken, show_progress=False, callback=lambda *_: advance(1))
        state = {"users": model.user_factors.copy(), "items": model.item_factors.copy()}
        # A user (or item) that nothing is known of keeps no random vector.
        state["users"][np.diff(data.taken.indptr) == 0] = 0
        state["items"][data.popularity == 0] = 0
        return self.restore(state, data)

    @one_thread()
    def _ridge(self, data: Dataset) -> float:
        if not data.taken.nnz:
            return 1.0
        _, values, _ = randomized_svd(data.taken, 1, n_iter=4, random_state=0)
        return float(self.l2 * self.alpha * values[0])

    @one_thread()
    def score(self, users: Ints) -> Floats:
        """(users, m) about 0 to 1."""
        found: Floats = self._users[users] @ self._items.T
        return found

    def embed(self) -> Embeddings:
        """The factors."""
        return Embeddings(self._users, self._items)

    def state(self) -> dict[str, np.ndarray]:
        """The factors."""
        return {"users": self._users, "items": self._items}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Take over the factors."""
        self.data, self._users, self._items = data, state["users"], state["items"]
        return self
