"""All features, in the order of the model's weights: the customer's own, then those of triggers."""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.activity import Activity
from followsuit.offers.features.affinity import Affinity
from followsuit.offers.features.basket import Basket
from followsuit.offers.features.category import Category
from followsuit.offers.features.city_popularity import CityPopularity
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.offers.features.frequency import Frequency
from followsuit.offers.features.long_frequency import LongFrequency
from followsuit.offers.features.of_reasons import Strength, feature_of
from followsuit.offers.features.popularity import Popularity
from followsuit.offers.features.price import Price
from followsuit.offers.features.recency import Recency
from followsuit.offers.features.refill import Refill
from followsuit.offers.features.row_values import RowValues

FEATURES: tuple[type[Feature], ...] = (
    Popularity,
    CityPopularity,
    Category,
    Affinity,
    Basket,
    Frequency,
    LongFrequency,
    Refill,
    Price,
    Activity,
    Recency,
)
"""The features that don't depend on which triggers there are."""
OWN = tuple(feature.name for feature in FEATURES if feature.part == "own")
"""Names of the features that describe the customer's own interest."""
_RISING = {feature.name for feature in FEATURES if feature.direction > 0}
_START = {feature.name: feature.start for feature in FEATURES}

Values = dict[str, np.ndarray]
"""Feature values by feature name. The arrays broadcast to one shape."""


def names_of(triggers: Iterable[str]) -> tuple[str, ...]:
    """The names of all features, in order.

    Args:
        triggers: the names of the triggers.
    """
    return (*(feature.name for feature in FEATURES), *map(feature_of, triggers))


def is_own(name: str) -> bool:
    """Whether a feature describes the customer's own interest, not what triggers add."""
    return name in OWN


def is_rising(name: str) -> bool:
    """Whether a higher value of a feature never makes acceptance less likely."""
    return name in _RISING or name not in _START


def start_of(name: str) -> float:
    """The default weight of a feature.

    Those of own features are averages over three public data sets, or 0 where none was measured.
    """
    return _START.get(name, Strength.start)


def leading_trigger(triggers: Sequence[str], values: Values, parts: Values, n: int) -> np.ndarray:
    """The trigger with a reason that adds most to the score of each row.

    Args:
        triggers: the names of the triggers.
        values: the features, by name.
        parts: what each feature adds to the log-odds, by feature name.
        n: number of rows.

    Returns:
        (n,) names; "" for a row without a reason.
    """
    if not triggers:
        return np.full(n, "", dtype=object)
    fired = np.stack([values[feature_of(name)] > 0 for name in triggers])
    shares = np.stack([parts[feature_of(name)] for name in triggers])
    first = np.where(fired, shares, -np.inf).argmax(axis=0)
    leading: np.ndarray = np.array(triggers, dtype=object)[first]
    return np.where(fired.any(axis=0), leading, "")


class Features:
    """The features of a grid.

    Args:
        grid: the customers and items.
        triggers: the names of the triggers.

    Attributes:
        names: the names of all features, in order.
        of_triggers: the names of those that describe what triggers add.
    """

    def __init__(self, grid: Grid, triggers: Iterable[str]) -> None:
        self._features: dict[str, Feature] = {feature.name: feature(grid) for feature in FEATURES}
        self._features |= {feature_of(name): Strength(grid, name) for name in triggers}
        self.names = tuple(self._features)
        self.of_triggers = tuple(name for name in self.names if not is_own(name))

    def __getitem__(self, name: str) -> Feature:
        return self._features[name]

    def block(
        self, rows: Select, columns: Select = ALL, names: Sequence[str] | None = None
    ) -> Values:
        """See `Feature.block`; `names` chooses features, None for all."""
        chosen = self.names if names is None else names
        return {name: self._features[name].block(rows, columns) for name in chosen}

    def of_rows(self, rows: np.ndarray) -> dict[str, RowValues]:
        """See `Feature.of_rows`."""
        return {name: each.of_rows(rows) for name, each in self._features.items()}

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> Values:
        """See `Feature.pairs`."""
        return {name: each.pairs(rows, columns) for name, each in self._features.items()}

    def replaced(self, features: dict[str, Feature]) -> Self:
        """A copy with some features replaced, by name."""
        copy = type(self).__new__(type(self))
        copy._features = {**self._features, **features}
        copy.names, copy.of_triggers = self.names, self.of_triggers
        return copy
