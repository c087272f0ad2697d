"""The weights of a score's factors, learned on earlier days.

A score is the probability that a customer acts on an item, for the first time, within the
horizon: 1 / (1 + exp(-(intercept + sum of weight x factor))). The weights maximise the weighted
log-likelihood of (customer, item) pairs of earlier moments: every pair that was adopted or exposed,
and a sample of the many others, each counting for those it stands for.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np

from followsuit.core.threads import one_thread
from followsuit.offers.moment import FACTORS, Moment, pick

_OTHERS = 20_000
"""Pairs, of those neither exposed nor adopted, that a moment contributes."""
_EXPOSED = 50_000
_ENOUGH = 20
"""Adoptions below which there is too little to learn from."""
_RIDGE = 10.0


@dataclass(frozen=True)
class Weights:
    """An intercept and a weight for each factor.

    `moments` and `adoptions` say what they were learned from; with 0 moments they are the ones to
    start from, the average of three public data sets.
    """

    intercept: float = -10.9
    popularity: float = 1.0
    category: float = 0.2
    affinity: float = 1.4
    activity: float = 0.8
    friends: float = 1.0
    moments: int = 0
    adoptions: int = 0

    def as_dict(self) -> dict[str, float]:
        """By name."""
        return asdict(self)

    def vector(self) -> np.ndarray:
        """The factors' weights, in the order of `FACTORS`."""
        return np.array([getattr(self, name) for name in FACTORS])

    def without_friends(self) -> "Weights":
        """The same with the factor of friends left out."""
        return replace(self, friends=0.0)


@dataclass(frozen=True)
class Sample:
    """Pairs of one earlier moment to learn from.

    `x` is (pairs, factors), in the order of `FACTORS`; `y` whether the pair was adopted; `weight`
    how many pairs each stands for.
    """

    as_of: datetime
    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray


def sample(moment: Moment, adopted: np.ndarray, seed: int) -> Sample:
    """Draw pairs of a moment whose outcome is known.

    Args:
        moment: whose customers and items are paired.
        adopted: (pairs, 2) row and column of what was adopted within the horizon.
        seed: with the moment's instant it decides the draw.
    """
    random = np.random.default_rng([seed, int(moment.as_of.timestamp())])
    n, k = len(moment.customers), len(moment.items)
    positive = adopted[:, 0] * k + adopted[:, 1]
    exposed = moment.exposed.row.to_numpy() * k + moment.exposed.column.to_numpy()
    exposed = np.setdiff1d(exposed, positive)
    drawn = exposed
    if len(exposed) > _EXPOSED:
        drawn = np.sort(random.choice(exposed, _EXPOSED, replace=False))
    others = np.unique(random.integers(0, max(n * k, 1), _OTHERS if n * k else 0))
    known = np.concatenate([positive, exposed])
    free = ~moment.barred_pairs(*np.divmod(others, max(k, 1)))
    share = free.mean() if len(others) else 0.0
    others = others[free & ~np.isin(others, known)]
    all_others = n * k * share - len(known)
    pairs = np.concatenate([positive, drawn, others])
    return Sample(
        moment.as_of,
        _factors(moment, *np.divmod(pairs, max(k, 1))),
        np.concatenate([np.ones(len(positive)), np.zeros(len(drawn) + len(others))]),
        np.concatenate(
            [
                np.ones(len(positive)),
                np.full(len(drawn), len(exposed) / max(len(drawn), 1)),
                np.full(len(others), all_others / max(len(others), 1)),
            ]
        ),
    )


def _factors(moment: Moment, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(pairs, factors)"""
    friends = pick(moment.friends, rows, columns)
    return np.column_stack(
        [
            moment.popularity[columns],
            *moment.own_of(rows, columns),
            moment.activity[rows],
            friends,
        ]
    )


def learn(samples: Sequence[Sample], *, friends: bool = True) -> Weights:
    """Learn the weights from earlier moments.

    Friends' acts are taken to make an act no less likely: where the data says otherwise, their
    factor gets no weight.

    Args:
        samples: of moments whose horizon has passed.
        friends: whether the factor of friends is used at all.

    Returns:
        What was learned, or the weights to start from where fewer than 20 adoptions are known.
    """
    adoptions = int(sum(s.y.sum() for s in samples))
    if adoptions < _ENOUGH:
        return Weights() if friends else Weights().without_friends()
    from sklearn.linear_model import LogisticRegression  # slow to import, and seldom needed

    used = [i for i, name in enumerate(FACTORS) if friends or name != "friends"]
    model = LogisticRegression(C=_RIDGE, solver="newton-cholesky", tol=1e-9, max_iter=100)
    with one_thread():
        model.fit(
            np.concatenate([s.x for s in samples])[:, used],
            np.concatenate([s.y for s in samples]),
            np.concatenate([s.weight for s in samples]),
        )
    learned = {FACTORS[i]: float(w) for i, w in zip(used, model.coef_[0], strict=True)}
    if learned.get("friends", 0.0) < 0:
        return learn(samples, friends=False)
    return Weights(
        intercept=float(model.intercept_[0]),
        **{"friends": 0.0, **learned},
        moments=len(samples),
        adoptions=adoptions,
    )
