"""Grid search: finds the settings with the best ranking on validation, one axis at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scipy import sparse

from followsuit.core.progress import Advance, Progress, silent
from followsuit.gnn.data.dataset import Dataset
from followsuit.gnn.evaluation.validation import validation_ndcg, validation_users
from followsuit.gnn.models.recommender import Recommender


@dataclass(frozen=True)
class SearchResult:
    """A model with the best settings, fitted on the train part.

    Attributes:
        model: the model, fitted on the train part.
        ndcg: NDCG@20 on the validation part.
    """

    model: Recommender
    ndcg: float


def search_grid(
    model: Recommender,
    train: Dataset,
    validation: sparse.csr_matrix,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> SearchResult:
    """Search along each axis of the model's grid, until no neighbouring value is better.

    Args:
        model: model with the settings to start from.
        train: the data to fit on.
        validation: (n, m) CSR, the validation interactions.
        seed: random seed.
        progress: progress callback; counts fits.
    """
    with progress(f"searching settings of {model.name}") as advance:
        return _search(model, train, validation, seed, progress, advance)


def _search(
    model: Recommender,
    train: Dataset,
    validation: sparse.csr_matrix,
    seed: int,
    progress: Progress,
    advance: Advance,
) -> SearchResult:
    users = validation_users(validation)
    tried = {_settings(model)}

    def fit(candidate: Recommender) -> SearchResult:
        fitted = candidate.fit(train, validation, seed=seed, progress=progress)
        advance(1)
        return SearchResult(fitted, validation_ndcg(fitted, validation, users))

    def attempt(candidate: Recommender) -> SearchResult | None:
        # Settings tried before were no better than the best. Models are large, so none is kept.
        if _settings(candidate) in tried:
            return None
        tried.add(_settings(candidate))
        return fit(candidate)

    best = fit(model)
    improved = bool(model.grid)
    while improved:
        improved = False
        for axis, values in model.grid.items():
            for step in (1, -1):
                better = _climb(best, axis, values, step, attempt)
                if better is not best:
                    best, improved = better, True
                    break
    return best


def _settings(model: Recommender) -> tuple[Any, ...]:
    """The model's values of the grid's settings."""
    settings = model.settings()
    return tuple(settings[axis] for axis in model.grid)


def _climb(
    best: SearchResult,
    axis: str,
    values: tuple[Any, ...],
    step: int,
    attempt: Callable[[Recommender], SearchResult | None],
) -> SearchResult:
    """Move along an axis in one direction as long as the ranking gets better."""
    while True:
        own = best.model.settings()[axis]
        grid = sorted({*values, own})
        position = grid.index(own) + step
        if not 0 <= position < len(grid):
            return best
        result = attempt(best.model.unfitted(**{axis: grid[position]}))
        if result is None or result.ndcg <= best.ndcg:
            return best
        best = result
