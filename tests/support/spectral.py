"""The smallest model with embeddings: singular vectors of the seen items."""

from typing import ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Embeddings, Recommender


class SpectralConfig(ModelConfig):
    width: int = 8


class Spectral(Recommender):
    name: ClassVar[str] = "spectral"
    config_class = SpectralConfig
    config: SpectralConfig

    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        left, values, right = randomized_svd(data.seen, self.config.width, random_state=seed)
        root = np.sqrt(values)
        state = {"users": left * root, "items": right.T * root}
        return self.restore({k: v.astype(np.float32) for k, v in state.items()}, data)

    def score(self, users: Ints) -> Floats:
        scores: Floats = self._users[users] @ self._items.T
        return scores

    def embed(self) -> Embeddings | None:
        return Embeddings(self._users, self._items)

    def state(self) -> dict[str, np.ndarray]:
        return {"users": self._users, "items": self._items}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        self.data, self._users, self._items = data, state["users"], state["items"]
        return self


class Popular(Spectral):
    """A model without embeddings."""

    name: ClassVar[str] = "popular"

    def embed(self) -> Embeddings | None:
        return None
