"""From factors and weights to the first places of each customer."""

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


def first_places(values: np.ndarray, k: int, tie: np.ndarray | None = None) -> np.ndarray:
    """(rows, k) columns of the k largest values of each row, the largest first.

    Ties go to the smaller `tie` (of the shape of `values`), then to the smaller column. -inf is
    never shown: -1 stands where nothing is left.
    """
    found = np.full((len(values), k), -1, dtype=np.intp)
    width = min(k, values.shape[1])
    if width == 0 or len(values) == 0:
        return found
    least = -np.partition(-values, width - 1, axis=1)[:, width - 1]
    # All that reach the last place, so that a tie for it is broken by column, not by chance.
    row, column = np.nonzero((values >= least[:, None]) & (values > -np.inf))
    smaller = column if tie is None else tie[row, column]
    order = np.lexsort((column, smaller, -values[row, column], row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(values)))[row]
    shown = place < k
    found[row[shown], place[shown]] = column[shown]
    return found
