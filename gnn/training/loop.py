"""The one training loop of all networks."""

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
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

WATCHED = 2_000
"""Validation users whose ranking is watched."""
_ROWS = 500


class OtherCheckpoint(FollowsuitError):
    """A checkpoint that belongs to another graph, other settings or another seed, or is damaged."""


class Diverged(FollowsuitError):
    """A loss that is not a finite number."""


class Network(nn.Module, ABC):
    """What the loop trains.

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


@dataclass
class Curve:
    """What was seen while training, an entry for each epoch; `ndcg` is empty where none watched.

    Attributes:
        loss: mean over the examples.
        ndcg: NDCG@20 of the watched users.
        best: the epochs (from 1) after which the network was kept; 0 for the start.
    """

    loss: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    best: int = 0


Judge = Callable[[Network], float]


def watch(taken: sparse.csr_matrix, validation: sparse.csr_matrix, seed: int = 0) -> Judge | None:
    """NDCG@20 on the validation part of at most `WATCHED` users, always the same; None without any.

    Args:
        taken: (n, m) what is known, left out of the ranking.
        validation: (n, m) what is to be found.
        seed: of the choice of users.
    """
    users = sample_users(validation, WATCHED, seed)
    if not len(users):
        return None
    wanted = np.diff(validation.indptr)[users]

    def judge(network: Network) -> float:
        with torch.no_grad():
            of_users, of_items = network.vectors()
            found = []
            for first in range(0, len(users), _ROWS):
                some = users[first : first + _ROWS]
                chosen = torch.from_numpy(some).to(of_users.device)
                scores = (of_users[chosen] @ of_items.T).cpu().numpy()
                found.append(top_n(scores, CUTOFF, taken[some]))
        hits = hits_of(np.concatenate(found), validation, users)
        return float(ndcg(hits, wanted, CUTOFF).mean())

    return judge


def train(
    network: Network, plan: Plan, judge: Judge | None = None, *,
    seed: int = 0, progress: Progress = silent, checkpoint: Path | None = None, key: str = "",
) -> Curve:  # fmt: skip
    """Train a network in place by Adam (Kingma and Ba 2015).

    What an epoch leads to is the mean of the networks after each of its steps (Izmailov et al.
    2018), which ranks better than the last one; training goes on from the last. With a judge,
    training stops early and the best epoch's mean is kept. All that is random follows from the
    seed and the number of the step, so that a run that was killed and goes on from its checkpoint
    ends with the same bytes. Under `torchrun` each process takes its share of every batch, and the
    first one writes the checkpoint.

    Args:
        network: on its device.
        plan: how.
        judge: how good it is; higher is better.
        seed: of the order of examples and of what the network draws.
        progress: told of epochs; its name shows loss and NDCG.
        checkpoint: a file that is read, where there is one, and replaced after every epoch.
        key: what the checkpoint must have been written for.

    Raises:
        OtherCheckpoint: the file is of another run, or not a checkpoint.
        Diverged: the loss is not finite.
    """
    with joined():
        run = _Run(network, plan, judge)
        if checkpoint is not None and checkpoint.exists():
            run.restore(_read(checkpoint, key))
        wait_for_all()  # the first one may replace or remove what the others have still to read
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

    def __init__(self, network: Network, plan: Plan, judge: Judge | None) -> None:
        self.network, self.plan, self.judge = network, plan, judge
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
        waited = self.judge is not None and fruitless >= self.plan.patience
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
        self._judged()

    def _step(self, batch: Ints, random: torch.Generator) -> float:
        examples = torch.from_numpy(batch)
        loss = self.network.loss(examples[rank() :: world()], examples, random)
        self.adam.zero_grad()
        (loss / len(batch)).backward()  # type: ignore[no-untyped-call]
        add_up_gradients(self.network.parameters())
        self.adam.step()
        found = float(added_up(loss.detach().clone()))
        if not np.isfinite(found):
            raise Diverged(
                f"The loss of epoch {self.done + 1} is {found}. Choose a smaller rate than "
                f"{self.plan.rate}, and see whether the attributes are finite."
            )
        return found

    def _judged(self) -> None:
        if self.judge is None:
            self.curve.best = self.done
            return
        last = self._weights()
        self.network.load_state_dict(self.mean)
        judge, network = self.judge, self.network
        found = of_first(lambda: judge(network))
        self.network.load_state_dict(last)
        if found > max(self.curve.ndcg, default=-1.0):
            self.curve.best = self.done
            self.best = {name: value.clone() for name, value in self.mean.items()}
        self.curve.ndcg.append(found)

    def keep_best(self) -> None:
        self.network.load_state_dict(self.best if self.judge is not None else self.mean)

    def _average(self, step: int) -> None:
        """Make `mean` that of this epoch's steps so far."""
        for name, value in self.network.state_dict().items():
            self.mean[name].lerp_(value, 1 / (step + 1))

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(), "adam": self.adam.state_dict(),
            "best": self.best if self.judge is not None else {}, "mean": self.mean,
            "curve": vars(self.curve),
        }  # fmt: skip

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
            warnings.simplefilter("ignore")  # torch tells of a damaged file what the error says
            state: dict[str, Any] = torch.load(path, map_location=device(), weights_only=True)
        found = state["key"]
    except Exception as error:  # whatever torch makes of a file that is none of its own
        raise OtherCheckpoint(f"{path} is not a checkpoint of ours. Remove it.") from error
    if found != key:
        raise OtherCheckpoint(
            f"The checkpoint {path} belongs to another graph, other settings or another seed. "
            "Remove it, or train without resuming."
        )
    return state
