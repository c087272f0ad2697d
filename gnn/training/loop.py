"""The one training loop of all networks."""

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
"""Validation users whose ranking is watched."""
_ROWS = 500


class OtherCheckpoint(FollowsuitError):
    """A checkpoint that belongs to another graph, other settings or another seed, or is damaged."""


class Diverged(FollowsuitError):
    """A loss that is not a finite number."""


class Network(nn.Module, ABC):
    """A network that the loop trains.

    Attributes:
        examples: codes of the users that an epoch goes through, in any order.
        whole: whether most of a step's cost is its pass over the whole graph, however few its
            examples.
    """

    examples: Ints
    whole: bool = True

    @abstractmethod
    def loss(self, examples: Tensor, batch: Tensor, random: torch.Generator) -> Tensor:
        """The sum over these examples of a batch, the others of which other processes may have.

        Nothing but the sum may depend on which of the batch these are.
        """

    @abstractmethod
    def vectors(self) -> tuple[Tensor, Tensor]:
        """((n, width), (m, width)) the final vectors of users and items, nothing left out."""


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Attributes:
        rate: Adam's.
        batch: examples per step, over all processes.
        epochs: how many, where nothing is watched; otherwise at most.
        patience: epochs without a better ranking after which to stop.
    """

    rate: float
    batch: int
    epochs: int
    patience: int = 5


Validate = Callable[[Network], float]
"""Says how well a network ranks; higher is better."""


def watch(seen: sparse.csr_matrix, validation: sparse.csr_matrix, seed: int = 0) -> Validate | None:
    """NDCG@20 on the validation part of at most `WATCHED` users, always the same; None without any.

    Args:
        seen: (n, m) the interactions, left out of the ranking.
        validation: (n, m) the later interactions.
        seed: the random seed of the sample of users.
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

    What an epoch leads to is the mean of the networks after each of its steps (Izmailov et al.
    2018), which ranks better than the last one; training goes on from the last. With `validate`,
    training stops early and the best epoch's mean is kept. Every random draw follows from the seed
    and the number of the step, so that a run that was killed and goes on from its checkpoint ends
    with the same bytes. Under `torchrun` each process takes its share of every batch, and the first
    one writes the checkpoint.

    Args:
        network: on its device.
        plan: how.
        validate: see `Validate`.
        seed: the random seed.
        progress: a progress callback for epochs; the name shows loss and NDCG.
        checkpoint: a file that is read, where there is one, and replaced after every epoch.
        key: what the checkpoint must have been written for.

    Raises:
        OtherCheckpoint: the file is of another run, or not a checkpoint.
        Diverged: the loss is not finite.
    """
    with joined():
        run = _Run(network, plan, validate)
        if checkpoint is not None and checkpoint.exists():
            run.restore(_read(checkpoint, key))
        wait_for_all()  # else the first one may replace the file before the others read it
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
    """A training under way."""

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
                f"{self.plan.rate}, and see whether the attributes are finite."
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
        """Make `mean` that of this epoch's steps so far."""
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
    """Replace the file in one act, so that a kill leaves the old one or the new one."""
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
            warnings.simplefilter("ignore")  # torch warns of a damaged file as the error does
            state: dict[str, Any] = torch.load(path, map_location=device(), weights_only=True)
        written_for = state["key"]
    except Exception as error:  # torch raises anything on a file of another kind
        raise OtherCheckpoint(f"{path} is not a checkpoint of ours. Remove it.") from error
    if written_for != key:
        raise OtherCheckpoint(
            f"The checkpoint {path} belongs to another graph, other settings or another seed. "
            "Remove it, or train without resuming."
        )
    return state
