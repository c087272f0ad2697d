"""A network for customers and products without interactions: it uses friends and attributes."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from scipy import sparse

from followsuit.core.progress import Progress, silent
from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Attributes, Dataset, Floats
from followsuit.gnn.data.sampler import ALL
from followsuit.gnn.models.hetero_network import NOISE, HeteroNetwork, Shape, Start
from followsuit.gnn.models.neural import Neural, NeuralConfig
from followsuit.gnn.models.recommender import Embeddings
from followsuit.gnn.training.spectral import spectral_start

_LEARNED = "network."
"""Prefix of the network's arrays in a saved model."""


class HeteroConfig(NeuralConfig):
    """Settings of the heterogeneous network."""

    epochs: int = Field(default=8, ge=1)
    """Epochs without validation; training with validation sets it to the best epoch."""
    width: int = Field(default=64, ge=1)
    """Length of a vector."""
    layers: int = Field(default=2, ge=0)
    """Number of message passing layers."""
    temperature: float = Field(default=0.1, gt=0)
    """Divisor of the cosines in the softmax."""
    cold_users: float = Field(default=0.3, ge=0, lt=1)
    """Share of users whose interactions and vector each step hides."""
    cold_items: float = Field(default=0.1, ge=0, lt=1)
    """Share of items whose interactions and vector each step hides."""
    left_out: float = Field(default=0.2, ge=0, lt=1)
    """Share of the other interactions that each step hides."""
    fanout: int = Field(default=10, ge=ALL)
    """Edges drawn per node, layer and relation if the graph is sampled; -1 for all."""
    memory: int = Field(default=4 * 2**30, ge=0)
    """Largest memory of a step over the whole graph, in bytes; above, the graph is sampled."""


class Hetero(Neural):
    """Vectors from interactions, friends and attributes, as far as known.

    The score is 0 if nothing is known of the customer or of the item.
    """

    name: ClassVar[str] = "hetero"
    config_class = HeteroConfig
    config: HeteroConfig

    def network(self, data: Dataset, seed: int) -> HeteroNetwork:
        """The untrained network."""
        users, items = spectral_start(data.seen, self.config.width, seed)
        random = np.random.default_rng(seed)
        start = Start(
            users,
            items,
            self._values(random, data.user_attributes, np.diff(data.seen.indptr) > 0),
            self._values(random, data.item_attributes, data.popularity > 0),
        )
        self._network = self._built(data, start, seed)
        return self._network

    @one_thread()
    def place(self, data: Dataset) -> Embeddings:
        """Vectors for another data set, which may have new customers and products.

        Users, items and attribute values are matched by ids and names. The vectors of new ones come
        from their interactions, friends and attributes.

        Args:
            data: the current data.

        Returns:
            (n, width) and (m, width) unit vectors, or 0 if nothing is known.
        """
        old, learned = self.data, self._learned
        start = Start(
            _matched(data.users, old.users, learned["users"]),
            _matched(data.items, old.items, learned["items"]),
            _matched(
                _names(data.user_attributes), _names(old.user_attributes), learned["user_values"]
            ),
            _matched(
                _names(data.item_attributes), _names(old.item_attributes), learned["item_values"]
            ),
        )
        network = self._built(data, start, 0)
        with torch.no_grad():
            network.gates.copy_(torch.from_numpy(learned["gates"]))
            network.usual.copy_(torch.from_numpy(learned["usual"]))
            users, items = network.vectors()
        return Embeddings(users.cpu().numpy(), items.cpu().numpy())

    def train(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
        checkpoint: Path | None = None,
    ) -> Self:
        """Train; arguments and errors as in `Neural.train`."""
        super().train(data, validation, seed=seed, progress=progress, checkpoint=checkpoint)
        trained = self._network.named_parameters()
        self._learned = {n: p.detach().cpu().numpy() for n, p in trained}
        del self._network
        return self

    def state(self) -> dict[str, np.ndarray]:
        """The final vectors, and the arrays that `place` needs."""
        return super().state() | {_LEARNED + n: value for n, value in self._learned.items()}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Restore the vectors and the network."""
        own = {n.removeprefix(_LEARNED): v for n, v in state.items() if n.startswith(_LEARNED)}
        self._learned = own
        return super().restore(state, data)

    def _built(self, data: Dataset, start: Start, seed: int) -> HeteroNetwork:
        c = self.config
        shape = Shape(
            c.layers,
            c.temperature,
            c.cold_users,
            c.cold_items,
            c.left_out,
            c.fanout,
            sampled=self.needed(data) > c.memory,
        )
        return HeteroNetwork(data, start, shape, seed)

    def needed(self, data: Dataset) -> int:
        """Approximate memory of a step over the whole graph, in bytes."""
        nodes = len(data.users) + len(data.items)
        vectors = (8 * self.config.layers + 10) * self.config.width * nodes
        return 4 * vectors + 64 * (data.seen.nnz + data.friends.nnz)

    def _values(
        self, random: np.random.Generator, known: Attributes | None, active: np.ndarray
    ) -> Floats:
        """Initial vectors of attribute values; 0 for values that no active row has."""
        if known is None:
            return np.zeros((0, self.config.width), dtype=np.float32)
        vectors = random.normal(0, NOISE, (len(known.names), self.config.width)).astype(np.float32)
        vectors[known.matrix[active].getnnz(axis=0) == 0] = 0
        return vectors


def _names(known: Attributes | None) -> np.ndarray:
    return np.array([] if known is None else known.names, dtype=object)


def _matched(ids: np.ndarray, old: np.ndarray, vectors: Floats) -> Floats:
    """The old vectors of known ids, and 0 for new ones."""
    code = pd.Index(old).get_indexer(pd.Index(ids))
    matched = np.zeros((len(ids), vectors.shape[1]), dtype=np.float32)
    matched[code >= 0] = vectors[code[code >= 0]]
    return matched
