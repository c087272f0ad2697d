"""iALS, matrix factorisation of implicit feedback (Hu et al. 2008, eq. 3), by `implicit`."""

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from followsuit.core.progress import Progress, silent
from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Embeddings, Recommender


class IalsConfig(ModelConfig):
    """Settings of iALS."""

    factors: int = Field(default=128, ge=1)
    """Length of a vector."""
    alpha: float = Field(default=5.0, gt=0)
    """Confidence in a seen item, relative to an unseen one."""
    l2: float = Field(default=0.1, gt=0)
    """Ridge, as a share of alpha times the largest singular value of the interactions. With a share
    of 1 or more, all vectors are 0."""
    rounds: int = Field(default=12, ge=1)
    """Iterations of alternating least squares."""


class Ials(Recommender):
    """Vectors of users and items whose products approximate 1 for seen items and 0 for others."""

    name: ClassVar[str] = "ials"
    interactions_only: ClassVar[bool] = True
    random: ClassVar[bool] = True
    config_class = IalsConfig
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "l2": (0.02, 0.035, 0.05, 0.07, 0.1, 0.14, 0.2),
        "alpha": (2.0, 5.0, 10.0, 20.0, 40.0, 80.0),
    }
    config: IalsConfig

    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        """Fit by alternating least squares; `validation` is not used."""
        from implicit.cpu.als import AlternatingLeastSquares

        with progress("fitting iALS", self.config.rounds) as advance, one_thread():
            model = AlternatingLeastSquares(
                factors=self.config.factors,
                regularization=self._ridge(data),
                alpha=self.config.alpha,
                iterations=self.config.rounds,
                random_state=seed,
            )
            model.fit(data.seen, show_progress=False, callback=lambda *_: advance(1))
        state = {"users": model.user_factors.copy(), "items": model.item_factors.copy()}
        # Clear the random vectors of users and items without interactions.
        state["users"][np.diff(data.seen.indptr) == 0] = 0
        state["items"][data.popularity == 0] = 0
        return self.restore(state, data)

    @one_thread()
    def _ridge(self, data: Dataset) -> float:
        if not data.seen.nnz:
            return 1.0
        _, values, _ = randomized_svd(data.seen, 1, n_iter=4, random_state=0)
        return float(self.config.l2 * self.config.alpha * values[0])

    @one_thread()
    def score(self, users: Ints) -> Floats:
        """(users, m) scores, about 0 to 1."""
        scores: Floats = self._users[users] @ self._items.T
        return scores

    def embed(self) -> Embeddings:
        """The factors."""
        return Embeddings(self._users, self._items)

    def state(self) -> dict[str, np.ndarray]:
        """The factors."""
        return {"users": self._users, "items": self._items}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Restore the factors."""
        self.data, self._users, self._items = data, state["users"], state["items"]
        return self
