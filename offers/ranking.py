"""From factors and weights to the scores of each customer."""

import numpy as np

from followsuit.offers.moment import Moment
from followsuit.offers.weights import Weights

ALL = slice(None)

DIGITS = 9
"""Scores are rounded to this many decimals, so that ties are ties on every machine."""


def scores(moment: Moment, weights: Weights, rows: slice = ALL, columns: slice = ALL) -> np.ndarray:
    """(rows, columns) the log-odds that a customer adopts an item, rounded."""
    own = weights.intercept + weights.activity * moment.activity[rows]
    liking = weights.category * moment.liking(rows)
    both: np.ndarray = liking[:, moment.category[columns]]
    # In place: this is the largest array of a run.
    np.add(both, weights.popularity * moment.popularity[None, columns], out=both)
    np.add(both, own[:, None], out=both)
    if weights.affinity:
        np.add(both, weights.affinity * moment.affinity(rows, columns), out=both)
    if weights.friends:
        reach = moment.friends[rows][:, columns].toarray()
        np.add(both, weights.friends * reach, out=both)
    both.round(DIGITS, out=both)
    return both


def probability(log_odds: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), rounded."""
    chance: np.ndarray = 1.0 / (1.0 + np.exp(-log_odds))
    return chance.round(DIGITS)
