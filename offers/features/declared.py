"""All features, in the order of the model's weights."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.activity import Activity
from followsuit.offers.features.affinity import Affinity
from followsuit.offers.features.category import Category
from followsuit.offers.features.feature import ALL, Feature, Select
from followsuit.offers.features.friends import Friends
from followsuit.offers.features.popularity import Popularity
from followsuit.offers.features.reasons import BroadReasons, Reasons

FEATURES: tuple[type[Feature], ...] = (
    Popularity,
    Category,
    Affinity,
    Activity,
    Friends,
    Reasons,
    BroadReasons,
)
NAMES = tuple(feature.name for feature in FEATURES)
START = {feature.name: feature.start for feature in FEATURES}
"""Default weights, averaged over three public data sets."""
TRIGGER = tuple(feature.name for feature in FEATURES if feature.part == "trigger")
"""Names of the features that belong to triggers."""
OWN = tuple(feature.name for feature in FEATURES if feature.part == "own")
"""Names of the other features, which describe the customer's own interest."""
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

    def block(self, rows: Select, columns: Select = ALL, names: Sequence[str] = NAMES) -> Values:
        """See `Feature.block`."""
        return {name: self._features[name].block(rows, columns) for name in names}

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> Values:
        """See `Feature.pairs`."""
        return {name: each.pairs(rows, columns) for name, each in self._features.items()}

    def replaced(self, **features: Feature) -> Self:
        """A copy with some features replaced, by name."""
        copy = type(self).__new__(type(self))
        copy._features = {**self._features, **features}
        return copy
