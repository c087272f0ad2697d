"""The training set of the acceptance model: pairs from earlier cutoffs, with known labels."""

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.declared import Features
from followsuit.offers.learning.model import Examples

_OTHERS = 20_000
"""Number of pairs to draw per cutoff; those with a reason or an adoption are then dropped."""
_WITH_REASON = 50_000
"""Maximum number of pairs with a reason, but no adoption, per cutoff."""


def examples(grid: Grid, features: Features, adopted: np.ndarray, seed: int) -> Examples:
    """Sample the training set of a grid.

    It has all adopted pairs, the pairs with a reason (at most 50,000), and a sample of the others.
    Sampled pairs are weighted by the number of pairs that they represent.

    Args:
        grid: the customers and items, as of a cutoff whose horizon has passed.
        features: the features of the grid.
        adopted: (pairs, 2) row and column of each adoption within the horizon.
        seed: random seed; the sample also depends on the cutoff.
    """
    random = np.random.default_rng([seed, int(grid.view.as_of.timestamp())])
    n, k = len(grid.customers), len(grid.items)
    positive = adopted[:, 0] * k + adopted[:, 1]
    live = grid.live.row.to_numpy() * k + grid.live.column.to_numpy()  # Ascending.
    with_reason = live[np.flatnonzero(np.diff(live, prepend=-1))]
    with_reason = with_reason[~_isin(with_reason, positive)]
    drawn = with_reason
    if len(with_reason) > _WITH_REASON:
        drawn = np.sort(random.choice(with_reason, _WITH_REASON, replace=False))
    others = np.unique(random.integers(0, max(n * k, 1), _OTHERS if n * k else 0))
    free = ~grid.excluded_pairs(*np.divmod(others, max(k, 1)))
    share = free.mean() if len(others) else 0.0
    others = others[free & ~_isin(others, positive) & ~_isin(others, with_reason)]
    all_others = n * k * share - len(positive) - len(with_reason)
    pairs = np.concatenate([positive, drawn, others])
    values = features.pairs(*np.divmod(pairs, max(k, 1)))
    return Examples(
        grid.view.as_of,
        features.names,
        np.column_stack([values[name] for name in features.names]),
        np.concatenate([np.ones(len(positive)), np.zeros(len(drawn) + len(others))]),
        np.concatenate(
            [
                np.ones(len(positive)),
                np.full(len(drawn), len(with_reason) / max(len(drawn), 1)),
                np.full(len(others), all_others / max(len(others), 1)),
            ]
        ),
    )


def _isin(pairs: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(pairs,) bool: whether each number is among known ones, which are ascending."""
    place = np.searchsorted(known, pairs)
    isin: np.ndarray = np.append(known, -1)[place] == pairs
    return isin
