"""Grid search on validation, one axis at a time."""

import gc
import weakref
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from scipy import sparse
from support.folders import planted_split

from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Dataset, Floats, Ints, binary
from followsuit.gnn.evaluation.validation import validation_ndcg, validation_users
from followsuit.gnn.models.ease import Ease
from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Recommender
from followsuit.gnn.training.grid_search import search_grid
from followsuit.testing.tastes import planted

SPLIT = planted_split()
TRUTH = SPLIT.validation.toarray()


class DialsConfig(ModelConfig):
    a: int = 1
    b: float = 0.75


class Dials(Recommender):
    """Predicts the later items, the worse the farther its settings are from (30, 0.5)."""

    name: ClassVar[str] = "dials"
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "a": (1, 3, 10, 30, 100),
        "b": (0.0, 0.25, 0.5, 0.75),
    }

    config_class = DialsConfig
    config: DialsConfig
    fitted: ClassVar[list[tuple[int, float]]] = []

    def fit(
        self,
        data: Dataset,
        validation: sparse.csr_matrix | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Self:
        Dials.fitted.append((self.config.a, self.config.b))
        return self.restore({}, data)

    def score(self, users: Ints) -> Floats:
        away = abs(np.log(self.config.a / 30)) + abs(self.config.b - 0.5)
        noise = np.random.default_rng(0).random(TRUTH.shape)
        scores: Floats = (TRUTH + (1.2 + away) * noise).astype(np.float32)[users]
        return scores

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def restore(self, state: dict[str, np.ndarray], data: Dataset) -> Self:
        self.data = data
        return self


def test_the_top_is_found_from_any_start_and_nothing_is_tried_twice() -> None:
    for a, b in ((1, 0.75), (100, 0.0), (30, 0.5), (3, 0.25)):
        Dials.fitted.clear()
        search = search_grid(Dials(a=a, b=b), SPLIT.train, SPLIT.validation)
        assert search.model.config == DialsConfig(a=30, b=0.5)
        assert len(Dials.fitted) == len(set(Dials.fitted)) < 20


def test_a_start_that_is_not_on_the_grid_leads_onto_it() -> None:
    best = search_grid(Dials(a=20, b=0.6), SPLIT.train, SPLIT.validation).model
    assert best.config == DialsConfig(a=30, b=0.5)


def test_the_ridge_of_ease_is_the_best_of_all() -> None:
    search = search_grid(Ease(), SPLIT.train, SPLIT.validation)
    users = validation_users(SPLIT.validation)
    each = {
        l2: validation_ndcg(Ease(l2=l2).fit(SPLIT.train), SPLIT.validation, users)
        for l2 in Ease.grid["l2"]
    }
    assert search.ndcg == max(each.values())
    assert isinstance(search.model, Ease)
    assert each[search.model.config.l2] == search.ndcg


class Large(Ease):
    """Keeps weak references to fitted models."""

    alive: ClassVar[list[weakref.ref[Ease]]] = []
    most: ClassVar[int] = 0

    def fit(self, *args: Any, **more: Any) -> Self:
        super().fit(*args, **more)
        gc.collect()
        Large.alive.append(weakref.ref(self))
        Large.most = max(Large.most, sum(one() is not None for one in Large.alive))
        return self


def test_no_more_than_two_fitted_models_are_held_at_a_time() -> None:
    search_grid(Large(), SPLIT.train, SPLIT.validation)
    assert len(Large.alive) > 2
    assert Large.most == 2


def test_validation_is_the_mean_ndcg_of_users_with_later_items() -> None:
    model = Ease(l2=20).fit(SPLIT.train)
    scores = model.score(np.arange(120))
    figures = []
    for user in np.flatnonzero(TRUTH.any(axis=1)):
        left = [i for i in range(80) if not SPLIT.train.seen[user, i]]
        best = sorted(left, key=lambda i: (-scores[user, i], i))[:20]
        gain = sum(TRUTH[user, i] / np.log2(r + 2) for r, i in enumerate(best))
        figures.append(gain / sum(1 / np.log2(r + 2) for r in range(int(TRUTH[user].sum()))))
    quality = validation_ndcg(model, SPLIT.validation, validation_users(SPLIT.validation))
    assert quality == pytest.approx(np.mean(figures))


def test_validation_users_are_all_with_later_items_or_a_fixed_sample_of_4000() -> None:
    users = validation_users(SPLIT.validation)
    assert users.tolist() == np.flatnonzero(TRUTH.any(axis=1)).tolist()
    many = binary(np.repeat([[1], [0]], 5000, axis=0))
    some = validation_users(many)
    assert len(some) == 4000
    assert some.max() < 5000
    assert (np.diff(some) > 0).all()
    assert (validation_users(many) == some).all()
    assert (validation_users(many, seed=1) != some).any()


def test_without_validation_items_the_settings_stay() -> None:
    nothing = sparse.csr_matrix(TRUTH.shape, dtype=np.float32)
    search = search_grid(Ease(l2=50), planted(), nothing)
    assert search.model.config == Ease(l2=50).config
    assert search.ndcg == 0


def test_a_model_without_a_grid_is_fitted_once() -> None:
    class Fixed(Dials):
        grid: ClassVar[dict[str, tuple[Any, ...]]] = {}

    Dials.fitted.clear()
    best = search_grid(Fixed(a=3), SPLIT.train, SPLIT.validation).model
    assert best.config == DialsConfig(a=3)
    assert Dials.fitted == [(3, 0.75)]
