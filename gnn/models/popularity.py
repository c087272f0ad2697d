"""The simple baselines: popular items, and friends' items."""

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.data.tie_support import alike
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Recommender


class Untrained(Recommender):
    """Base class of models that need no training."""

    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        """Store the data; the other arguments are not used."""
        return self.restore({}, data)

    def state(self) -> dict[str, np.ndarray]:
        """No arrays, since the scores come from the data."""
        return {}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Store the data."""
        self.data = data
        return self


class Popularity(Untrained):
    """The share of users who have seen an item, the same for everybody."""

    name: ClassVar[str] = "popularity"
    interactions_only: ClassVar[bool] = True

    def score(self, users: Ints) -> Floats:
        """(users, m) the items' shares, from 0 to 1."""
        share = self.data.popularity / np.float32(max(len(self.data.users), 1))
        return np.tile(share, (len(users), 1))

    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        """(rows, m) the same shares."""
        return self.score(np.zeros(seen.shape[0], dtype=np.int64))


class FriendsItemsConfig(ModelConfig):
    """Settings of the friends' items."""

    damp: float = Field(default=0.0, ge=0)
    """Exponent by which friends with many seen items count less."""
    likeness: float = Field(default=0.0, ge=0)
    """Extra weight of friends with similar taste."""
    prior: float = Field(default=0.0, ge=0)
    """Weight of popularity, in friends."""


class FriendsItems(Untrained):
    """The weighted share of a user's friends who have seen an item.

    A friend's weight is (1 + `likeness` x cosine of both users' seen items) / seen items^`damp`.
    """

    name: ClassVar[str] = "friends"
    config_class = FriendsItemsConfig
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "damp": (0.0, 0.25, 0.5, 0.75),
        "likeness": (0.0, 5.0, 20.0, 50.0),
    }
    config: FriendsItemsConfig

    def score(self, users: Ints) -> Floats:
        """(users, m) shares; without a prior, 0 for items that no friend has seen."""
        scores: Floats = (self._ties[users] @ self.data.seen).toarray()
        if prior := self.config.prior:
            share = self.data.popularity / np.float32(max(len(self.data.users), 1))
            friends = np.diff(self.data.friends.indptr)[users]
            scores += (prior / (friends + prior)).astype(np.float32)[:, None] * share
        return scores

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Store the data and compute the friends' weights."""
        super().restore(state, data)
        count = np.maximum(np.diff(data.seen.indptr), 1).astype(np.float32)
        friends = data.friends.copy()
        if self.config.likeness:
            friends.data *= 1 + np.float32(self.config.likeness) * alike(data)
        ties = friends @ sparse.diags_array(count**-self.config.damp, format="csr")
        total = np.diff(data.friends.indptr) + self.config.prior
        self._ties = sparse.csr_matrix(
            sparse.diags_array(1 / np.maximum(total, 1), format="csr") @ ties, dtype=np.float32
        )
        return self
