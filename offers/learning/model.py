"""The one score of an offer: how likely the customer is to act on the item within the horizon."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

import numpy as np

from followsuit.core.threads import one_thread
from followsuit.offers.features.declared import NAMES, RISING, START, TRIGGER, Values

DIGITS = 9
"""Scores are rounded to this many decimals, so that ties are ties on every machine."""
ENOUGH = 20
"""Adoptions below which there is too little to learn from."""
_RIDGE = 10.0


@dataclass(frozen=True)
class Examples:
    """Customer-item pairs of one earlier instant, whose outcome is known: a training set."""

    as_of: datetime
    x: np.ndarray
    """(pairs, features), in the order of `NAMES`."""
    y: np.ndarray
    """(pairs,) 1 where the customer acted on the item within the horizon."""
    weight: np.ndarray
    """(pairs,) how many pairs each stands for."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of pairs; arrays of one length, rounded."""

    probability: np.ndarray
    own_share: np.ndarray
    """The probability without any trigger."""

    @property
    def trigger_share(self) -> np.ndarray:
        """How much of the probability the triggers add; never negative."""
        share: np.ndarray = (self.probability - self.own_share).round(DIGITS)
        return share


class Model(ABC):
    """Predicts from features whether a customer acts on an item."""

    name: ClassVar[str]

    @abstractmethod
    def fit(self, examples: Sequence[Examples], *, without: Collection[str] = ()) -> Self:
        """Learn from earlier instants; returns the fitted model.

        Args:
            examples: of instants whose horizon has passed.
            without: names of features that are not used.
        """

    @abstractmethod
    def score(self, values: Values) -> np.ndarray:
        """Any number that rises with the probability, of the shape that the features have."""

    @abstractmethod
    def predict(self, values: Values) -> Prediction:
        """The probability of pairs."""

    @abstractmethod
    def contributions(self, values: Values) -> Values:
        """What each feature adds to the score of pairs, by its name."""


@dataclass(frozen=True)
class LogisticModel(Model):
    """probability = 1 / (1 + exp(-(intercept + sum of weight x feature))).

    The weights maximise the weighted log-likelihood of the training set with a ridge penalty. A
    feature that can't make acceptance less likely (see `Feature.direction`) gets no weight where
    the data says otherwise.

    Attributes:
        intercept: the log-odds of features that are all 0.
        weights: by the name of the feature.
        moments: earlier instants that it was learned from; with 0 the weights are the ones to start
            from.
        adoptions: pairs that were acted on in the training set.
    """

    name: ClassVar[str] = "logistic"
    intercept: float = -10.9
    weights: Mapping[str, float] = field(default_factory=lambda: dict(START))
    moments: int = 0
    adoptions: int = 0

    def __post_init__(self) -> None:
        # JSON keeps the weights in another order.
        ordered = {name: float(self.weights[name]) for name in NAMES}
        object.__setattr__(self, "weights", ordered)

    def fit(  # noqa: D102
        self, examples: Sequence[Examples], *, without: Collection[str] = ()
    ) -> Self:
        adoptions = int(sum(e.y.sum() for e in examples))
        if adoptions < ENOUGH:
            return type(self)(weights=START | dict.fromkeys(without, 0.0))
        from sklearn.linear_model import LogisticRegression  # slow to import, and seldom needed

        used = [i for i, name in enumerate(NAMES) if name not in without]
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
        weights = dict.fromkeys(without, 0.0) | learned
        intercept = float(regression.intercept_[0])
        return type(self)(intercept, weights, len(examples), adoptions)

    def score(self, values: Values) -> np.ndarray:
        """The log-odds, rounded."""
        log_odds: np.ndarray = self._log_odds(values, NAMES)
        return log_odds.round(DIGITS)

    def predict(self, values: Values) -> Prediction:  # noqa: D102
        own = [name for name in NAMES if name not in TRIGGER]
        return Prediction(
            _probability(self._log_odds(values, NAMES)), _probability(self._log_odds(values, own))
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
        """Its attributes by name, as a run notes them."""
        return asdict(self)


def _probability(log_odds: np.ndarray) -> np.ndarray:
    chance: np.ndarray = 1.0 / (1.0 + np.exp(-log_odds))
    return chance.round(DIGITS)
