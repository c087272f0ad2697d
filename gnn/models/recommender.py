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
"""Largest number of scores in memory at a time."""
_GLANCE = 64
"""A user's first scores, of which one is nearly always nonzero if any score is."""
_OPEN = np.float32(1e-5)
"""Scores that differ by less than this share of the highest count as equal."""


class WrongModel(FollowsuitError):
    """A saved model can't be used: it is missing, damaged, or of another kind or graph."""


@dataclass(frozen=True)
class Embeddings:
    """The vectors of users (n, width) and items (m, width); float32."""

    users: Floats
    items: Floats


class Recommender(ABC):
    """A model of taste: a config, and a state that is learned from data.

    Your own model sets `config_class` and defines `fit`, `score`, `state` and `restore`. Test it
    with `followsuit.testing.model_contract`.

    Args:
        config: the settings; by default those of `config_class`.
        settings: single settings by name; they override those of `config`.

    Raises:
        WrongSettings: the model has no such setting, or the value isn't valid.

    Attributes:
        data: the data set that the model was fitted on, after `fit`.
        note: a remark for users of the fitted model, in one line; None if there is none.
    """

    name: ClassVar[str]
    """The name in the registry: a key of `MODELS`, or `module:Class`."""
    random: ClassVar[bool] = False
    """Whether another random seed gives another model."""
    interactions_only: ClassVar[bool] = False
    """Whether the model reads the interactions of a data set alone, not friends and attributes."""
    config_class: ClassVar[type[ModelConfig]] = ModelConfig
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {}
    """Settings to search on validation, and their values in order."""

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
        """A new unfitted model with these settings changed."""
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
            data: the data to fit on.
            validation: (n, m) CSR, later interactions, for models that stop early or search
                settings. Such models store the result in their config, so that the next fit without
                validation uses it.
            seed: random seed.
            progress: progress callback.

        Returns:
            The model itself.
        """

    @abstractmethod
    def score(self, users: Ints) -> Floats:
        """(users, m) how much each user may like each item, in a new array; higher is better.

        Seen items have scores too. Scores are never NaN.
        """

    def score_pairs(self, users: Ints, items: Ints) -> Floats:
        """(pairs) the score of each pair of user and item.

        Args:
            users: (pairs) codes.
            items: (pairs) codes.
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
        """(rows, m) scores for people the model wasn't fitted on, from their seen items.

        By default, a person's vector is the sum of the seen items' vectors, weighted by
        popularity^-1/2 (He et al. 2020, eq. 3). Without vectors, all scores are 0.

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

    def sparse_scores(self, users: Ints, seen: sparse.csr_matrix) -> sparse.csr_matrix | None:
        """The scores of `score` and `score_new`, (users, m), if most are 0; None if they aren't.

        Args:
            users: (users,) codes; -1 for people whom the model wasn't fitted on.
            seen: (users, m) CSR, nonzero for each interaction; it counts for the latter.
        """
        return None

    def embed(self) -> Embeddings | None:
        """The embeddings; None if the model has none."""
        return None

    def recommend(
        self,
        users: Ints,
        k: int,
        masked: sparse.csr_matrix | None = None,
        progress: Progress = silent,
    ) -> Ints:
        """(users, k) codes of each user's top k items, best first; -1 if no items are left.

        If all scores of a user are 0, the model knows nothing of the user, and recommends the
        popular items. For users without interactions, popularity also breaks ties. Other ties go to
        the smaller code.

        Args:
            users: codes of the users.
            k: length of each list.
            masked: (n, m) CSR, items to leave out; by default the seen items.
            progress: progress callback, in users.
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
        """Replace zero scores by popularity, and break new users' ties by it; in place."""
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
        """Restore the model from the arrays of `state`, learned on the same data set."""

    def settings(self) -> dict[str, Any]:
        """The settings by name."""
        return self.config.model_dump()

    def save(self, folder: Path) -> None:
        """Write `model.json` and `model.npz` (plain arrays, no pickle)."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "model.npz", allow_pickle=False, **self.state())
        note = {"name": self.name, "settings": self.settings(), "graph": fingerprint(self.data)}
        (folder / "model.json").write_text(json.dumps(note, indent=1))

    @classmethod
    def kept(cls, folder: Path, data: Dataset) -> Self | None:
        """The model saved in `folder` for the same graph; None if missing or not usable."""
        try:
            return cls.load(folder, data)
        except WrongModel:
            return None

    @classmethod
    def load(cls, folder: Path, data: Dataset) -> Self:
        """Load a saved model.

        Args:
            folder: the folder that `save` wrote to.
            data: the data set that the model was fitted on.

        Raises:
            WrongModel: the model is missing, damaged, of another kind, or fitted on another graph.
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
                f"{folder} has a model `{name}`, not `{cls.name}`. Name another folder."
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
        """Raise an error if the arrays don't have the data's size."""
        n, m = len(self.data.users), len(self.data.items)
        if n and self.score(np.array([n - 1])).shape != (1, m):
            raise ValueError("scores of another number of items")
        learned = self.embed()
        if learned is not None and (len(learned.users), len(learned.items)) != (n, m):
            raise ValueError("vectors of another number of users or items")


class Trainable(Recommender):
    """A model that is trained in epochs and can continue from a checkpoint.

    Attributes:
        curve: the learning curve of the last training.
    """

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
        """Fit, or continue from a checkpoint.

        Args:
            data: the data to fit on.
            validation: see `fit`.
            seed: random seed.
            progress: progress callback, in epochs.
            checkpoint: file for the state of the training; None to keep none.
        """


def _damaged(folder: Path) -> WrongModel:
    return WrongModel(f"The model in {folder} is damaged. Train it again.")


def fingerprint(data: Dataset) -> str:
    """A digest of users, items, interactions, friendships and attributes."""
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
