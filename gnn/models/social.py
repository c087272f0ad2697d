"""A network over interactions and friendships that learns which friends count, and how much.

It combines the two graphs of DiffNet (Wu et al. 2019), the gated channels of MHCN (Yu et al. 2021)
and the denoised friendships of GBSR (Yang et al. 2024). In addition, a friend's weight is learned
from the support of the friendship, relative to a threshold that may exclude all of a user's
friends. And a user's gates are learned from the user's activity, number of friends and similarity
to them, so that they apply to users with few interactions too.
"""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import normalize

from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.data.tie_support import Ties, supported
from followsuit.gnn.evaluation.validation import validation_ndcg, validation_users
from followsuit.gnn.models.lightgcn import BipartiteNetwork, LightGCN, LightGCNConfig
from followsuit.gnn.models.neural import on_device
from followsuit.gnn.models.popularity import FriendsItems
from followsuit.gnn.training.device import device
from followsuit.gnn.training.loop import Network
from followsuit.gnn.training.propagation import Matrix

PRIORS = (3.0, 10.0, 30.0, 100.0)


class SocialConfig(LightGCNConfig):
    """Settings of LightGCN with friends."""

    prior: float = Field(default=10.0, gt=0)
    """Weight of popularity, in friends, for users without interactions. Training with validation
    sets it to the best one over all users (which has been the best for newcomers too)."""


class Social(LightGCN):
    """LightGCN with friends.

    It learns from users with interactions. Others get their friends' items and popular ones.
    """

    name: ClassVar[str] = "social"
    config_class = SocialConfig
    config: SocialConfig

    def network(self, data: Dataset, seed: int) -> Network:
        """The untrained network."""
        c = self.config
        return SocialNetwork(data, c.width, c.layers, c.temperature, c.left_out, seed)

    def train(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
        checkpoint: Path | None = None,
    ) -> Self:
        """Set the prior on validation, then train; arguments and errors as in `Neural.train`."""
        if validation is not None:
            users = validation_users(validation)
            plain = {prior: FriendsItems(prior=prior).fit(data) for prior in PRIORS}
            ndcg = {prior: validation_ndcg(one, validation, users) for prior, one in plain.items()}
            self.config = self.config.changed(prior=max(PRIORS, key=ndcg.__getitem__))
        return super().train(data, validation, seed=seed, progress=progress, checkpoint=checkpoint)

    def score(self, users: Ints) -> Floats:
        """(users, m) cosines; for users without interactions, the shares of `FriendsItems`."""
        scores = super().score(users)
        new = np.flatnonzero(np.diff(self.data.seen.indptr)[users] == 0)
        if len(new):
            scores[new] = self._of_friends.score(users[new])
        return scores

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Restore the vectors and the curve."""
        self._of_friends = FriendsItems(prior=self.config.prior).fit(data)
        return super().restore(state, data)


class SocialNetwork(BipartiteNetwork):
    """A user's vector is a gated sum: own and first-layer vectors, and the friends' same two."""

    def __init__(
        self, data: Dataset, width: int, layers: int, temperature: float, left_out: float, seed: int
    ) -> None:
        super().__init__(data.seen, width, layers, temperature, left_out, seed)
        ties = supported(data, seed)
        self.ties = Matrix(ties.friends, device())
        self.likeness = on_device(ties.likeness)
        self.known = on_device(known_of(data, ties))
        self.listen = nn.Parameter(torch.tensor([2.0, 2.0, 2.0], device=device()))
        self.threshold = nn.Parameter(torch.zeros((), device=device()))
        self.gates = nn.Linear(self.known.shape[1], 2, device=device())
        nn.init.zeros_(self.gates.weight)
        nn.init.constant_(self.gates.bias, -1.0)

    def weights(self) -> Tensor:
        """(friendships) weight of each friend: exp(a' likeness) / (1 + sum over the user's)."""
        strength = (self.likeness @ self.listen - self.threshold).clamp(-20, 20).exp()
        total = torch.ones(self.ties.shape[0], device=strength.device)
        total = total.index_add(0, self.ties.rows, strength)
        return strength / total[self.ties.rows]

    def propagated(self, seen: Matrix, by_item: Matrix) -> tuple[Tensor, Tensor]:
        """The unit vectors after propagation over both graphs."""
        of_users, of_items, first = self.layered(seen, by_item)
        ties = self.ties.with_values(self.weights())
        gates = self.gates(self.known).clamp(-10, 10).exp()
        heard = ties @ torch.cat([of_users, first], dim=1)
        width = of_users.shape[1]
        of_users = of_users + gates[:, :1] * heard[:, :width] + gates[:, 1:] * heard[:, width:]
        return normalize(of_users, dim=1), normalize(of_items, dim=1)


def known_of(data: Dataset, ties: Ties) -> Floats:
    """(n, 4) standardised log activity, log friends, mean and highest likeness of each user."""
    n = len(data.users)
    if n == 0:
        return np.zeros((0, 4), dtype=np.float32)
    count = np.diff(ties.friends.indptr)
    rows = np.repeat(np.arange(n), count)
    mean = np.bincount(rows, ties.likeness[:, 0], minlength=n) / np.maximum(count, 1)
    highest = np.zeros(n)
    np.maximum.at(highest, rows, ties.likeness[:, 0])
    activity = np.log1p(np.diff(data.seen.indptr))
    columns = np.stack([activity, np.log1p(count), mean, highest], axis=1)
    spread = np.maximum(columns.std(axis=0), 1e-6)
    standard: Floats = ((columns - columns.mean(axis=0)) / spread).astype(np.float32)
    return standard
