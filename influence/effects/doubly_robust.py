"""The adjusted lift: doubly robust on the matched sample.

Two models describe the rows of each triple. The *propensity* model says which row is the exposed
one; the *outcome* model says which controls act. Both are conditional on the triple, so whatever
its rows share (item, time, popularity, a promotion) cancels. The counterfactual mean of the exposed
is estimated by augmented inverse-probability weighting (Robins, Rotnitzky and Zhao 1994; for the
exposed, Mercatanti and Li 2014, eq. 9). It is right if either model is, up to an error of the order
of 1 / controls, since each triple has its own baseline. The lift is the exposed customers' mean
over the counterfactual one.
"""

from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.core.threads import one_thread
from followsuit.influence.effects.matching import ACTS, FIT, Sample
from followsuit.influence.log.arrays import Flags, Floats, Ints

_ROUNDS = 25
_RIDGE = 1.0
"""Ridge penalty on each standardised coefficient."""
_FIT_ROWS = 1_000_000
_STEEPEST = 4.0
"""Largest absolute score: no customer weighs more than exp(4) times the average."""
_MOST = 0.8
"""Largest share: no control represents more than four exposed customers."""


class Adjusted(NamedTuple):
    """The counterfactual outcome of each triple's exposed customer, and its parts.

    Attributes:
        expected: (triples) probability that the exposed customer would have acted unexposed.
        smooth: (triples) the same, predicted by the outcome model from the item's popularity.
        residual: (rows) each control's outcome minus its prediction, weighted; 0 for the exposed.
            The sum of `smooth` and all residuals equals the sum of `expected`.
    """

    expected: Floats
    smooth: Floats
    residual: Floats


@one_thread()
def adjust(sample: Sample) -> Adjusted:
    """Estimate what the exposed customers would have done unexposed."""
    pointer, first = sample.pointer, sample.pointer[:-1]
    if not len(first):
        return Adjusted(*(np.zeros(0) for _ in Adjusted._fields))
    exposed = np.zeros(len(sample.customer), dtype=bool)
    exposed[first] = True
    features = _terms(sample.features)
    fitted, few = _some(pointer)
    terms, chosen = features[fitted], exposed[fitted]
    propensity = conditional_logit(terms, chosen, few, np.ones(len(chosen), dtype=bool))
    outcome = conditional_logit(terms, sample.acted[fitted] & ~chosen, few, ~chosen)
    weight = _tilted(features, propensity, first, exposed)
    risk = np.exp(np.clip(features @ outcome, -_STEEPEST, _STEEPEST))
    return _augmented(sample, exposed, weight, risk)


def _terms(features: Floats) -> Floats:
    """Standardised features, and squares of the most important ones.

    The squares are needed since the nearest neighbours of an extreme customer are less extreme.
    """
    scale = features.std(axis=0)
    linear = (features - features.mean(axis=0)) / np.where(scale > 0, scale, 1)
    return np.column_stack([linear, linear[:, [ACTS, FIT]] ** 2 - 1])


def _augmented(sample: Sample, exposed: Flags, weight: Floats, risk: Floats) -> Adjusted:
    """Equation 9 with the triple's own baseline, which is linear in the controls' outcomes."""
    first, size = sample.pointer[:-1], np.diff(sample.pointer)
    others = np.where(exposed, 0.0, risk)
    total = np.add.reduceat(others, first)
    shift = (risk[first] - np.add.reduceat(weight * risk, first)) / total
    pull = np.where(exposed, 0.0, weight + np.repeat(shift, size))
    acts = np.where(exposed, False, sample.acted)
    popularity = sample.triples.popularity
    baseline = popularity * (size - 1) / total
    expected = (popularity * (size - 1)).sum()
    baseline *= acts.sum() / expected if expected > 0 else 0.0
    residual = pull * (acts - np.repeat(baseline, size) * others)
    smooth = baseline * risk[first]
    return Adjusted(np.add.reduceat(pull * acts, first), smooth, residual)


def _tilted(features: Floats, propensity: Floats, first: Ints, exposed: Flags) -> Floats:
    """(rows) each control's weight, so that the weighted controls represent the exposed.

    Let p be a row's share of the odds. For any g, the exposed customer's expected value is
    sum(p g) over the rows. A row is a control with probability 1 - p, so weights p / (1 - p) give
    the controls the same expected sum. (Weights normalised within a triple are biased, since
    triples are small.)
    """
    size = np.diff(np.append(first, len(features)))
    odds = np.exp(np.clip(features @ propensity, -_STEEPEST, _STEEPEST))
    share = np.minimum(odds / np.repeat(np.add.reduceat(odds, first), size), _MOST)
    weight: Floats = np.where(exposed, 0.0, share / (1 - share))
    return weight


def _some(pointer: Ints) -> tuple[Flags, Ints]:
    """The rows to fit the models on, at most about a million, and their groups' bounds."""
    size = np.diff(pointer)
    kept = np.arange(len(size)) % (1 + pointer[-1] // _FIT_ROWS) == 0
    return np.repeat(kept, size), np.concatenate([[0], np.cumsum(size[kept])])


def conditional_logit(features: Floats, chosen: Flags, pointer: Ints, offered: Flags) -> Floats:
    """Fit which rows of a group are chosen (McFadden 1974; ties as in Cox's partial likelihood).

    Args:
        features: (rows, k) standardised features.
        chosen: (rows) whether the row is chosen; a group without chosen rows is ignored.
        pointer: (groups + 1) bounds of the groups, none of which is empty.
        offered: (rows) whether the row can be chosen.

    Returns:
        (k) coefficients, by Newton's method with a ridge of 1.
    """
    size = features.shape[1]
    beta = np.zeros(size)
    for _ in range(_ROUNDS):
        gradient, curvature = _slopes(features, chosen, pointer, offered, beta)
        gradient -= _RIDGE * beta
        step = np.linalg.solve(curvature + _RIDGE * np.eye(size), gradient)
        beta += step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-5:
            break
    return beta


@compiled
def _slopes(
    features: Floats, chosen: Flags, pointer: Ints, offered: Flags, beta: Floats
) -> tuple[Floats, Floats]:
    """Gradient and negative Hessian of the log likelihood."""
    size = len(beta)
    gradient, curvature = np.zeros(size), np.zeros((size, size))
    mean, square = np.empty(size), np.empty((size, size))
    for g in range(len(pointer) - 1):
        rows = range(pointer[g], pointer[g + 1])
        picks = 0
        for r in rows:
            picks += chosen[r]
        if picks == 0:
            continue
        total = 0.0
        mean[:], square[:] = 0, 0
        for r in rows:
            if not offered[r]:
                continue
            score = 0.0
            for j in range(size):
                score += features[r, j] * beta[j]
            odds = np.exp(min(max(score, -30.0), 30.0))
            total += odds
            for j in range(size):
                mean[j] += odds * features[r, j]
                for k in range(j + 1):
                    square[j, k] += odds * features[r, j] * features[r, k]
            if chosen[r]:
                gradient += features[r]
        for j in range(size):
            gradient[j] -= picks * mean[j] / total
            for k in range(j + 1):
                curvature[j, k] += picks * (square[j, k] - mean[j] * mean[k] / total) / total
                curvature[k, j] = curvature[j, k]
    return gradient, curvature
