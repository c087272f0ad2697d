"""LightGCN (He et al. 2020), with a spectral start and a softmax over all items.

Each step leaves out a random share of the interactions, propagates over the rest, and predicts all
interactions. Otherwise the network would learn to copy the edges that it predicts.
"""

from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import normalize

from followsuit.gnn.data.dataset import Dataset, normalised
from followsuit.gnn.models.neural import Neural, NeuralConfig, on_device
from followsuit.gnn.training.device import device
from followsuit.gnn.training.loop import Network
from followsuit.gnn.training.losses import softmax_loss
from followsuit.gnn.training.propagation import Matrix
from followsuit.gnn.training.spectral import spectral_start


class LightGCNConfig(NeuralConfig):
    """Settings of LightGCN."""

    width: int = Field(default=128, ge=1)
    """Length of a vector."""
    layers: int = Field(default=2, ge=0)
    """Number of propagation layers."""
    temperature: float = Field(default=0.1, gt=0)
    """Divisor of the cosines in the softmax."""
    left_out: float = Field(default=0.1, ge=0, lt=1)
    """Share of the interactions that each step leaves out."""


class LightGCN(Neural):
    """Vectors of users and items, smoothed over their interactions."""

    name: ClassVar[str] = "lightgcn"
    config_class = LightGCNConfig
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {"temperature": (0.1, 0.14, 0.2)}
    config: LightGCNConfig

    def network(self, data: Dataset, seed: int) -> Network:
        """The untrained network."""
        c = self.config
        return BipartiteNetwork(data.seen, c.width, c.layers, c.temperature, c.left_out, seed)


class BipartiteNetwork(Network):
    """LightGCN's network: the mean of the layers."""

    def __init__(
        self,
        seen: sparse.csr_matrix,
        width: int,
        layers: int,
        temperature: float,
        left_out: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.layers, self.temperature, self.left_out = layers, temperature, left_out
        users, items = spectral_start(seen, width, seed)
        self.users = nn.Parameter(on_device(users))
        self.items = nn.Parameter(on_device(items))
        self.seen = Matrix(normalised(seen), device())
        self.by_item = self.seen.turned
        self.pointer = torch.from_numpy(seen.indptr.astype(np.int64))
        # Items that nobody has seen are left out of the softmax, and keep zero vectors. Otherwise
        # they would only be negatives.
        ever = np.bincount(seen.indices, minlength=seen.shape[1]) > 0
        self.ever = on_device(np.flatnonzero(ever))
        self.targets_of = on_device((np.cumsum(ever) - 1)[seen.indices])
        self.examples = np.flatnonzero(np.diff(seen.indptr))
        self.per_user = seen.nnz / max(len(self.examples), 1)

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Unit vectors over the whole graph."""
        return self.propagated(self.seen, self.by_item)

    def propagated(self, seen: Matrix, by_item: Matrix) -> tuple[Tensor, Tensor]:
        """The unit vectors after propagation."""
        of_users, of_items, _ = self.layered(seen, by_item)
        return normalize(of_users, dim=1), normalize(of_items, dim=1)

    def layered(self, seen: Matrix, by_item: Matrix) -> tuple[Tensor, Tensor, Tensor]:
        """The sums of all layers for users and items (eq. 3-5), and the users' first layer."""
        users: Tensor = self.users
        items: Tensor = self.items
        of_users, of_items, first = users, items, users
        for layer in range(self.layers):
            users, items = seen @ items, by_item @ users
            of_users, of_items = of_users + users, of_items + items
            first = users if layer == 0 else first
        return of_users, of_items, first

    def loss(self, examples: Tensor, batch: Tensor, random: torch.Generator) -> Tensor:
        """The loss of predicting the examples' seen items from a part of the graph.

        Args:
            examples: codes of this process's users.
            batch: codes of the batch's users, over all processes.
            random: random generator.
        """
        users, items = self.propagated(*self.thinned(random))
        rows, cells = cells_of(self.pointer, examples)
        loss = softmax_loss(
            users[examples.to(users.device)],
            items[self.ever],
            self.temperature,
            rows.to(users.device),
            self.targets_of[cells.to(users.device)],
            random,
        )
        return loss / self.per_user

    def thinned(self, random: torch.Generator) -> tuple[Matrix, Matrix]:
        """The graph without a random share of the interactions; the other weights rise to match."""
        values = self.seen.values
        kept = torch.rand(len(values), generator=random) >= self.left_out
        thinned = self.seen.with_values(values * kept.to(values.device) / (1 - self.left_out))
        return thinned, thinned.turned_like(self.by_item)


def cells_of(pointer: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """All cells of some rows of a CSR matrix: position in `rows`, and position in its data."""
    count = pointer[rows + 1] - pointer[rows]
    place = torch.repeat_interleave(torch.arange(len(rows)), count)
    offset = pointer[rows] - (count.cumsum(0) - count)
    return place, torch.arange(int(count.sum())) + offset[place]
