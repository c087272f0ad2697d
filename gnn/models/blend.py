"""The blend: a weighted sum of models, with weights learned on validation.

A network that is no better than a linear model may still improve it, since it makes other errors.
So may the friends' items. A part that doesn't help gets weight 0 and is left out.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from followsuit.core.bootstrap import Doubles
from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.core.ranking_metrics import hits_of, ndcg, top_n
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.evaluation.validation import CUTOFF, VALIDATION_USERS, sample_users
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Recommender
from followsuit.gnn.models.registry import MissingExtra, model
from followsuit.gnn.training.grid_search import search_grid

PARTS = ("ease_damped", "ials", "lightgcn", "social", "friends", "popularity")
"""The models to blend; the first one, which is linear, is always kept."""
SOCIAL = ("social", "friends")
"""The parts that use friends."""
STEPS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.65, 0.9, 1.3, 2.0, 3.0)
"""Weights to try, in units of a part's `scale`."""
_CELLS = 2**26
"""Largest number of a part's scores in memory while weights are learned."""
_NOTHING = 1e-6
_LEAST = 1e-4
"""Smallest gain in NDCG for which a weight is changed."""


class NoWeights(FollowsuitError):
    """The blend has no weights: it must be fitted with a validation part first."""


def learn_weights(
    parts: Mapping[str, Recommender],
    first: str,
    validation: sparse.csr_matrix,
    progress: Progress = silent,
) -> dict[str, float]:
    """Learn the weights with the best NDCG@20 on validation, by coordinate ascent.

    Args:
        parts: by name, models fitted without the validation part.
        first: name of the part whose weight is fixed at 1 / its scale.
        validation: (n, m) CSR, the validation interactions.
        progress: progress callback, in weights.

    Returns:
        By name, the factor of each part's scores. It is 0 if the part doesn't help by more than one
        standard error over the users (Breiman et al. 1984, section 3.4.3).
    """
    users = sample_users(validation, min(VALIDATION_USERS, max(1, _CELLS // validation.shape[1])))
    if not len(users):
        return {name: float(name == first) for name in parts}
    seen = parts[first].data.seen[users]
    scores = {name: part.score(users) for name, part in parts.items()}
    scales = {name: _scale(values) for name, values in scores.items()}
    for name, values in scores.items():
        values /= scales[name]
    relevant = np.diff(validation.indptr)[users]

    def ndcg_of(total: Floats) -> Doubles:
        hits = hits_of(top_n(total, CUTOFF, seen), validation, users)
        return ndcg(hits, relevant, CUTOFF)

    weights = dict.fromkeys(parts, 0.0) | {first: 1.0}
    total = scores[first].copy()
    best = ndcg_of(total.copy()).mean()
    others = [name for name in parts if name != first]
    with progress("choosing weights of the blend", len(others) * 2) as advance:
        for _ in range(2):
            for name in others:
                rest = total - np.float32(weights[name]) * scores[name]
                for step in [s for s in STEPS if s != weights[name]]:
                    quality = ndcg_of(rest + np.float32(step) * scores[name]).mean()
                    if quality > best + _LEAST:
                        best, weights[name] = quality, step
                total = rest + np.float32(weights[name]) * scores[name]
                advance(1)
    for name in [name for name in others if weights[name]]:
        rest = total - np.float32(weights[name]) * scores[name]
        gain = ndcg_of(total.copy()) - ndcg_of(rest.copy())
        if gain.mean() <= gain.std() / len(users) ** 0.5:
            weights[name], total = 0.0, rest
    return {name: round(weights[name] / scales[name], 9) for name in parts}


def _scale(scores: Floats) -> float:
    """The mean of the users' highest scores; 1 if that is nearly 0.

    A collapsed factorisation has scores of 1e-20, and of 1e-10 when fitted on more data.
    """
    scale = float(scores.max(axis=1).mean())
    return scale if scale > _NOTHING else 1.0


class BlendConfig(ModelConfig):
    """Settings of a blend."""

    parts: dict[str, dict[str, Any]] = Field(default={name: {} for name in PARTS}, min_length=1)
    """Settings of each part by name; settings that aren't given have the part's defaults."""
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default={})
    """Factor of each part's scores; learned if there is validation."""


class Blend(Recommender):
    """A weighted sum of models."""

    name: ClassVar[str] = "blend"
    random: ClassVar[bool] = True
    config_class = BlendConfig
    config: BlendConfig

    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        """Tune the parts and learn the weights on validation; without it, only fit the parts.

        Args:
            data: the data to fit on.
            validation: (n, m) CSR, later interactions; None to use the config's weights.
            seed: random seed.
            progress: progress callback.

        Raises:
            NoWeights: there is no validation, and the config has no weights.
        """
        if validation is not None:
            fitted = {
                name: search_grid(part, data, validation, seed=seed, progress=progress).model
                for name, part in self.candidates().items()
            }
            return self.learn(fitted, validation, progress)
        if not self.config.weights:
            raise NoWeights("The blend has no weights yet: fit it with a validation part first.")
        return self.of(
            {
                name: model(name, **self.config.parts[name]).fit(data, seed=seed, progress=progress)
                for name in self.config.weights
            }
        )

    def candidates(self) -> dict[str, Recommender]:
        """The parts, unfitted. Without the extra `gnn`, those that need it are left out."""
        parts: dict[str, Recommender] = {}
        self.note = None
        for name, settings in self.config.parts.items():
            try:
                parts[name] = model(name, **settings)
            except MissingExtra as error:
                self.note = f"The blend leaves out its networks. {error}"
        return parts

    def learn(
        self,
        fitted: Mapping[str, Recommender],
        validation: sparse.csr_matrix,
        progress: Progress = silent,
    ) -> Self:
        """Learn the weights of fitted parts.

        Args:
            fitted: by name, parts fitted without the validation part.
            validation: (n, m) CSR, the validation interactions.
            progress: progress callback, in weights.
        """
        weights = learn_weights(fitted, PARTS[0], validation, progress)
        kept = {name: weight for name, weight in weights.items() if weight > 0}
        parts = {name: fitted[name].settings() for name in kept}
        self.config = self.config.changed(parts=parts, weights=kept)
        return self.of({name: fitted[name] for name in kept})

    def of(self, fitted: Mapping[str, Recommender]) -> Self:
        """Use these parts, fitted on the same data set, and their notes."""
        for note in [part.note for part in fitted.values()]:
            if note and note not in (self.note or ""):
                self.note = " ".join(filter(None, [self.note, note]))
        self._fitted = dict(fitted)
        self.data = next(iter(fitted.values())).data
        return self

    def score(self, users: Ints) -> Floats:
        """(users, m) the weighted sum."""
        return self._sum(part.score(users) for part in self._fitted.values())

    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        """(rows, m) the weighted sum."""
        return self._sum(part.score_new(seen) for part in self._fitted.values())

    def _sum(self, scores: Iterable[Floats]) -> Floats:
        """The weighted sum of the parts' scores, given in their order."""
        total: Floats | None = None
        for name, values in zip(self._fitted, scores, strict=True):
            values *= np.float32(self.config.weights[name])
            total = values if total is None else np.add(total, values, out=total)
        assert total is not None, "a blend has at least its first part"
        return total

    def state(self) -> dict[str, np.ndarray]:
        """The parts' states, with the part's name as a prefix."""
        return {
            f"{name}/{key}": array
            for name, part in self._fitted.items()
            for key, array in part.state().items()
        }

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        """Restore the parts from their states."""
        return self.of(
            {
                name: model(name, **self.config.parts[name]).restore(
                    {
                        key.removeprefix(f"{name}/"): array
                        for key, array in state.items()
                        if key.startswith(f"{name}/")
                    },
                    data,
                )
                for name in self.config.weights
            }
        )
