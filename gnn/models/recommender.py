"""The interface of all models: fit, score, recommend, embed, save, load."""

import hashlib
import json
import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy import sparse

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.core.ranking_metrics import top_n
from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.models.model_config import ModelConfig, WrongSettings

if TYPE_CHECKING:
    from followsuit.gnn.training.learning_curve import Curve

CELLS = 2**24
"""Scores that are held at a time."""
_GLANCE = 64
"""Scores of a user of which one is nearly always other than 0, where any is."""
_OPEN = np.float32(1e-5)
"""Scores that differ by less than this share of the highest are equal."""


class WrongModel(FollowsuitError):
    """A saved model that can't be used: of another kind or graph, missing, or damaged."""


@dataclass(frozen=True)
class Embeddings:
    """A vector for each customer and each item; float32."""

    users: Floats
    items: Floats


class Recommender(ABC):
    """A model of taste: a config that is given, and a state that is learned.

    A model of your own names its `config_class`, and defines `fit`, `score`, `state` and `restore`;
    `followsuit.testing.model_contract` checks it.

    Args:
        config: the settings; the defaults of `config_class` where not given.
        settings: single settings by name; they go before those of `config`.

    Raises:
        WrongSettings: the model has no such setting, or can't take the value.

    Attributes:
        data: what the model was fitted on, after `fit`.
        note: what users of the fitted model should know, in one line.
    """

    name: ClassVar[str]
    """By which the registry finds the class: `module:Class` unless the class is in `MODELS`."""
    random: ClassVar[bool] = False
    """Whether another random seed gives another model."""
    config_class: ClassVar[type[ModelConfig]] = ModelConfig
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {}
    """Settings that are searched on validation, and the values in their order."""

    data: Dataset

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" not in vars(cls):
            cls.name = f"{cls.__module__}:{cls.__qualname__}"

    def __init__(self, config: ModelConfig | None = None, **settings: Any) -> None:
        given = {} if config is None else dict(config)
        self.config = self.config_class(**{**given, **settings})
        self.note: str | None = None

    def unfitted(self, **settings: Any) -> Self:
        """The same model before `fit`, with other values for these settings."""
        return type(self)(self.config, **settings)

    @abstractmethod
    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        """Learn from a data set.

        Args:
            data: what is known.
            validation: (n, m) later interactions, for models that stop early or search settings;
                they keep in their config where they stopped, so that the next fit without it takes
                as long.
            seed: the random seed.
            progress: a progress callback.
        """

    @abstractmethod
    def score(self, users: Ints) -> Floats:
        """(users, m) how much each user may like each item, in a new array; higher is better.

        Seen items are scored too. Never NaN.
        """

    def score_pairs(self, users: Ints, items: Ints) -> Floats:
        """(pairs,) the score of each user for one item.

        Args:
            users: (pairs,) codes.
            items: (pairs,) codes.
        """
        scores = np.empty(len(users), dtype=np.float32)
        wanted, position = np.unique(users, return_inverse=True)
        step = max(1, CELLS // max(len(self.data.items), 1))
        for first in range(0, len(wanted), step):
            here = np.flatnonzero((position >= first) & (position < first + step))
            block = self.score(wanted[first : first + step])
            scores[here] = block[position[here] - first, items[here]]
        return scores

    @one_thread()
    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        """(rows, m) the same for people the model was not fitted on, from their seen items.

        Here from the vectors of the seen items, each weighted by popularity^-1/2 as in a step of
        propagation (He et al. 2020, eq. 3); 0 for a model without vectors.

        Args:
            seen: (rows, m) CSR, nonzero for each interaction.
        """
        learned = self.embed()
        if learned is None:
            return np.zeros(seen.shape, dtype=np.float32)
        weight = sparse.diags_array(np.maximum(self.data.popularity, 1) ** -0.5, format="csr")
        vectors = np.asarray(seen.astype(np.float32) @ (weight @ learned.items))
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        scores: Floats = (vectors / np.maximum(length, 1e-12)) @ learned.items.T
        return scores.astype(np.float32)

    def embed(self) -> Embeddings | None:
        """The embeddings, None for a model that has none."""
        return None

    def recommend(
        self,
        users: Ints,
        k: int,
        masked: sparse.csr_matrix | None = None,
        progress: Progress = silent,
    ) -> Ints:
        """(users, k) the top items of each user, the best first; -1 where nothing is left.

        A user of whom the model knows nothing (all scores are 0) gets the popular items; so does a
        user without interactions where scores are equal. Other ties go to the smaller code.

        Args:
            users: codes.
            k: the length of a list.
            masked: (n, m) items to leave out; each user's seen items where not given.
            progress: a progress callback for users.
        """
        excluded = self.data.seen if masked is None else masked
        lists = np.empty((len(users), k), dtype=np.int64)
        step = max(1, CELLS // max(len(self.data.items), 1))
        with progress(f"recommending ({self.name})", len(users)) as advance:
            for first in range(0, len(users), step):
                some = users[first : first + step]
                scores = self.score(some)
                self._add_popularity(scores, some)
                lists[first : first + step] = top_n(scores, k, excluded[some])
                advance(len(some))
        return lists

    def _add_popularity(self, scores: Floats, users: Ints) -> None:
        """Order by popularity what the scores leave open for users with little data; in place."""
        new = np.diff(self.data.seen.indptr)[users] == 0
        known = np.asarray(scores[:, :_GLANCE].any(axis=1))
        known[~known] = scores[~known].any(axis=1)
        scores[~known] = self.data.popularity
        rows = np.flatnonzero(new & known)
        share = self.data.popularity / max(self.data.popularity.max(initial=0), 1)
        step = _OPEN * np.abs(scores[rows]).max(axis=1, initial=0)
        scores[rows] += step[:, None] * share

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """The learned arrays, by name."""

    @abstractmethod
    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Take over the arrays of `state`, learned on the same data set."""

    def settings(self) -> dict[str, Any]:
        """The config, by name."""
        return self.config.model_dump()

    def save(self, folder: Path) -> None:
        """Write `model.json` and `model.npz` (plain arrays, no pickle)."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "model.npz", allow_pickle=False, **self.state())
        note = {"name": self.name, "settings": self.settings(), "graph": fingerprint(self.data)}
        (folder / "model.json").write_text(json.dumps(note, indent=1))

    @classmethod
    def kept(cls, folder: Path, data: Dataset) -> Self | None:
        """What `save` wrote for the same graph; None where there is none that can be used."""
        try:
            return cls.load(folder, data)
        except WrongModel:
            return None

    @classmethod
    def load(cls, folder: Path, data: Dataset) -> Self:
        """Read what `save` wrote.

        Raises:
            WrongModel: there is none, it is another kind of model, was fitted on another graph, or
                is damaged.
        """
        try:
            note = json.loads((folder / "model.json").read_text())
            name, settings, graph = note["name"], note["settings"], note["graph"]
            with np.load(folder / "model.npz", allow_pickle=False) as arrays:
                state = dict(arrays)
        except FileNotFoundError as error:
            raise WrongModel(f"There is no model in {folder}. Train one first.") from error
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise _damaged(folder) from error
        if name != cls.name:
            raise WrongModel(
                f"{folder} holds a model `{name}`, not `{cls.name}`. Name another folder."
            )
        if graph != fingerprint(data):
            raise WrongModel(
                f"The model in {folder} was fitted on another graph. Train it on this one."
            )
        try:
            restored = cls(**settings).restore(state, data)
            restored._check_size()
        except (
            WrongSettings,
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
            StopIteration,
        ) as error:
            raise _damaged(folder) from error
        return restored

    def _check_size(self) -> None:
        """Raise what numpy or this does where the arrays are not of the data's size."""
        n, m = len(self.data.users), len(self.data.items)
        if n and self.score(np.array([n - 1])).shape != (1, m):
            raise ValueError("scores of another number of items")
        learned = self.embed()
        if learned is not None and (len(learned.users), len(learned.items)) != (n, m):
            raise ValueError("vectors of another number of users or items")


class Trainable(Recommender):
    """A model that learns in epochs and can go on from a checkpoint; `curve` shows them."""

    curve: "Curve"

    @abstractmethod
    def train(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
        checkpoint: Path | None = None,
    ) -> Self:
        """Fit as `fit` does, going on from the checkpoint where there is one.

        Args:
            data: what is known.
            validation: see `fit`.
            seed: the random seed.
            progress: a progress callback for each epoch.
            checkpoint: a file to keep the state of training in; None for none.
        """


def _damaged(folder: Path) -> WrongModel:
    return WrongModel(f"The model in {folder} is damaged. Train it again.")


def fingerprint(data: Dataset) -> str:
    """A digest of users, items, interactions, ties and attributes: the same for the same graph."""
    digest = hashlib.sha256()
    for ids in (data.users, data.items):
        digest.update(json.dumps(list(map(str, ids))).encode())
    matrices = [data.seen, data.friends]
    for attributes in (data.user_attributes, data.item_attributes):
        names = () if attributes is None else attributes.names
        digest.update(json.dumps(names).encode())
        matrices += [attributes.matrix] if attributes is not None else []
    for matrix in matrices:
        digest.update(np.asarray(matrix.indptr, dtype=np.int64).tobytes())
        digest.update(np.asarray(matrix.indices, dtype=np.int64).tobytes())
    return digest.hexdigest()
