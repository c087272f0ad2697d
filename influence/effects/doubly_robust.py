"""The adjusted lift: doubly robust on the matched sample.

Two models of the rows of each triple, both conditional on the triple, so that whatever its rows
share (item, time, popularity, a promotion) cancels: *propensity*, which of the rows is the exposed
one, and *outcome*, which of the controls acts. The mean that the exposed would have had unexposed
is estimated by augmented inverse-probability weighting (Robins, Rotnitzky and Zhao 1994; its form
for the exposed in Mercatanti and Li 2014, eq. 9): right where either model is, but for an error in
the order of one over the number of controls, since the baseline is a triple's own. The lift is the
exposed ones' mean over it.
"""

from typing import NamedTuple

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.core.threads import one_thread
from followsuit.influence.effects.matching import ACTS, FIT, Sample
from followsuit.influence.log.arrays import Flags, Floats, Ints

_ROUNDS = 25
_RIDGE = 1.0
"""Curvature added to each standardised coefficient's."""
_FIT_ROWS = 1_000_000
_STEEPEST = 4.0
"""Largest absolute score: no customer weighs more than exp(this) times the average."""
_MOST = 0.8
"""Largest share: no control stands for more than four exposed."""


class Adjusted(NamedTuple):
    """What each row adds to the two sums whose ratio is the lift.

    Attributes:
        expected: (triples) what the exposed one would have done unexposed.
        smooth: (triples) the same by the outcome model on the item's popularity alone.
        residual: (rows) what each control's act adds to it, over what the model says; 0 for the
            exposed. `smooth` and residuals of all add up to `expected`.
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
    """Standardised, with squares of those that matter most.

    What the exposed and their nearest differ in isn't only the mean: the nearest of somebody
    extreme are less so.
    """
    scale = features.std(axis=0)
    linear = (features - features.mean(axis=0)) / np.where(scale > 0, scale, 1)
    return np.column_stack([linear, linear[:, [ACTS, FIT]] ** 2 - 1])


def _augmented(sample: Sample, exposed: Flags, weight: Floats, risk: Floats) -> Adjusted:
    """Equation 9 with the triple's own baseline, which is linear in the controls' acts."""
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
    """(rows) each control's weight, by which the controls stand for the exposed.

    Whatever g is, the exposed one's is expected to be sum(p g) over the rows, p being a row's share
    of the odds. A row is a control with a chance of 1 - p; with p / (1 - p) the controls' sum is
    expected to be the same. (Their shares among themselves would not do: triples are small.)
    """
    size = np.diff(np.append(first, len(features)))
    odds = np.exp(np.clip(features @ propensity, -_STEEPEST, _STEEPEST))
    share = np.minimum(odds / np.repeat(np.add.reduceat(odds, first), size), _MOST)
    weight: Floats = np.where(exposed, 0.0, share / (1 - share))
    return weight


def _some(pointer: Ints) -> tuple[Flags, Ints]:
    """The rows that the models are fitted on, at most about a million, and their groups' bounds."""
    size = np.diff(pointer)
    kept = np.arange(len(size)) % (1 + pointer[-1] // _FIT_ROWS) == 0
    return np.repeat(kept, size), np.concatenate([[0], np.cumsum(size[kept])])


def conditional_logit(features: Floats, chosen: Flags, pointer: Ints, offered: Flags) -> Floats:
    """Fit which rows of a group are chosen (McFadden 1974; as Cox's partial likelihood, ties too).

    Args:
        features: (rows, k) standardised.
        chosen: (rows) one or more of a group, or none, which then says nothing.
        pointer: (groups + 1) bounds of the groups, none of them empty.
        offered: (rows) whether it can be chosen.

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
    """Gradient of the log likelihood, and its curvature with the sign turned."""
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
