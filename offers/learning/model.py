"""The interface of acceptance models, and their training set."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import logit

from followsuit.offers.features.declared import Values

DIGITS = 9
"""Scores are rounded to this many decimals, so that equal scores are equal on every machine."""
ENOUGH = 20
"""Minimum number of adoptions in the training set; with fewer, the default weights are used."""
_TINY = 1e-9


@dataclass(frozen=True)
class Examples:
    """The training set of one cutoff: pairs of customer and item whose label is known."""

    as_of: datetime
    names: tuple[str, ...]
    """The features."""
    x: np.ndarray
    """(pairs, features) feature values."""
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

    def only(self, pairs: np.ndarray) -> "Prediction":
        """The predictions of some pairs, in this order."""
        return Prediction(self.probability[pairs], self.own_share[pairs])

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
    def predict(self, values: Values) -> Prediction:
        """Predict how likely pairs of customer and item are.

        Args:
            values: (pairs,) feature values by name.
        """

    @abstractmethod
    def contributions(self, values: Values) -> Values:
        """What each feature adds to the log-odds of pairs, (pairs,) by feature name.

        Args:
            values: (pairs,) feature values by name.
        """

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """What the model has learned, as stored with a run."""


def log_odds(probability: np.ndarray) -> np.ndarray:
    """The log-odds of probabilities, finite also for 0 and 1."""
    odds: np.ndarray = logit(np.clip(probability, _TINY, 1 - _TINY))
    return odds


def log_loss(probability: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The mean negative log-likelihood of labels, in nats.

    Args:
        probability: (rows,) predictions.
        y: (rows,) labels, 0 or 1.
        weight: (rows,) weights; None for equal ones.
    """
    chance = np.clip(probability, 1e-12, 1 - 1e-12)
    loss = -np.where(y > 0, np.log(chance), np.log1p(-chance))
    return float(np.average(loss, weights=weight)) if len(y) else 0.0
