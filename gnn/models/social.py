"""A network over interactions and friendships that learns which friends count, and how much.

From DiffNet (Wu et al. 2019) it has the two graphs, from MHCN (Yu et al. 2021) channels with gates,
from GBSR (Yang et al. 2024) ties that are thinned before they are used. Beyond them: how much a
friend weighs is learned from the support of the tie, against a threshold that all friends of a
user may stay beneath; and how much a user hears of each channel is learned from what is known of
them (activity, number of friends, how alike these are), so that it holds for the cold ones too.
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
    """For how many friends the popular items count, for a user without interactions; the best on
    validation, where there is one (what is best for newcomers has been best for all)."""


class Social(LightGCN):
    """LightGCN with friends.

    It learns from users with interactions; others get their friends' items and popular ones.
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
        """Set the prior on validation, then train as all networks do."""
        if validation is not None:
            users = validation_users(validation)
            plain = {prior: FriendsItems(prior=prior).fit(data) for prior in PRIORS}
            ndcg = {prior: validation_ndcg(one, validation, users) for prior, one in plain.items()}
            self.config = self.config.changed(prior=max(PRIORS, key=ndcg.__getitem__))
        return super().train(data, validation, seed=seed, progress=progress, checkpoint=checkpoint)

    def score(self, users: Ints) -> Floats:
        """(users, m) cosines; of users without interactions the shares of `FriendsItems`."""
        scores = super().score(users)
        new = np.flatnonzero(np.diff(self.data.seen.indptr)[users] == 0)
        if len(new):
            scores[new] = self._of_friends.score(users[new])
        return scores

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Take over the vectors and the curve."""
        self._of_friends = FriendsItems(prior=self.config.prior).fit(data)
        return super().restore(state, data)


class SocialNetwork(BipartiteNetwork):
    """The vector of a user is a gated sum of channels: own, items', and the same two of friends."""

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
        """(ties) how much each friend weighs: exp(a' likeness) over 1 + the sum of the row's."""
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
    """(n, 4) of each user, standardised: log activity, log friends, mean and highest likeness."""
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
