"""The interface of all models: fit, score, recommend, embed, save, load."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from followsuit.gnn.dataset import Dataset, Floats, Ints
from followsuit.gnn.ranking import first_items
from followsuit.graph.errors import FollowsuitError
from followsuit.graph.progress import Progress, silent

CELLS = 2**24
"""Scores that are held at a time."""


class WrongModel(FollowsuitError):
    """A saved model that can't be used: of another kind, or of another graph."""


@dataclass(frozen=True)
class Embeddings:
    """A vector for each customer and each item; float32."""

    users: Floats
    items: Floats


@dataclass
class Recommender(ABC):
    """A model of taste; the fields it is made with are its settings, what it learns its state.

    After `fit`, `data` is what it was fitted on.
    """

    name: ClassVar[str]
    random: ClassVar[bool] = False
    """Whether another seed gives another model."""
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {}
    """Settings that are chosen on validation, and the values in their order."""
    data: Dataset = field(init=False, repr=False, compare=False)
    note: str | None = field(init=False, repr=False, compare=False, default=None)
    """What whoever uses the fitted model should know, in one line."""

    @abstractmethod
    def fit(
        self, data: Dataset, validation: sparse.csr_matrix | None = None, *,
        seed: int = 0, progress: Progress = silent,
    ) -> Self:  # fmt: skip
        """Learn from a data set.

        Args:
            data: what is known.
            validation: (n, m) what to watch while training, for models that stop early; they then
                note in their settings where they stopped, so that fitting them again without it
                takes as long.
            seed: of all that is random.
            progress: told of each step.
        """

    @abstractmethod
    def score(self, users: Ints) -> Floats:
        """(users, m) how much each user may like each item, in a new array; higher is better.

        What they took already is scored too. Never NaN.
        """

    def embed(self) -> Embeddings | None:
        """The embeddings, None for a model that has none."""
        return None

    def recommend(
        self, users: Ints, k: int, masked: sparse.csr_matrix | None = None,
        progress: Progress = silent,
    ) -> Ints:  # fmt: skip
        """(users, k) the first items of each user, the best first; -1 where nothing is left.

        A user who took nothing yet, and of whom the model knows nothing either (all scores are 0),
        gets what is popular. Ties go to the smaller code.

        Args:
            users: codes.
            k: how many.
            masked: (n, m) what is not recommended; what the users took where not given.
            progress: told of users.
        """
        barred = self.data.taken if masked is None else masked
        found = np.empty((len(users), k), dtype=np.int64)
        step = max(1, CELLS // max(len(self.data.items), 1))
        with progress(f"recommending ({self.name})", len(users)) as advance:
            for first in range(0, len(users), step):
                some = users[first : first + step]
                scores = self.score(some)
                new = np.flatnonzero(np.diff(self.data.taken.indptr)[some] == 0)
                unknown = new[~scores[new].any(axis=1)]
                scores[unknown] = self.data.popularity
                found[first : first + step] = first_items(scores, barred[some], k)
                advance(len(some))
        return found

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """What was learned, as plain arrays."""

    @abstractmethod
    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Take over what was learned on the same data set."""

    def settings(self) -> dict[str, Any]:
        """What it was made with, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}

    def save(self, folder: Path) -> None:
        """Write `model.json` and `model.npz` (plain arrays, no pickle)."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "model.npz", allow_pickle=False, **self.state())
        note = {"name": self.name, "settings": self.settings(), "graph": fingerprint(self.data)}
        (folder / "model.json").write_text(json.dumps(note, indent=1))

    @classmethod
    def load(cls, folder: Path, data: Dataset) -> Self:
        """Read what `save` wrote.

        Raises:
            WrongModel: it is another kind of model, or was fitted on another graph.
        """
        note = json.loads((folder / "model.json").read_text())
        if note["name"] != cls.name:
            raise WrongModel(f"{folder} holds a model `{note['name']}`, not `{cls.name}`.")
        if note["graph"] != fingerprint(data):
            raise WrongModel(
                f"The model in {folder} was fitted on another graph. Train it on this one."
            )
        with np.load(folder / "model.npz", allow_pickle=False) as arrays:
            return cls(**note["settings"]).restore(dict(arrays), data)


def fingerprint(data: Dataset) -> str:
    """A digest of users, items, interactions and ties: the same for the same graph."""
    import hashlib

    digest = hashlib.sha256()
    for ids in (data.users, data.items):
        digest.update("\0".join(map(str, ids)).encode())
    for matrix in (data.taken, data.friends):
        digest.update(np.asarray(matrix.indptr, dtype=np.int64).tobytes())
        digest.update(np.asarray(matrix.indices, dtype=np.int64).tobytes())
    return digest.hexdigest()
