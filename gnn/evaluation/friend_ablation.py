"""The friend ablation: does the blend rank better with real friends than with random or none?

All three blends have the same parts, including the social network, so that the number of parts
makes no difference. The social network uses the best settings of the network without friends.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from followsuit.core.bootstrap import Doubles, Estimate, Resamples
from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Split, pairs
from followsuit.gnn.evaluation.evaluate import FIGURES, SELECTED_BY, list_metrics
from followsuit.gnn.evaluation.validation import CUTOFF
from followsuit.gnn.models.blend import SOCIAL, Blend
from followsuit.gnn.models.recommender import Recommender
from followsuit.gnn.models.registry import model
from followsuit.gnn.training.grid_search import search_grid

REAL, REWIRED, NONE = "real", "rewired", "none"
_NAMES = {REWIRED: "the one with friends at random", NONE: "the one without"}
_PLAIN = "lightgcn"
_SOCIAL, _FRIENDS = SOCIAL
SWAPS = 10
"""Swaps per edge, enough to randomise a network (Milo et al. 2003)."""


@dataclass(frozen=True)
class FriendAblation:
    """Whether friends help.

    Attributes:
        figures: by friendships (`real`, `rewired`, `none`) and figure, with 95 % intervals.
        gain: NDCG@20 with real friends minus the better of the other two; `low` and `high` are 99 %
            bounds.
        users: number of users with test interactions.
        seeds: number of random seeds.
        ties: number of friendships; each direction counts. If it is 0, all three are the same.
        notes: remarks for readers of the figures.
    """

    figures: dict[str, dict[str, Estimate]]
    gain: Estimate
    users: int
    seeds: int
    ties: int
    notes: list[str] = field(default_factory=list)

    @property
    def friends_help(self) -> bool:
        """Whether the gain's lower bound is above 0."""
        return self.gain.low > 0

    @property
    def same_as(self) -> list[str]:
        """Of `rewired` and `none`, those with exactly the figures of `real`."""
        return [ties for ties in (REWIRED, NONE) if self.figures[ties] == self.figures[REAL]]

    @property
    def sentence(self) -> str:
        """The result in words."""
        real, rewired, none = (self.figures[t][SELECTED_BY].value for t in (REAL, REWIRED, NONE))
        if not self.ties:
            return (
                "Can't tell whether friends help: no friendship may be used here. Ndcg@20 is "
                f"{none:.4f} without."
            )
        finding = "Friends help" if self.friends_help else "Friends do not help"
        measured = (
            f"{finding} on this data: ndcg@20 is {real:.4f} with friends, {rewired:.4f} with "
            f"friends at random and {none:.4f} without"
        )
        judged = f"{_count(self.users, 'user')}, {_count(self.seeds, 'seed')}"
        if self.gain == Estimate(0, 0, 0) and self.same_as:
            others = " and ".join(_NAMES[ties] for ties in self.same_as)
            return (
                f"{measured} ({judged}). The model with friends ranks exactly as well as {others}: "
                "friends make no difference."
            )
        return (
            f"{measured}, a gain of {self.gain.value:+.4f} (99 % bounds {self.gain.low:+.4f} to "
            f"{self.gain.high:+.4f}; {judged})."
        )

    def as_dict(self) -> dict[str, Any]:
        """The ablation as `gnn audit --json` prints it."""
        by_ties = {
            ties: {key: e.as_dict() for key, e in figures.items()}
            for ties, figures in self.figures.items()
        }
        return {
            "metric": SELECTED_BY,
            **by_ties,
            "gain": self.gain.as_dict(),
            "friends_help": self.friends_help,
            "sentence": self.sentence,
            "users": self.users,
            "seeds": self.seeds,
            "ties": self.ties,
            "notes": self.notes,
        }


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def ablate_friends(split: Split, *, seeds: int = 1, progress: Progress = silent) -> FriendAblation:
    """Fit the blend with real, rewired and no friends, and compare the rankings.

    Args:
        split: the data.
        seeds: number of random seeds; each has its own rewiring.
        progress: progress callback.

    Raises:
        MissingExtra: the extra `gnn` isn't installed; the ablation needs the blend's networks.
    """
    users = np.flatnonzero(np.diff(split.test.indptr))
    ties = split.known.friends.nnz
    values = {ties: np.empty((len(users), seeds, len(FIGURES))) for ties in (REAL, REWIRED, NONE)}
    notes: dict[str, str] = {}
    tuned = _tuned_parts(split, progress)
    others = {name: part for name, part in tuned.items() if name not in SOCIAL}
    for seed in range(seeds):
        unsocial = _fit_parts(split, others, seed, progress)
        for kind, change in _changes(seed).items():
            if kind != NONE and not ties:
                continue
            changed = split.with_friends(change)
            social = {name: part for name, part in tuned.items() if name in SOCIAL}
            social[_FRIENDS] = search_grid(
                social[_FRIENDS], changed.train, changed.validation
            ).model
            parts = unsocial | _fit_parts(changed, social, seed, progress)
            notes |= {name: note for name, (_, part) in parts.items() if (note := part.note)}
            fitted = _blend(changed, parts, progress)
            lists = fitted.recommend(users, CUTOFF, split.masked, progress)
            values[kind][:, seed] = list_metrics(lists, split.test, users)
    if not ties:
        values = dict.fromkeys(values, values[NONE])
    names = list(FIGURES)
    mean = {kind: by_seed.mean(axis=1) for kind, by_seed in values.items()}
    resamples = Resamples(len(users))
    figures = {
        kind: dict(zip(names, resamples.estimates(by_user), strict=True))
        for kind, by_user in mean.items()
    }
    at = names.index(SELECTED_BY)
    other = max((REWIRED, NONE), key=lambda kind: figures[kind][SELECTED_BY].value)
    gain = _two_way(values[REAL][:, :, at] - values[other][:, :, at])
    return FriendAblation(figures, gain, len(users), seeds, ties, [*split.notes, *notes.values()])


def rewire(friends: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
    """Random friendships with the same number of friends per user (edge switching).

    If all friendships are mutual, they stay mutual. Otherwise each direction is switched on its
    own.
    """
    import networkit as nk  # slow to import

    one_way = sparse.csr_matrix(friends - friends.T)
    both_ways = not one_way.data.any()
    cells = sparse.coo_matrix(sparse.triu(friends) if both_ways else friends)
    nk.setSeed(seed, False)
    graph = nk.GraphFromCoo(
        (cells.row.astype(np.uint64), cells.col.astype(np.uint64)),
        n=friends.shape[0],
        directed=not both_ways,
    )
    switched = nk.randomization.EdgeSwitching(graph, SWAPS)
    switched.run()
    edges = np.array(list(switched.getGraph().iterEdges()), dtype=np.int64).reshape(-1, 2)
    rows, columns = edges[:, 0], edges[:, 1]
    if both_ways:
        rows, columns = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    return pairs(rows, columns, friends.shape)


def _changes(seed: int) -> dict[str, Callable[[sparse.csr_matrix], sparse.csr_matrix]]:
    return {
        REAL: lambda friends: friends,
        REWIRED: lambda friends: rewire(friends, seed),
        NONE: lambda friends: sparse.csr_matrix(friends.shape, dtype=np.float32),
    }


def _tuned_parts(split: Split, progress: Progress) -> dict[str, Recommender]:
    """The blend's parts, unfitted, with settings that don't depend on the friendships."""
    parts: dict[str, Recommender] = {}
    for name, part in {name: model(name) for name in Blend().config.parts}.items():
        if name == _SOCIAL:
            plain = parts[_PLAIN].settings()
            parts[name] = part.unfitted(**{axis: plain[axis] for axis in part.grid})
        elif name == _FRIENDS:
            parts[name] = part
        else:
            best = search_grid(part, split.train, split.validation, progress=progress).model
            parts[name] = best.unfitted()
    return parts


Parts = dict[str, tuple[Recommender, Recommender]]
"""By name: the part fitted on train, and the part fitted on `split.known`."""


def _fit_parts(split: Split, tuned: dict[str, Recommender], seed: int, progress: Progress) -> Parts:
    parts: Parts = {}
    for name, part in tuned.items():
        early = part.unfitted().fit(split.train, split.validation, seed=seed, progress=progress)
        parts[name] = early, early.unfitted().fit(split.known, seed=seed, progress=progress)
    return parts


def _blend(split: Split, parts: Parts, progress: Progress) -> Blend:
    blend = Blend().learn(
        {name: early for name, (early, _) in parts.items()}, split.validation, progress
    )
    return blend.of({name: parts[name][1] for name in blend.config.weights})


def _two_way(apart: Doubles) -> Estimate:
    """The mean over (users, seeds), with 99 % bounds from resampled users and seeds."""
    users, seeds = apart.shape
    random = np.random.default_rng(1)
    by_seed = Resamples(users).means(apart)
    weights = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(by_seed)) / seeds
    low, high = np.quantile((by_seed * weights).sum(axis=1), [0.01, 0.99])
    return Estimate(*(round(float(x), 9) for x in (apart.mean(), low, high)))
