"""Own taste: how much a customer may like an item, by a model of the room `gnn/`.

The model is a blend if the extra `gnn` is installed, else the linear model. The blend has social
models only if a friend ablation (`gnn audit`) found that friends help on this data. The model is
fitted on the customers who share activity; others are scored by their own seen items.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.core.compiled import compiled
from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Dataset, Floats
from followsuit.gnn.data.from_view import HORIZON, NothingToLearn, dataset, training_split
from followsuit.gnn.models.blend import SOCIAL, Blend
from followsuit.gnn.models.ease import DampedEase
from followsuit.gnn.models.recommender import CELLS, Recommender, fingerprint
from followsuit.gnn.models.registry import model, model_class
from followsuit.gnn.training.grid_search import search_grid
from followsuit.graph.results.models import ModelStore, model_key
from followsuit.graph.views.view import SharedView

BLEND, LINEAR = "blend", "linear"
PARTS = ("ease_damped", "lightgcn")
"""The models of the blend, besides the social ones."""
_OF_FRIENDS = {
    True: "In own taste, friends are used: `gnn audit` found that they help.",
    False: "In own taste, friends are left out: `gnn audit` found that they don't help.",
    None: "In own taste, friends are left out: nobody has tested yet whether they help. Run "
    "`followsuit gnn audit --as-of DATE`.",
}
_SHARPNESS = 10.0
_SCALE_OF = 2_000
_KEPT = 2**27
"""Affinities of grids with at most this many cells are kept between calls."""

Select = slice | np.ndarray


class Taste:
    """The affinity of customers to items, by a fitted model of taste.

    Args:
        model: a model fitted on a data set whose items are those of the view; None if there was no
            data to fit it to.
    """

    def __init__(self, model: Recommender | None) -> None:
        self.model = model
        self._scale = 1.0 if model is None else _typical_best(model)
        self._users = pd.Index([] if model is None else model.data.users)
        self._last: tuple[np.ndarray, np.ndarray, Floats] | None = None

    def affinity(
        self,
        customers: np.ndarray,
        history: sparse.csr_matrix,
        items: np.ndarray,
        rows: Select,
        columns: Select,
    ) -> Floats:
        """The affinity of each customer to each item.

        Args:
            customers: (n,) ids of all customers of a grid.
            history: (n, all items) bool: their seen items.
            items: (k,) positions of the grid's items in the model's data set.
            rows: which of the n customers.
            columns: which of the k items.

        Returns:
            (rows, columns) log(1 + 10 s); s is the score divided by the typical customer's best.
        """
        if self.model is None:
            return np.zeros((len(customers[rows]), len(items[columns])), dtype=np.float32)
        if len(customers) * len(items) > _KEPT:
            return self._factor(self.model, customers[rows], history[rows], items[columns])
        if self._last is None or self._last[0] is not customers or self._last[1] is not items:
            self._last = customers, items, self._factor(self.model, customers, history, items)
        kept: Floats = self._last[2][rows][:, columns]
        return kept

    def sparse_affinity(
        self, customers: np.ndarray, history: sparse.csr_matrix, items: np.ndarray, rows: np.ndarray
    ) -> sparse.csr_matrix | None:
        """The same as a matrix, for all k items; None if most affinities aren't 0."""
        if self.model is None or len(customers) * len(items) <= _KEPT:
            return None
        codes = self._users.get_indexer(pd.Index(customers[rows]))
        scores = self.model.sparse_scores(codes, history[rows])
        if scores is None:
            return None
        place = np.full(scores.shape[1], -1, dtype=np.int32)
        place[items] = np.arange(len(items))
        parts = _positive(scores.data, scores.indices, scores.indptr, place)
        few = sparse.csr_matrix(parts, (len(rows), len(items)))
        self._factor_of(few.data)
        return few

    def affinity_of_pairs(
        self,
        customers: np.ndarray,
        history: sparse.csr_matrix,
        items: np.ndarray,
        rows: np.ndarray,
        columns: np.ndarray,
    ) -> Floats:
        """(pairs,) the affinity of each pair of row and column; see `affinity`."""
        if self.model is None:
            return np.zeros(len(rows), dtype=np.float32)
        codes = self._users.get_indexer(pd.Index(customers))[rows]
        scores = np.empty(len(rows), dtype=np.float32)
        fitted = codes >= 0
        scores[fitted] = self.model.score_pairs(codes[fitted], items[columns[fitted]])
        new, position = np.unique(rows[~fitted], return_inverse=True)
        others = np.empty(len(position), dtype=np.float32)
        step = max(1, CELLS // max(len(self.model.data.items), 1))
        for first in range(0, len(new), step):
            here = np.flatnonzero((position >= first) & (position < first + step))
            block = self.model.score_new(history[new[first : first + step]])
            others[here] = block[position[here] - first, items[columns[~fitted][here]]]
        scores[~fitted] = others
        return self._factor_of(scores)

    def _factor(
        self,
        model: Recommender,
        customers: np.ndarray,
        history: sparse.csr_matrix,
        items: np.ndarray,
    ) -> Floats:
        factor = np.empty((len(customers), len(items)), dtype=np.float32)
        codes = self._users.get_indexer(pd.Index(customers))
        step = max(1, CELLS // max(len(model.data.items), 1))
        for fitted in (True, False):
            rows = np.flatnonzero((codes >= 0) == fitted)
            for first in range(0, len(rows), step):
                some = rows[first : first + step]
                scores = model.score(codes[some]) if fitted else model.score_new(history[some])
                factor[some] = scores[:, items]
        return self._factor_of(factor)

    def _factor_of(self, scores: Floats) -> Floats:
        """Convert scores to affinities, in place."""
        positive = scores > 0  # Few are, with sparse weights.
        scores[~positive] = 0
        scores[positive] = np.log1p(scores[positive] * np.float32(_SHARPNESS / self._scale))
        return scores


@dataclass(frozen=True)
class TasteConfig:
    """The model config of taste, as chosen by `search_taste`.

    Attributes:
        name: the model's name.
        settings: the model's settings; see `Recommender.settings`.
        note: how the model was chosen, for readers of the ranking.
    """

    name: str
    settings: dict[str, Any]
    note: str | None = None

    def fit(
        self,
        view: SharedView,
        over: SharedView | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Taste:
        """Fit the model.

        Args:
            view: the view as of the cutoff.
            over: see `gnn.data.from_view.dataset`.
            seed: random seed.
            progress: progress callback.
        """
        only = model_class(self.name).interactions_only
        return self._fit(dataset(view, over, interactions_only=only), seed, progress)

    def fit_once(
        self,
        view: SharedView,
        models: ModelStore,
        run_id: str,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Taste:
        """Load the stored model if it was fitted to the same data, else fit and store it.

        Args:
            view: the view as of the cutoff.
            models: the stored models.
            run_id: the run that uses the model.
            seed: random seed.
            progress: progress callback.
        """
        data = dataset(view)
        key = model_key(self.name, self.settings, fingerprint(data), seed)
        models.note_use(run_id, key)
        kind = type(model(self.name))
        folders = [models.path(key)]
        if not kind.random:
            # `gnn train` stores its model by name. Another seed would give the same model.
            folders.append(models.named(self.name))
        for folder in folders:
            fitted = kind.kept(folder, data)
            if fitted is not None and fitted.settings() == self.settings:
                return Taste(fitted)
        taste = self._fit(data, seed, progress)
        if taste.model is not None:
            models.save(key, taste.model.save)
        return taste

    def _fit(self, data: Dataset, seed: int, progress: Progress) -> Taste:
        if not data.seen.nnz:
            return Taste(None)
        started = model(self.name, **self.settings)
        return Taste(started.fit(data, seed=seed, progress=progress))


def search_taste(
    view: SharedView,
    over: SharedView | None = None,
    *,
    affinity: str,
    friends: bool | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> TasteConfig:
    """Choose the model config of taste by grid search on the last weeks before the cutoff.

    Args:
        view: the view as of the cutoff.
        over: see `gnn.data.from_view.dataset`.
        affinity: `blend`, `linear` for the linear model, or `module:Class` for your own model.
        friends: whether a friend ablation found that friends help; None if none was run.
        seed: random seed.
        progress: progress callback.

    Raises:
        UnknownModel, NotAModel: `affinity` doesn't name a model.
        MissingExtra: the model needs an extra that isn't installed.
    """
    blend = Blend(parts={name: {} for name in PARTS + SOCIAL * bool(friends)})
    blended = affinity == BLEND and len(blend.candidates()) > 1
    own = model(affinity) if affinity not in (BLEND, LINEAR) else DampedEase()
    started = blend if blended else own
    only = started.interactions_only
    try:
        split = training_split(view, HORIZON, seed, over, interactions_only=only)
    except NothingToLearn:
        note = (
            "Own taste comes from the linear model with its default settings: there are no "
            f"interactions up to {view.as_of:%Y-%m-%d} to search better ones on."
        )
        return TasteConfig(DampedEase.name, DampedEase().settings(), note)
    chosen = search_grid(started, split.train, split.validation, seed=seed, progress=progress).model
    notes = [chosen.note]
    if blended:
        parts = " and ".join(blend.config.weights)
        notes = [f"Own taste comes from {parts}.", _of_friends(friends, blend), chosen.note]
    elif affinity == BLEND:
        notes = ["Own taste comes from the linear model alone.", blend.note, chosen.note]
    elif affinity != LINEAR:
        notes = [f"Own taste comes from {chosen.name}.", chosen.note]
    return TasteConfig(chosen.name, chosen.settings(), " ".join(filter(None, notes)) or None)


@compiled
def _positive(
    values: np.ndarray, column: np.ndarray, pointer: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The positive values of a sparse matrix in the columns that have a place, -1 for none."""
    kept, places = np.empty_like(values), np.empty(len(column), dtype=place.dtype)
    ends, size = np.zeros_like(pointer), 0
    for r in range(len(pointer) - 1):
        for i in range(pointer[r], pointer[r + 1]):
            if values[i] > 0 and place[column[i]] >= 0:
                kept[size], places[size] = values[i], place[column[i]]
                size += 1
        ends[r + 1] = size
    return kept[:size], places[:size], ends


def _of_friends(help_found: bool | None, blend: Blend) -> str:
    if help_found and not set(SOCIAL) & set(blend.config.weights):
        return (
            "In own taste, friends are left out: `gnn audit` found that they help, but not on the "
            "last weeks."
        )
    return _OF_FRIENDS[help_found]


def _typical_best(model: Recommender) -> float:
    """The mean of the highest scores of a sample of customers with seen items."""
    users = np.flatnonzero(np.diff(model.data.seen.indptr))
    some = users[:: max(1, len(users) // _SCALE_OF)][:_SCALE_OF]
    best = [
        float(model.score(some[i : i + 100]).max(axis=1).sum()) for i in range(0, len(some), 100)
    ]
    return max(sum(best) / max(len(some), 1), 1e-9)
