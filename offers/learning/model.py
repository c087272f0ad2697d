"""The acceptance model: how likely a customer is to buy or visit an item within the horizon."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

import numpy as np

from followsuit.core.threads import one_thread
from followsuit.offers.features.declared import NAMES, OWN, RISING, START, TRIGGER, Values

DIGITS = 9
"""Scores are rounded to this many decimals, so that equal scores are equal on every machine."""
ENOUGH = 20
"""Minimum number of adoptions in the training set; with fewer, the default weights are used."""
_RIDGE = 10.0


@dataclass(frozen=True)
class Examples:
    """The training set of one cutoff: pairs of customer and item whose label is known."""

    as_of: datetime
    x: np.ndarray
    """(pairs, features) feature values, in the order of `NAMES`."""
    y: np.ndarray
    """(pairs,) labels: 1 if the customer bought or visited the item within the horizon, else 0."""
    weight: np.ndarray
    """(pairs,) number of pairs that each sampled pair represents."""


@dataclass(frozen=True)
class Prediction:
    """A model's prediction for pairs of customer and item, rounded."""

    probability: np.ndarray
    """(pairs,) probability that the customer buys or visits the item within the horizon."""
    own_share: np.ndarray
    """(pairs,) the probability without any trigger."""

    @property
    def trigger_share(self) -> np.ndarray:
        """(pairs,) how much of the probability comes from triggers; never negative."""
        share: np.ndarray = (self.probability - self.own_share).round(DIGITS)
        return share


class Model(ABC):
    """Predicts from features how likely a customer is to buy or visit an item."""

    name: ClassVar[str]

    @abstractmethod
    def fit(self, examples: Sequence[Examples], *, without: Collection[str] = ()) -> Self:
        """Fit the model to training sets.

        Args:
            examples: training sets of cutoffs whose horizon has passed.
            without: names of features to leave out.

        Returns:
            A new, fitted model.
        """

    @abstractmethod
    def score(self, values: Values) -> np.ndarray:
        """A number that increases with the probability, in the shape of the features.

        Features that aren't given count as 0.
        """

    @abstractmethod
    def predict(self, values: Values) -> Prediction:
        """Predict the probability of pairs."""

    @abstractmethod
    def contributions(self, values: Values) -> Values:
        """What each feature adds to the score of pairs, by feature name."""


@dataclass(frozen=True)
class LogisticModel(Model):
    """probability = 1 / (1 + exp(-(intercept + sum of weight x feature))).

    The weights maximise the weighted log-likelihood of the training set with a ridge penalty. A
    feature that never makes acceptance less likely (see `Feature.direction`) gets weight 0 if its
    fitted weight is negative. A trigger's feature that is always 0 in the training set keeps its
    default weight.

    Attributes:
        intercept: the log-odds if all features are 0.
        weights: the weights by feature name.
        moments: number of cutoffs in the training set; 0 if the weights are the default ones.
        adoptions: number of pairs with label 1 in the training set.
    """

    name: ClassVar[str] = "logistic"
    intercept: float = -10.9
    weights: Mapping[str, float] = field(default_factory=lambda: dict(START))
    moments: int = 0
    adoptions: int = 0

    def __post_init__(self) -> None:
        # Weights from JSON may come in another order.
        ordered = {name: float(self.weights[name]) for name in NAMES}
        object.__setattr__(self, "weights", ordered)

    def fit(  # noqa: D102
        self, examples: Sequence[Examples], *, without: Collection[str] = ()
    ) -> Self:
        adoptions = int(sum(e.y.sum() for e in examples))
        if adoptions < ENOUGH:
            return type(self)(weights=START | dict.fromkeys(without, 0.0))
        from sklearn.linear_model import LogisticRegression  # slow to import, and rarely needed

        unseen = {n for i, n in enumerate(NAMES) if n in TRIGGER and not _occurs(examples, i)}
        left_out = {*without, *unseen}
        used = [i for i, name in enumerate(NAMES) if name not in left_out]
        regression = LogisticRegression(C=_RIDGE, solver="newton-cholesky", tol=1e-9, max_iter=100)
        with one_thread():
            regression.fit(
                np.concatenate([e.x for e in examples])[:, used],
                np.concatenate([e.y for e in examples]),
                np.concatenate([e.weight for e in examples]),
            )
        learned = {NAMES[i]: float(w) for i, w in zip(used, regression.coef_[0], strict=True)}
        falling = {name for name in RISING if learned.get(name, 0.0) < 0}
        if falling:
            return self.fit(examples, without={*without, *falling})
        weights = {n: START[n] for n in unseen} | dict.fromkeys(without, 0.0) | learned
        intercept = float(regression.intercept_[0])
        return type(self)(intercept, weights, len(examples), adoptions)

    def score(self, values: Values) -> np.ndarray:
        """The log-odds of the features that are given, rounded."""
        log_odds: np.ndarray = self._log_odds(values, [n for n in NAMES if n in values])
        return log_odds.round(DIGITS)

    def predict(self, values: Values) -> Prediction:  # noqa: D102
        return Prediction(
            _probability(self._log_odds(values, NAMES)), _probability(self._log_odds(values, OWN))
        )

    def contributions(self, values: Values) -> Values:  # noqa: D102
        return {name: self.weights[name] * np.asarray(values[name], float) for name in NAMES}

    def _log_odds(self, values: Values, names: Sequence[str]) -> np.ndarray:
        shape = np.broadcast_shapes(*(values[name].shape for name in names))
        total = np.full(shape, self.intercept)
        for name in names:
            if self.weights[name]:
                total += np.multiply(values[name], self.weights[name], dtype=np.float64)
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
