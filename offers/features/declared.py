"""All features, in the order of the model's weights."""

from typing import Self

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.activity import Activity
from followsuit.offers.features.affinity import Affinity
from followsuit.offers.features.category import Category
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.offers.features.friends import Friends
from followsuit.offers.features.popularity import Popularity

FEATURES: tuple[type[Feature], ...] = (Popularity, Category, Affinity, Activity, Friends)
NAMES = tuple(feature.name for feature in FEATURES)
START = {feature.name: feature.start for feature in FEATURES}
"""Default weights, averaged over three public data sets."""
TRIGGER = tuple(feature.name for feature in FEATURES if feature.part == "trigger")
"""Names of the features that belong to triggers."""
BY_TRIGGER = {trigger: f.name for f in FEATURES for trigger in f.triggers}
"""The name of each trigger's feature, for triggers that have one."""
RISING = tuple(feature.name for feature in FEATURES if feature.direction > 0)
"""Names of the features whose weight is never negative."""

Values = dict[str, np.ndarray]
"""Feature values by feature name. The arrays broadcast to one shape."""


class Features:
    """The features of a grid."""

    def __init__(self, grid: Grid) -> None:
        self._features = {feature.name: feature(grid) for feature in FEATURES}

    def __getitem__(self, name: str) -> Feature:
        return self._features[name]

    def block(self, rows: Select, columns: Select = ALL) -> Values:
        """See `Feature.block`."""
        return {name: each.block(rows, columns) for name, each in self._features.items()}

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> Values:
        """See `Feature.pairs`."""
        return {name: each.pairs(rows, columns) for name, each in self._features.items()}

    def replaced(self, **features: Feature) -> Self:
        """A copy with some features replaced, by name."""
        copy = type(self).__new__(type(self))
        copy._features = {**self._features, **features}
        return copy
