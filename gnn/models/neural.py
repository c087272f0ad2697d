"""Base class of all networks: training, cosine scores, vectors, saving."""

import hashlib
import json
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from scipy import sparse

from followsuit.core.progress import Progress, silent
from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Embeddings, Trainable, fingerprint
from followsuit.gnn.training.device import device
from followsuit.gnn.training.learning_curve import Curve
from followsuit.gnn.training.loop import Network, Plan, train, watch

_CURVE = ("curve_loss", "curve_ndcg", "curve_best")
_FEWEST, _MOST = 8, 24
"""Fewest and most steps of an epoch, if each step passes over the whole graph."""
_FEW = 32


class NeuralConfig(ModelConfig):
    """Settings of how a network is trained."""

    rate: float = Field(default=0.02, gt=0)
    """Learning rate of Adam."""
    batch: int = Field(default=1024, ge=1)
    """Users per step. It is lowered so that an epoch has at least 8 steps, and raised so that an
    epoch passes over the whole graph at most 24 times."""
    epochs: int = Field(default=12, ge=1)
    """Epochs without validation; training with validation sets it to the best epoch."""
    longest: int = Field(default=60, ge=1)
    """Largest number of epochs with validation."""
    patience: int = Field(default=4, ge=1)
    """Training stops after this many epochs without a better NDCG@20."""


class Neural(Trainable):
    """A network. The score is the cosine of the user's and the item's final vectors, in [-1, 1]."""

    random: ClassVar[bool] = True
    config: NeuralConfig

    @abstractmethod
    def network(self, data: Dataset, seed: int) -> Network:
        """The untrained network."""

    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        """Train; arguments and errors as in `train`."""
        return self.train(data, validation, seed=seed, progress=progress)

    @one_thread()
    def train(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
        checkpoint: Path | None = None,
    ) -> Self:
        """Train, or continue from a checkpoint.

        Args:
            data: the data to fit on.
            validation: (n, m) CSR, later interactions, to stop early by NDCG@20; sets `epochs`.
            seed: random seed.
            progress: progress callback, in epochs.
            checkpoint: file for the state of the training; None to keep none.

        Raises:
            OtherCheckpoint: the file belongs to another graph, other settings or another seed.
            Diverged: the loss isn't finite.
        """
        validate = None if validation is None else watch(data.seen, validation)
        network = self.network(data, seed)
        plan = self.plan(network, self.config.epochs if validate is None else self.config.longest)
        key = self._key(data, validation, seed) if checkpoint is not None else ""
        curve = train(
            network, plan, validate, seed=seed, progress=progress, checkpoint=checkpoint, key=key
        )
        if validate is not None:
            self.config = self.config.changed(epochs=max(1, curve.best))
        with torch.no_grad():
            users, items = network.vectors()
        state = {"users": users.cpu().numpy(), "items": items.cpu().numpy()}
        return self.restore(state | _arrays(curve), data)

    def plan(self, network: Network, epochs: int) -> Plan:
        """The training plan: batch size, number of epochs and so on."""
        examples = len(network.examples)
        batch = min(self.config.batch, max(_FEW, examples // _FEWEST))
        if network.whole:
            batch = max(batch, -(-examples // _MOST))
        return Plan(self.config.rate, batch, epochs, self.config.patience)

    def _key(self, data: Dataset, validation: sparse.csr_matrix | None, seed: int) -> str:
        """The key of a checkpoint: a digest of settings, seed, data and validation."""
        settings = self.settings()
        if validation is not None:
            settings.pop("epochs")
        watched = None if validation is None else fingerprint(data.with_seen(validation))
        whole = json.dumps([self.name, settings, seed, fingerprint(data), watched])
        return hashlib.sha256(whole.encode()).hexdigest()

    @one_thread()
    def score(self, users: Ints) -> Floats:
        """(users, m) cosines; 0 if nothing is known of the user or the item."""
        scores: Floats = self._vectors.users[users] @ self._vectors.items.T
        return scores

    def embed(self) -> Embeddings:
        """(n, width) and (m, width) unit vectors, or 0 if nothing is known."""
        return self._vectors

    def state(self) -> dict[str, np.ndarray]:
        """The final vectors and the learning curve."""
        vectors = {"users": self._vectors.users, "items": self._vectors.items}
        return vectors | _arrays(self.curve)

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Restore the vectors and the curve."""
        self._vectors = Embeddings(state["users"], state["items"])
        loss, ndcg, best = (state[name] for name in _CURVE)
        self.curve = Curve(loss.tolist(), ndcg.tolist(), int(best))
        self.data = data
        return self


def _arrays(curve: Curve) -> dict[str, np.ndarray]:
    values = (curve.loss, curve.ndcg, curve.best)
    return {name: np.asarray(value) for name, value in zip(_CURVE, values, strict=True)}


def on_device(array: np.ndarray) -> torch.Tensor:
    """The array as a tensor on this process's device."""
    return torch.from_numpy(array).to(device())
