"""Evaluate models on a split: full ranking over all items that are not masked.

Recall@K is hits over all that the user took later, NDCG@K binary with an ideal over min(K, taken
later), both averaged over the users with something to tell; a model that is random is the mean over
its seeds. Intervals are 95 %, from resampled users, the same for all models: their differences are
paired.
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
CHOSEN_BY = "ndcg@20"
GROUPS = {"none": (0, 0), "1-5": (1, 5), "6-20": (6, 20), "over 20": (21, 2**31)}
"""Users by how much they took, or by how many friends they have: least and most."""
DIVERSITY_OF = 2_000
"""Users whose lists' diversity is measured, at most."""

SCHEMA = pa.schema(
    {"model": g.TEXT, "seed": g.WHOLE, "user": g.TEXT, "item": g.TEXT, "rank": g.WHOLE}
)
"""Columns of `gnn evaluate --out`: the first 20 items of each user who took something later."""


@dataclass
class Evaluation:
    """Figures of several models on one split.

    Attributes:
        figures: by model and name; of lists, coverage and diversity too.
        groups: by kind (`activity`, `friends`) and group: users, and figures by model.
        lead: by model, the best one's NDCG@20 less the model's, paired.
        seconds: by model, to choose, fit and recommend; a blend's with those of its parts.
        best: the model with the best NDCG@20 on the validation part.
        lists: rows of `SCHEMA`.
        settings: by model, those that were chosen.
        notes: what whoever reads the figures should know.
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
        """As `gnn evaluate --json` prints it."""
        models = {
            name: {key: e.as_dict() for key, e in found.items()}
            | {"seconds": round(self.seconds[name], 3), "settings": self.settings[name]}
            for name, found in self.figures.items()
        }
        return {
            "models": models,
            "best": self.best,
            "lead": {name: e.as_dict() for name, e in self.lead.items()},
            "groups": self.groups,
            "notes": self.notes,
        }


def judged_lists(lists: Ints, test: sparse.csr_matrix, users: Ints) -> np.ndarray:
    """(users, figures) of `FIGURES`, from each user's list."""
    wanted, hits = np.diff(test.indptr)[users], hits_of(lists, test, users)
    return np.column_stack([measure(hits, wanted, k) for measure, k in FIGURES.values()])


class _Pool:
    """Each model chosen once, and fitted once for each seed.

    Models are large: after their turn only those are held that a blend is made of.
    """

    def __init__(self, split: Split, names: Sequence[str], progress: Progress) -> None:
        self._split, self._progress = split, progress
        self._held = {
            part for name in names if isinstance(b := model(name), Blend) for part in b.config.parts
        }
        self._judges = validation_users(split.validation)
        self._chosen: dict[str, Recommender] = {}
        self._fitted: dict[tuple[str, int], Recommender] = {}
        self.ndcg: dict[str, float] = {}
        self.notes: dict[str, str | None] = {}
        self.seconds: dict[str, float] = {}

    def chosen(self, name: str) -> Recommender:
        """The model with the settings that do best on validation, fitted on train."""
        if name not in self._chosen:
            began = time.monotonic()
            started = model(name)
            if isinstance(started, Blend):
                self._chosen[name], spent = self._blended(started)
            else:
                found = search_grid(
                    started, self._split.train, self._split.validation, progress=self._progress
                )
                self._chosen[name] = found.model if name in self._held else found.model.unfitted()
                self.ndcg[name], self.notes[name], spent = found.ndcg, found.model.note, 0.0
            self.seconds[name] = time.monotonic() - began + spent
        return self._chosen[name]

    def _blended(self, blend: Blend) -> tuple[Recommender, float]:
        """The blend of the chosen parts, and the seconds that these took before."""
        spent = sum(self.seconds.get(name, 0.0) for name in blend.config.parts)
        parts = {name: self.chosen(name) for name in blend.candidates()}
        blend.learn(parts, self._split.validation, self._progress)
        self.ndcg[blend.name] = validation_ndcg(blend, self._split.validation, self._judges)
        self.notes[blend.name] = blend.note
        return blend, spent

    def fitted(self, name: str, seed: int) -> Recommender:
        """The chosen model, fitted on all that is known."""
        chosen = self.chosen(name)
        seed = seed if chosen.random else 0
        if found := self._fitted.get((name, seed)):
            return found
        began = time.monotonic()
        if isinstance(chosen, Blend):
            parts = {part: self.fitted(part, seed) for part in chosen.config.weights}
            found = chosen.unfitted().of(parts)
        else:
            found = chosen.unfitted().fit(self._split.known, seed=seed, progress=self._progress)
        if name in self._held:
            self._fitted[name, seed] = found
        self.seconds[name] += time.monotonic() - began
        return found


def evaluate(
    split: Split, names: Sequence[str] = NAMES, *, seeds: int = 1, progress: Progress = silent
) -> Evaluation:
    """Choose each model's settings on validation, fit it on all that is known, judge it on test.

    Args:
        split: what is known and what is to be told.
        names: of the models; see `followsuit.gnn.models.registry`.
        seeds: how often what is random is fitted.
        progress: told of each step.

    Raises:
        UnknownModel, MissingExtra: a name is none, or needs the extra `gnn`.
    """
    users = np.flatnonzero(np.diff(split.test.indptr))
    pool = _Pool(split, names, progress)
    judged = {name: _judge(pool, split, users, name, seeds, progress) for name in names}
    figures = _figures(judged, split, users)
    best = max(names, key=lambda name: pool.ndcg[name])
    at = list(FIGURES).index(CHOSEN_BY)
    apart = np.column_stack([judged[best].values[:, at] - judged[n].values[:, at] for n in names])
    lead = Resamples(len(users)).estimates(apart)
    return Evaluation(
        figures=figures,
        groups=_groups(judged, split, users),
        lead={name: e for name, e in zip(names, lead, strict=True) if name != best},
        seconds={name: pool.seconds[name] for name in names},
        best=best,
        lists=_lists(judged, split, users),
        settings={name: pool.chosen(name).settings() for name in names},
        notes=[*dict.fromkeys([*split.notes, *filter(None, pool.notes.values())])],
    )


@dataclass(frozen=True)
class _Judged:
    """A model's lists (users, 20) by seed, and (users, figures) means over the seeds."""

    lists: dict[int, Ints]
    values: np.ndarray


def _judge(
    pool: _Pool, split: Split, users: Ints, name: str, seeds: int, progress: Progress
) -> _Judged:
    lists: dict[int, Ints] = {}
    values = []
    for seed in range(seeds if pool.chosen(name).random else 1):
        fitted = pool.fitted(name, seed)
        began = time.monotonic()
        lists[seed] = fitted.recommend(users, CUTOFF, split.masked, progress)
        pool.seconds[name] += time.monotonic() - began
        values.append(judged_lists(lists[seed], split.test, users))
    return _Judged(lists, np.mean(values, axis=0))


def _figures(
    judged: dict[str, _Judged], split: Split, users: Ints
) -> dict[str, dict[str, Estimate]]:
    known, lists = split.known, {n: list(found.lists.values()) for n, found in judged.items()}
    new = [np.mean([novelty(one, known) for one in lists[n]], axis=0) for n in judged]
    apart = [
        np.mean([diversity(one[:DIVERSITY_OF], known) for one in lists[n]], axis=0) for n in judged
    ]
    right = np.column_stack([found.values for found in judged.values()])
    of_all = iter(Resamples(len(users)).estimates(np.column_stack([right, *new])))
    figures = {n: {key: next(of_all) for key in FIGURES} for n in judged}
    of_some = iter(Resamples(len(apart[0])).estimates(np.column_stack(apart)))
    for n in judged:
        shares = [coverage(one, len(known.items)) for one in lists[n]]
        of_seeds = float(np.mean(shares)), min(shares), max(shares)
        figures[n]["coverage@20"] = Estimate(*(round(share, 9) for share in of_seeds))
        figures[n]["novelty@20"], figures[n]["diversity@20"] = next(of_all), next(of_some)
    return figures


def _groups(judged: dict[str, _Judged], split: Split, users: Ints) -> dict[str, dict[str, Any]]:
    """Figures by how active the users are, and by how many friends they have."""
    counts = {
        "activity": np.diff(split.masked.indptr)[users],
        "friends": np.diff(split.known.friends.indptr)[users],
    }
    found: dict[str, dict[str, Any]] = {}
    for kind, count in counts.items():
        found[kind] = {}
        for group, (least, most) in GROUPS.items():
            here = (count >= least) & (count <= most)
            if here.any():
                found[kind][group] = {"users": int(here.sum())} | _of_group(judged, here)
    return found


def _of_group(judged: dict[str, _Judged], here: np.ndarray) -> dict[str, Any]:
    names = [key for key in FIGURES if key.endswith("@20")]
    at = [list(FIGURES).index(key) for key in names]
    values = np.column_stack([one.values[here][:, at] for one in judged.values()])
    estimates = iter(Resamples(int(here.sum())).estimates(values))
    return {name: {key: next(estimates).as_dict() for key in names} for name in judged}


def _lists(judged: dict[str, _Judged], split: Split, users: Ints) -> pa.Table:
    """The lists as rows of `SCHEMA`."""
    data, parts = split.train, []
    for name, found in judged.items():
        for seed, lists in found.lists.items():
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
