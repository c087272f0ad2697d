"""The boosted acceptance model: LightGBM (Ke et al. 2017) with monotone constraints."""

import base64
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from followsuit.offers.features.declared import Values, is_own, is_rising
from followsuit.offers.learning.model import DIGITS, Examples, Model, Prediction

if TYPE_CHECKING:
    import lightgbm

FEWEST = 200
"""A fit needs this many pairs with label 1."""
_TREES = 80
_SETTINGS = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.1,
    # LightGBM guesses the number of rows in a leaf from their weights, so a larger number would
    # rule out leaves of light rows beside heavy ones.
    "min_data_in_leaf": 1,
    "min_sum_hessian_in_leaf": 0.1,
    "lambda_l2": 10.0,
    # A leaf adds at most 1 to the log-odds: from a small base rate, Newton's steps go much too far.
    "max_delta_step": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
    "seed": 0,
}


@dataclass(frozen=True)
class BoostedModel(Model):
    """Boosted trees, in which a rising feature never makes acceptance less likely.

    Contributions are SHAP values (Lundberg et al. 2020), which add up to the log-odds with `base`.

    Attributes:
        names: the features.
        trees: the trees, in LightGBM's format, compressed; "" if there was too little data.
        base: the log-odds that contributions are added to.
    """

    name: ClassVar[str] = "lightgbm"
    names: tuple[str, ...] = ()
    trees: str = field(default="", repr=False)
    base: float = 0.0

    def fit(  # noqa: D102
        self, examples: Sequence[Examples], *, without: Collection[str] = ()
    ) -> Self:
        if sum(e.y.sum() for e in examples) < FEWEST:
            return type(self)()
        import lightgbm  # slow to import, and rarely needed

        names = tuple(name for name in examples[0].names if name not in without)
        used = [examples[0].names.index(name) for name in names]
        rising = [int(is_rising(name)) for name in names]
        rows = lightgbm.Dataset(
            np.concatenate([e.x for e in examples])[:, used],
            np.concatenate([e.y for e in examples]),
            weight=np.concatenate([e.weight for e in examples]),
        )
        settings = {**_SETTINGS, "monotone_constraints": rising}
        booster = lightgbm.train(settings, rows, num_boost_round=_TREES)
        trees = base64.b85encode(zlib.compress(booster.model_to_string().encode(), 9)).decode()
        nothing = np.zeros((1, len(names)))
        base = float(np.asarray(booster.predict(nothing, pred_contrib=True))[0, -1])
        return type(self)(names, trees, base)

    @property
    def fitted(self) -> bool:
        """Whether there was enough data to fit it."""
        return bool(self.trees)

    @cached_property
    def _booster(self) -> "lightgbm.Booster":
        import lightgbm

        text = zlib.decompress(base64.b85decode(self.trees)).decode()
        return lightgbm.Booster(model_str=text)

    def predict(self, values: Values) -> Prediction:  # noqa: D102
        rows = self._rows(values)
        probability = self._probability(rows)
        of_triggers = [not is_own(name) for name in self.names]
        own_share = probability.copy()
        with_trigger = np.flatnonzero(rows[:, of_triggers].any(axis=1))
        own = rows[with_trigger]
        own[:, of_triggers] = 0
        own_share[with_trigger] = np.minimum(self._probability(own), probability[with_trigger])
        return Prediction(probability, own_share)

    def contributions(self, values: Values) -> Values:  # noqa: D102
        rows = self._rows(values)
        parts = np.zeros((0, len(self.names) + 1))
        if len(rows):
            parts = np.asarray(self._booster.predict(rows, pred_contrib=True, num_threads=1))
        nothing = np.zeros(len(rows))
        by_name = {name: parts[:, i] for i, name in enumerate(self.names)}
        return {name: by_name.get(name, nothing) for name in values}

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name, as stored with a run."""
        return {"names": list(self.names), "trees": self.trees, "base": self.base}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        return cls(tuple(kept["names"]), kept["trees"], kept["base"])

    def _rows(self, values: Values) -> np.ndarray:
        """(pairs, features) float64."""
        nothing = np.zeros(len(next(iter(values.values()))))
        columns = [np.asarray(values.get(name, nothing), float) for name in self.names]
        return np.column_stack(columns)

    def _probability(self, rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.zeros(0)
        chance: np.ndarray = np.asarray(self._booster.predict(rows, num_threads=1)).round(DIGITS)
        return chance
