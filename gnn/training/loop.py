"""The training loop of all networks."""

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.core.ranking_metrics import hits_of, ndcg, top_n
from followsuit.gnn.data.dataset import Ints
from followsuit.gnn.evaluation.validation import CUTOFF, sample_users
from followsuit.gnn.training.distributed import (
    add_up_gradients,
    added_up,
    joined,
    of_first,
    rank,
    wait_for_all,
    world,
)
from followsuit.gnn.training.learning_curve import Curve

WATCHED = 2_000
"""Largest number of validation users by whose ranking training stops early."""
_ROWS = 500


class OtherCheckpoint(FollowsuitError):
    """A checkpoint is damaged, or belongs to another graph, other settings or another seed."""


class Diverged(FollowsuitError):
    """The loss isn't a finite number."""


class Network(nn.Module, ABC):
    """Base class of networks that the loop trains.

    Attributes:
        examples: codes of the users in an epoch, in any order.
        whole: whether each step passes over the whole graph, whatever its number of examples.
    """

    examples: Ints
    whole: bool = True

    @abstractmethod
    def loss(self, examples: Tensor, batch: Tensor, random: torch.Generator) -> Tensor:
        """The sum of the loss over some examples of a batch; other processes have the others.

        Random draws must not depend on how the batch is shared.

        Args:
            examples: codes of this process's examples.
            batch: codes of the whole batch.
            random: random generator, the same in all processes.
        """

    @abstractmethod
    def vectors(self) -> tuple[Tensor, Tensor]:
        """(n, width) and (m, width) the final vectors of users and items, from the whole graph."""


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Attributes:
        rate: learning rate of Adam.
        batch: examples per step, over all processes.
        epochs: number of epochs; with validation, the largest number.
        patience: training stops after this many epochs without a better ranking.
    """

    rate: float
    batch: int
    epochs: int
    patience: int = 5


Validate = Callable[[Network], float]
"""A function that rates a network's ranking; higher is better."""


def watch(seen: sparse.csr_matrix, validation: sparse.csr_matrix, seed: int = 0) -> Validate | None:
    """Make a function that computes NDCG@20 on validation, over a fixed sample of users.

    Args:
        seen: (n, m) CSR, interactions to leave out of the ranking.
        validation: (n, m) CSR, the validation interactions.
        seed: random seed of the sample of at most `WATCHED` users.

    Returns:
        The function; None if no user has validation interactions.
    """
    users = sample_users(validation, WATCHED, seed)
    if not len(users):
        return None
    relevant = np.diff(validation.indptr)[users]

    def validate(network: Network) -> float:
        with torch.no_grad():
            of_users, of_items = network.vectors()
            lists = []
            for first in range(0, len(users), _ROWS):
                some = users[first : first + _ROWS]
                rows = torch.from_numpy(some).to(of_users.device)
                scores = (of_users[rows] @ of_items.T).cpu().numpy()
                lists.append(top_n(scores, CUTOFF, seen[some]))
        hits = hits_of(np.concatenate(lists), validation, users)
        return float(ndcg(hits, relevant, CUTOFF).mean())

    return validate


def train(
    network: Network,
    plan: Plan,
    validate: Validate | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
    checkpoint: Path | None = None,
    key: str = "",
) -> Curve:
    """Train a network in place by Adam (Kingma and Ba 2015).

    The result of an epoch is the mean of the weights after each of its steps (Izmailov et al.
    2018), which ranks better than the last weights. The next epoch starts from the last weights.
    With `validate`, training stops early and keeps the best epoch's mean.

    Every random draw depends only on the seed, the epoch and the step. So a training that was
    killed and continues from its checkpoint ends with the same bytes. Under `torchrun`, each
    process takes its share of every batch, and the first one writes the checkpoint.

    Args:
        network: the network, on its device.
        plan: the training plan.
        validate: rates the network after each epoch; None to train without validation.
        seed: random seed.
        progress: progress callback, in epochs; its name shows loss and NDCG.
        checkpoint: file to continue from, if it exists, and to replace after every epoch.
        key: key that the checkpoint must have.

    Raises:
        OtherCheckpoint: the file has another key, or isn't a checkpoint.
        Diverged: the loss isn't finite.
    """
    with joined():
        run = _Run(network, plan, validate)
        if checkpoint is not None and checkpoint.exists():
            run.restore(_read(checkpoint, key))
        wait_for_all()  # Otherwise the first process may replace the file before others read it.
        with progress(f"training{run.shown()}", plan.epochs) as advance:
            advance(run.done)
        while not run.finished:
            with progress(f"epoch {run.done + 1}{run.shown()}", len(network.examples)) as advance:
                run.epoch(seed, advance)
            if checkpoint is not None and rank() == 0:
                _write(checkpoint, {**run.state(), "key": key})
        run.keep_best()
    return run.curve


class _Run:
    """The state of a training."""

    def __init__(self, network: Network, plan: Plan, validate: Validate | None) -> None:
        self.network, self.plan, self.validate = network, plan, validate
        self.adam = torch.optim.Adam(network.parameters(), lr=plan.rate, fused=True)
        self.curve = Curve()
        self.mean = self._weights()
        self.best = self._weights()

    @property
    def done(self) -> int:
        return len(self.curve.loss)

    @property
    def finished(self) -> bool:
        fruitless = self.done - self.curve.best
        waited = self.validate is not None and fruitless >= self.plan.patience
        return waited or self.done >= self.plan.epochs or not len(self.network.examples)

    def shown(self) -> str:
        loss = f", loss {self.curve.loss[-1]:.4f}" if self.curve.loss else ""
        return loss + (f", NDCG@20 {self.curve.ndcg[-1]:.4f}" if self.curve.ndcg else "")

    def epoch(self, seed: int, advance: Callable[[int], None]) -> None:
        examples = self.network.examples
        order = np.random.default_rng((seed, self.done)).permutation(examples)
        steps = max(1, round(len(order) / self.plan.batch))
        total = 0.0
        for step, batch in enumerate(np.array_split(order, steps)):
            random = torch.Generator().manual_seed(_mixed(seed, self.done, step))
            total += self._step(batch, random)
            self._average(step)
            advance(len(batch))
        self.curve.loss.append(total / len(examples))
        self._validate()

    def _step(self, batch: Ints, random: torch.Generator) -> float:
        examples = torch.from_numpy(batch)
        loss = self.network.loss(examples[rank() :: world()], examples, random)
        self.adam.zero_grad()
        (loss / len(batch)).backward()  # type: ignore[no-untyped-call]
        add_up_gradients(self.network.parameters())
        self.adam.step()
        total = float(added_up(loss.detach().clone()))
        if not np.isfinite(total):
            raise Diverged(
                f"The loss of epoch {self.done + 1} is {total}. Choose a smaller rate than "
                f"{self.plan.rate}, and check that the attributes are finite."
            )
        return total

    def _validate(self) -> None:
        if self.validate is None:
            self.curve.best = self.done
            return
        last = self._weights()
        self.network.load_state_dict(self.mean)
        validate, network = self.validate, self.network
        quality = of_first(lambda: validate(network))
        self.network.load_state_dict(last)
        if quality > max(self.curve.ndcg, default=-1.0):
            self.curve.best = self.done
            self.best = {name: value.clone() for name, value in self.mean.items()}
        self.curve.ndcg.append(quality)

    def keep_best(self) -> None:
        self.network.load_state_dict(self.best if self.validate is not None else self.mean)

    def _average(self, step: int) -> None:
        """Update `mean` with the weights after this step of the epoch."""
        for name, value in self.network.state_dict().items():
            self.mean[name].lerp_(value, 1 / (step + 1))

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "adam": self.adam.state_dict(),
            "best": self.best if self.validate is not None else {},
            "mean": self.mean,
            "curve": vars(self.curve),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.adam.load_state_dict(state["adam"])
        self.mean, self.best = state["mean"], state["best"] or self.best
        self.curve = Curve(**state["curve"])


def _mixed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def _write(path: Path, state: dict[str, Any]) -> None:
    """Replace the file atomically, so that a kill leaves the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    with draft.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path, key: str) -> dict[str, Any]:
    from followsuit.gnn.training.device import device

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Torch also raises an error on a damaged file.
            state: dict[str, Any] = torch.load(path, map_location=device(), weights_only=True)
        written_for = state["key"]
    except Exception as error:  # Torch may raise any exception on another kind of file.
        raise OtherCheckpoint(f"{path} isn't a checkpoint of followsuit. Remove it.") from error
    if written_for != key:
        raise OtherCheckpoint(
            f"The checkpoint {path} belongs to another graph, other settings or another seed. "
            "Remove it, or train without resuming."
        )
    return state
