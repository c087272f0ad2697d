"""GF-CF, a graph filter without training (Shen et al. 2021, "How Powerful is Graph Convolution for
Recommendation?", eq. 10): the linear filter of the normalised item graph, plus an ideal low-pass
filter.
"""

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from followsuit.core.progress import Progress, silent
from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Dataset, Floats, Ints, normalised
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Recommender


class GraphFilterConfig(ModelConfig):
    """Settings of GF-CF."""

    rank: int = Field(default=256, ge=1)
    """Number of singular vectors of the low-pass filter."""
    alpha: float = Field(default=0.3, ge=0)
    """Weight of the low-pass filter, relative to the linear filter."""


class GraphFilter(Recommender):
    """Items near the seen items in the graph of users and items."""

    name: ClassVar[str] = "gfcf"
    interactions_only: ClassVar[bool] = True
    config_class = GraphFilterConfig
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "alpha": (0.0, 0.1, 0.3, 0.5, 1.0),
        "rank": (64, 128, 256, 512),
    }
    config: GraphFilterConfig

    @one_thread()
    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        """Compute the leading singular vectors; `validation` and `seed` are not used."""
        r = normalised(data.seen)
        rank = min(self.config.rank, *r.shape)
        vectors = np.zeros((0, r.shape[1]))
        with progress("fitting GF-CF", 1) as advance:
            if rank:
                _, _, vectors = randomized_svd(r, rank, n_iter=4, random_state=0)
            advance(1)
        return self.restore({"vectors": np.ascontiguousarray(vectors.T, dtype=np.float32)}, data)

    def score(self, users: Ints) -> Floats:
        """(users, m) the filtered seen items."""
        return self.score_new(self.data.seen[users])

    @one_thread()
    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        """(rows, m) the filtered seen items."""
        near = seen @ self._r.T
        scores: Floats = np.ascontiguousarray((self._r.T @ near.toarray().T).T)
        if self.config.alpha:
            low = (seen @ (self._root[:, None] ** -1 * self._vectors)) @ self._vectors.T
            low *= np.float32(self.config.alpha) * self._root
            scores += low
        return scores

    def state(self) -> dict[str, np.ndarray]:
        """The items' singular vectors."""
        return {"vectors": self._vectors}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Restore the vectors."""
        self.data, self._vectors = data, state["vectors"]
        self._r = normalised(data.seen)
        self._root = np.sqrt(np.maximum(data.popularity, 1))
        return self
