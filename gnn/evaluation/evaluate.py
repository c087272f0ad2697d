"""Evaluates models on a split by full ranking over all items that aren't masked.

Recall@K and NDCG@K (see `core.ranking_metrics`) are means over the users with test interactions,
and over the random seeds of a random model. Intervals are 95 %, from resampled users. The resamples
are the same for all models, so differences are paired.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from followsuit.core.bootstrap import Estimate, Resamples
from followsuit.core.progress import Progress, silent
from followsuit.core.ranking_metrics import hits_of, ndcg, recall
from followsuit.gnn.data.dataset import Ints, Split
from followsuit.gnn.evaluation.list_quality import coverage, diversity, novelty
from followsuit.gnn.evaluation.validation import CUTOFF, validation_ndcg, validation_users
from followsuit.gnn.models.blend import Blend
from followsuit.gnn.models.recommender import Recommender
from followsuit.gnn.models.registry import model
from followsuit.gnn.training.grid_search import search_grid
from followsuit.graph import schema as g

NAMES = ("popularity", "ease", "ials", "gfcf", "lightgcn", "social", "hetero", "blend")
FIGURES = {
    f"{name}@{k}": (measure, k)
    for name, measure in (("recall", recall), ("ndcg", ndcg))
    for k in (10, 20)
}
SELECTED_BY = "ndcg@20"
GROUPS = {"none": (0, 0), "1-5": (1, 5), "6-20": (6, 20), "over 20": (21, 2**31)}
"""Groups of users by number of seen items, or of friends: least and most."""
DIVERSITY_OF = 2_000
"""Largest number of users whose lists' diversity is computed."""

SCHEMA = pa.schema(
    {"model": g.TEXT, "seed": g.WHOLE, "user": g.TEXT, "item": g.TEXT, "rank": g.WHOLE}
)
"""Columns of `gnn evaluate --out`: the top 20 items of each user with test interactions."""


@dataclass
class Evaluation:
    """Figures of several models on one split.

    Attributes:
        figures: figures by model and name, including coverage, novelty and diversity.
        groups: by kind (`activity`, `friends`) and group: number of users, and figures by model.
        lead: by model, the best model's NDCG@20 minus the model's, paired.
        seconds: by model, time to search the grid, fit and recommend; a blend's includes its parts.
        best: the model with the best NDCG@20 on the validation part.
        lists: rows of `SCHEMA`.
        settings: by model, the best settings of the grid search.
        notes: remarks for readers of the figures.
    """

    figures: dict[str, dict[str, Estimate]]
    groups: dict[str, dict[str, Any]]
    lead: dict[str, Estimate]
    seconds: dict[str, float]
    best: str
    lists: pa.Table
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The evaluation as `gnn evaluate --json` prints it."""
        models = {
            name: {key: e.as_dict() for key, e in figures.items()}
            | {"seconds": round(self.seconds[name], 3), "settings": self.settings[name]}
            for name, figures in self.figures.items()
        }
        return {
            "models": models,
            "best": self.best,
            "lead": {name: e.as_dict() for name, e in self.lead.items()},
            "groups": self.groups,
            "notes": self.notes,
        }


def list_metrics(lists: Ints, test: sparse.csr_matrix, users: Ints) -> np.ndarray:
    """(users, figures) the figures of `FIGURES` for each user's list.

    Args:
        lists: (users, 20) codes of items, best first; -1 if missing.
        test: (n, m) CSR, the test interactions.
        users: (users) codes.
    """
    relevant, hits = np.diff(test.indptr)[users], hits_of(lists, test, users)
    return np.column_stack([measure(hits, relevant, k) for measure, k in FIGURES.values()])


class _Pool:
    """Tunes each model once, and fits it once per random seed.

    Models are large, so only the parts of a blend are kept in memory.
    """

    def __init__(self, split: Split, names: Sequence[str], progress: Progress) -> None:
        self._split, self._progress = split, progress
        self._held = {
            part for name in names if isinstance(b := model(name), Blend) for part in b.config.parts
        }
        self._validation_users = validation_users(split.validation)
        self._tuned: dict[str, Recommender] = {}
        self._fitted: dict[tuple[str, int], Recommender] = {}
        self.ndcg: dict[str, float] = {}
        self.notes: dict[str, str | None] = {}
        self.seconds: dict[str, float] = {}

    def tuned(self, name: str) -> Recommender:
        """The model with the best settings on validation."""
        if name not in self._tuned:
            began = time.monotonic()
            started = model(name)
            if isinstance(started, Blend):
                self._tuned[name], spent = self._blended(name, started)
            else:
                result = search_grid(
                    started, self._split.train, self._split.validation, progress=self._progress
                )
                self._tuned[name] = result.model if name in self._held else result.model.unfitted()
                self.ndcg[name], self.notes[name], spent = result.ndcg, result.model.note, 0.0
            self.seconds[name] = time.monotonic() - began + spent
        return self._tuned[name]

    def _blended(self, name: str, blend: Blend) -> tuple[Recommender, float]:
        """The blend of the tuned parts, and the seconds that tuning the parts took before."""
        spent = sum(self.seconds.get(part, 0.0) for part in blend.config.parts)
        parts = {part: self.tuned(part) for part in blend.candidates()}
        blend.learn(parts, self._split.validation, self._progress)
        self.ndcg[name] = validation_ndcg(blend, self._split.validation, self._validation_users)
        self.notes[name] = blend.note
        return blend, spent

    def fitted(self, name: str, seed: int) -> Recommender:
        """The tuned model, fitted on `split.known`."""
        tuned = self.tuned(name)
        seed = seed if tuned.random else 0
        if held := self._fitted.get((name, seed)):
            return held
        began = time.monotonic()
        fitted: Recommender
        if isinstance(tuned, Blend):
            parts = {part: self.fitted(part, seed) for part in tuned.config.weights}
            fitted = tuned.unfitted().of(parts)
        else:
            fitted = tuned.unfitted().fit(self._split.known, seed=seed, progress=self._progress)
        if name in self._held:
            self._fitted[name, seed] = fitted
        self.seconds[name] += time.monotonic() - began
        return fitted


def evaluate_models(
    split: Split, names: Sequence[str] = NAMES, *, seeds: int = 1, progress: Progress = silent
) -> Evaluation:
    """Tune each model on validation, fit it on train and validation, and evaluate it on test.

    Args:
        split: the data.
        names: names of the models; see `followsuit.gnn.models.registry`.
        seeds: number of random seeds per random model.
        progress: progress callback.

    Raises:
        UnknownModel: a name has no model.
        NotAModel: a class of your own can't be used as a model.
        MissingExtra: a model needs the extra `gnn`.
    """
    users = np.flatnonzero(np.diff(split.test.indptr))
    pool = _Pool(split, names, progress)
    results = {name: _evaluate(pool, split, users, name, seeds, progress) for name in names}
    figures = _figures(results, split, users)
    best = max(names, key=lambda name: pool.ndcg[name])
    at = list(FIGURES).index(SELECTED_BY)
    apart = np.column_stack([results[best].values[:, at] - results[n].values[:, at] for n in names])
    lead = Resamples(len(users)).estimates(apart)
    return Evaluation(
        figures=figures,
        groups=_groups(results, split, users),
        lead={name: e for name, e in zip(names, lead, strict=True) if name != best},
        seconds={name: pool.seconds[name] for name in names},
        best=best,
        lists=_lists(results, split, users),
        settings={name: pool.tuned(name).settings() for name in names},
        notes=[*dict.fromkeys([*split.notes, *filter(None, pool.notes.values())])],
    )


@dataclass(frozen=True)
class _ModelResult:
    """A model's lists (users, 20) by seed, and its figures (users, figures), means over seeds."""

    lists: dict[int, Ints]
    values: np.ndarray


def _evaluate(
    pool: _Pool, split: Split, users: Ints, name: str, seeds: int, progress: Progress
) -> _ModelResult:
    lists: dict[int, Ints] = {}
    values = []
    for seed in range(seeds if pool.tuned(name).random else 1):
        fitted = pool.fitted(name, seed)
        began = time.monotonic()
        lists[seed] = fitted.recommend(users, CUTOFF, split.masked, progress)
        pool.seconds[name] += time.monotonic() - began
        values.append(list_metrics(lists[seed], split.test, users))
    return _ModelResult(lists, np.mean(values, axis=0))


def _figures(
    results: dict[str, _ModelResult], split: Split, users: Ints
) -> dict[str, dict[str, Estimate]]:
    known, lists = split.known, {n: list(result.lists.values()) for n, result in results.items()}
    new = [np.mean([novelty(one, known) for one in lists[n]], axis=0) for n in results]
    apart = [
        np.mean([diversity(one[:DIVERSITY_OF], known) for one in lists[n]], axis=0) for n in results
    ]
    right = np.column_stack([result.values for result in results.values()])
    of_all = iter(Resamples(len(users)).estimates(np.column_stack([right, *new])))
    figures = {n: {key: next(of_all) for key in FIGURES} for n in results}
    of_some = iter(Resamples(len(apart[0])).estimates(np.column_stack(apart)))
    for n in results:
        shares = [coverage(one, len(known.items)) for one in lists[n]]
        of_seeds = float(np.mean(shares)), min(shares), max(shares)
        figures[n]["coverage@20"] = Estimate(*(round(share, 9) for share in of_seeds))
        figures[n]["novelty@20"], figures[n]["diversity@20"] = next(of_all), next(of_some)
    return figures


def _groups(
    results: dict[str, _ModelResult], split: Split, users: Ints
) -> dict[str, dict[str, Any]]:
    """Figures by the users' number of seen items, and by their number of friends."""
    counts = {
        "activity": np.diff(split.masked.indptr)[users],
        "friends": np.diff(split.known.friends.indptr)[users],
    }
    groups: dict[str, dict[str, Any]] = {}
    for kind, count in counts.items():
        groups[kind] = {}
        for group, (least, most) in GROUPS.items():
            here = (count >= least) & (count <= most)
            if here.any():
                groups[kind][group] = {"users": int(here.sum())} | _of_group(results, here)
    return groups


def _of_group(results: dict[str, _ModelResult], here: np.ndarray) -> dict[str, Any]:
    names = [key for key in FIGURES if key.endswith("@20")]
    at = [list(FIGURES).index(key) for key in names]
    values = np.column_stack([one.values[here][:, at] for one in results.values()])
    estimates = iter(Resamples(int(here.sum())).estimates(values))
    return {name: {key: next(estimates).as_dict() for key in names} for name in results}


def _lists(results: dict[str, _ModelResult], split: Split, users: Ints) -> pa.Table:
    """The lists as rows of `SCHEMA`."""
    data, parts = split.train, []
    for name, result in results.items():
        for seed, lists in result.lists.items():
            row, place = np.nonzero(lists >= 0)
            columns = {
                "model": pa.repeat(name, len(row)),
                "seed": pa.repeat(seed, len(row)),
                "user": pa.array(data.users[users[row]], g.TEXT),
                "item": pa.array(data.items[lists[row, place]], g.TEXT),
                "rank": pa.array(place + 1, g.WHOLE),
            }
            parts.append(pa.table(columns, schema=SCHEMA))
    return pa.concat_tables(parts)
