"""The training set of the acceptance model: pairs of earlier instants, whose outcome is known."""

import numpy as np

from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.declared import NAMES, Features
from followsuit.offers.learning.model import Examples

_OTHERS = 20_000
"""Pairs, of those neither brought up nor adopted, that an instant contributes."""
_BROUGHT_UP = 50_000


def examples(grid: Grid, features: Features, adopted: np.ndarray, seed: int) -> Examples:
    """Draw pairs of a grid whose outcome is known.

    All that was adopted or brought up by a reason (at most 50,000 of these), and a sample of the
    many others, each counting for those that it stands for.

    Args:
        grid: whose customers and items are paired.
        features: of the grid.
        adopted: (pairs, 2) row and column of what was adopted within the horizon.
        seed: random seed of the sample, together with the grid's instant.
    """
    random = np.random.default_rng([seed, int(grid.view.as_of.timestamp())])
    n, k = len(grid.customers), len(grid.items)
    positive = adopted[:, 0] * k + adopted[:, 1]
    brought_up = grid.live.row.to_numpy() * k + grid.live.column.to_numpy()
    brought_up = np.setdiff1d(brought_up, positive)
    drawn = brought_up
    if len(brought_up) > _BROUGHT_UP:
        drawn = np.sort(random.choice(brought_up, _BROUGHT_UP, replace=False))
    others = np.unique(random.integers(0, max(n * k, 1), _OTHERS if n * k else 0))
    known = np.concatenate([positive, brought_up])
    free = ~grid.excluded_pairs(*np.divmod(others, max(k, 1)))
    share = free.mean() if len(others) else 0.0
    others = others[free & ~np.isin(others, known)]
    all_others = n * k * share - len(known)
    pairs = np.concatenate([positive, drawn, others])
    values = features.pairs(*np.divmod(pairs, max(k, 1)))
    return Examples(
        grid.view.as_of,
        np.column_stack([values[name] for name in NAMES]),
        np.concatenate([np.ones(len(positive)), np.zeros(len(drawn) + len(others))]),
        np.concatenate(
            [
                np.ones(len(positive)),
                np.full(len(drawn), len(brought_up) / max(len(drawn), 1)),
                np.full(len(others), all_others / max(len(others), 1)),
            ]
        ),
    )
