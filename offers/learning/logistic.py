"""The logistic acceptance model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from followsuit.core.threads import one_thread
from followsuit.offers.features.declared import OWN, Values, is_own, is_rising, start_of
from followsuit.offers.features.row_values import RowValues, round_in_place
from followsuit.offers.learning.model import DIGITS, ENOUGH, Examples, Model, Prediction

_INVERSE_RIDGE = 10.0
"""Inverse strength of the ridge penalty."""


@dataclass(frozen=True)
class LogisticModel(Model):
    """probability = 1 / (1 + exp(-(intercept + sum of weight x feature))).

    The weights maximise the weighted log-likelihood of the training set with a ridge penalty. A
    feature that never makes acceptance less likely (see `Feature.direction`) gets weight 0 if its
    fitted weight is negative. A trigger's feature that is always 0 in the training set keeps its
    default weight, and so does a feature that isn't in the training set.

    Attributes:
        intercept: the log-odds if all features are 0.
        weights: the weights by feature name; others have the default weight.
        moments: number of cutoffs in the training set; 0 if the weights are the default ones.
        adoptions: number of pairs with label 1 in the training set.
        unseen: features of triggers that never fired in the training set.
    """

    name: ClassVar[str] = "logistic"
    intercept: float = -10.9
    weights: Mapping[str, float] = field(default_factory=dict)
    moments: int = 0
    adoptions: int = 0
    unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Weights from JSON may come in another order.
        given = {name: float(weight) for name, weight in self.weights.items()}
        own = {name: given.pop(name, start_of(name)) for name in OWN}
        object.__setattr__(self, "weights", own | dict(sorted(given.items())))
        object.__setattr__(self, "unseen", tuple(self.unseen))

    def fit(  # noqa: D102
        self, examples: Sequence[Examples], *, without: Collection[str] = ()
    ) -> Self:
        names = examples[0].names if examples else tuple(without)
        adoptions = int(sum(e.y.sum() for e in examples))
        left_out = dict.fromkeys(without, 0.0)
        if adoptions < ENOUGH:
            return type(self)(weights={name: start_of(name) for name in names} | left_out)
        from sklearn.linear_model import LogisticRegression  # slow to import, and rarely needed

        unseen = {n for i, n in enumerate(names) if not is_own(n) and not _occurs(examples, i)}
        used = [i for i, n in enumerate(names) if n not in unseen and n not in left_out]
        regression = LogisticRegression(
            C=_INVERSE_RIDGE, solver="newton-cholesky", tol=1e-9, max_iter=100
        )
        with one_thread():
            regression.fit(
                np.concatenate([e.x for e in examples])[:, used],
                np.concatenate([e.y for e in examples]),
                np.concatenate([e.weight for e in examples]),
            )
        learned = {names[i]: float(w) for i, w in zip(used, regression.coef_[0], strict=True)}
        falling = {name for name in learned if is_rising(name) and learned[name] < 0}
        if falling:
            return self.fit(examples, without={*without, *falling})
        weights = {n: start_of(n) for n in unseen} | left_out | learned
        intercept = float(regression.intercept_[0])
        return type(self)(intercept, weights, len(examples), adoptions, tuple(sorted(unseen)))

    def score(self, values: Values) -> np.ndarray:
        """The log-odds of the features that are given, rounded, in their shape."""
        return self._log_odds(values).round(DIGITS)

    def score_into(self, total: np.ndarray, features: Mapping[str, RowValues]) -> np.ndarray:
        """The log-odds, rounded, of some customers and all items.

        Args:
            total: (rows, k) where to compute them.
            features: the values of the features that are given.

        Returns:
            `total`.
        """
        total.fill(self.intercept)
        for name, each in features.items():
            if weight := self._weight(name):
                each.add_to(total, weight)
        return round_in_place(total, DIGITS)

    def predict(self, values: Values) -> Prediction:  # noqa: D102
        own = {name: each for name, each in values.items() if is_own(name)}
        return Prediction(_probability(self._log_odds(values)), _probability(self._log_odds(own)))

    def contributions(self, values: Values) -> Values:  # noqa: D102
        return {name: self._weight(name) * np.asarray(each, float) for name, each in values.items()}

    def _weight(self, name: str) -> float:
        weight = self.weights.get(name)
        return start_of(name) if weight is None else weight

    def _log_odds(self, values: Values) -> np.ndarray:
        shape = np.broadcast_shapes(*(each.shape for each in values.values()))
        total = np.full(shape, self.intercept)
        for name, each in values.items():
            if weight := self._weight(name):
                total += np.multiply(each, weight, dtype=np.float64)
        return total

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name, as stored with a run."""
        return asdict(self)


def _occurs(examples: Sequence[Examples], feature: int) -> bool:
    """Whether any pair of the training sets has a value other than 0."""
    return any(e.x[:, feature].any() for e in examples)


def _probability(log_odds: np.ndarray) -> np.ndarray:
    chance: np.ndarray = 1.0 / (1.0 + np.exp(-log_odds))
    return chance.round(DIGITS)
