"""The contract of models: those of the registry, a user's, and models that break it."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from pydantic import Field
from scipy import sparse

from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Dataset, Floats, Ints
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Recommender
from followsuit.gnn.models.registry import MODELS, MissingExtra, model
from followsuit.testing.model_contract import DATA, ModelContract

NETWORK = {"width": 8, "batch": 64, "epochs": 2, "longest": 2}


def made(name: str, **settings: Any) -> Recommender:
    try:
        return model(name, **settings)
    except MissingExtra as error:
        pytest.skip(str(error))


class TestPopularity(ModelContract):
    def make(self) -> Recommender:
        return made("popularity")


class TestFriends(ModelContract):
    def make(self) -> Recommender:
        return made("friends", damp=0.5, likeness=5.0, prior=3.0)


class TestEase(ModelContract):
    def make(self) -> Recommender:
        return made("ease", l2=20.0)


class TestEaseDamped(ModelContract):
    def make(self) -> Recommender:
        return made("ease_damped", l2=20.0)


class TestIals(ModelContract):
    def make(self) -> Recommender:
        return made("ials", factors=8, rounds=3)


class TestGfcf(ModelContract):
    def make(self) -> Recommender:
        return made("gfcf", rank=8)


class TestLightgcn(ModelContract):
    def make(self) -> Recommender:
        return made("lightgcn", **NETWORK)


class TestSocial(ModelContract):
    def make(self) -> Recommender:
        return made("social", **NETWORK)


class TestHetero(ModelContract):
    def make(self) -> Recommender:
        return made("hetero", **NETWORK)


class TestBlend(ModelContract):
    def make(self) -> Recommender:
        parts = {"ease_damped": {"l2": 20.0}, "friends": {}, "ials": made("ials").settings()}
        return made("blend", parts=parts, weights={"ease_damped": 1.0, "friends": 0.4, "ials": 0.2})


def test_every_model_of_the_registry_keeps_the_contract() -> None:
    classes = {f"Test{name.title().replace('_', '')}" for name in MODELS}
    assert classes <= {kind.__name__ for kind in ModelContract.__subclasses__()}


class NeighboursConfig(ModelConfig):
    power: float = Field(default=1.0, gt=0)


class Neighbours(Recommender):
    """A model as a user might write it: items seen together."""

    config_class = NeighboursConfig
    config: NeighboursConfig

    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        together = (data.seen.T @ data.seen).toarray() ** self.config.power
        np.fill_diagonal(together, 0)
        return self.restore({"together": together.astype(np.float32)}, data)

    def score(self, users: Ints) -> Floats:
        return self.score_new(self.data.seen[users])

    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        return np.ascontiguousarray((self.together.T @ seen.T).T)

    def state(self) -> dict[str, np.ndarray]:
        return {"together": self.together}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        self.data, self.together = data, state["together"]
        return self


class TestModelOfAUser(ModelContract):
    def make(self) -> Recommender:
        return Neighbours(power=0.5)


class Forgetful(Neighbours):
    """Its state is incomplete."""

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        super().restore(state, data)
        self.together = self.together * state.get("scale", np.float32(2))
        return self


class Restless(Neighbours):
    """Draws without the random seed."""

    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        return super().score_new(seen)

    def fit(self, data: Dataset, *more: Any, **named: Any) -> Self:
        super().fit(data, *more, **named)
        self.together = self.together + np.random.default_rng().random(1, dtype=np.float32)
        return self


class Undefined(Neighbours):
    """Divides by what may be 0."""

    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        scores = super().score_new(seen)
        with np.errstate(invalid="ignore"):
            return scores / scores.sum(axis=1, keepdims=True)


class Meddling(Neighbours):
    """Changes the data that it is given."""

    def score_new(self, seen: sparse.csr_matrix) -> Floats:
        seen.data *= 2
        return super().score_new(seen)

    def score(self, users: Ints) -> Floats:
        return super().score_new(self.data.seen[users])

    def fit(self, data: Dataset, *more: Any, **named: Any) -> Self:
        data.seen.data *= 2
        return super().fit(data, *more, **named)


def test_models_that_break_the_contract_fail_its_tests(tmp_path: Path) -> None:
    class Contract(ModelContract):
        def __init__(self, kind: type[Recommender]) -> None:
            self.kind = kind

        def make(self) -> Recommender:
            return self.kind()

    with pytest.raises(AssertionError):
        Contract(Forgetful).test_a_saved_model_is_loaded_as_it_was(Forgetful().fit(DATA), tmp_path)
    with pytest.raises(AssertionError):
        Contract(Restless).test_the_same_random_seed_gives_the_same_bytes(Restless().fit(DATA))
    with pytest.raises(AssertionError):
        Contract(Undefined).test_scores_are_a_new_finite_array_of_every_item(Undefined().fit(DATA))
    with pytest.raises(AssertionError):
        Contract(Meddling).test_fit_and_score_change_nothing_in_the_data()
