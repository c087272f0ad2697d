"""The adjusted lift: doubly robust on the matched sample.

Two models of the rows of each triple, both conditional on the triple, so that whatever its rows
share (item, time, popularity, a promotion) cancels: *propensity*, which of the rows is the exposed
one, and *outcome*, which of the controls acts. The mean that the exposed would have had unexposed
is estimated by augmented inverse-probability weighting (Robins, Rotnitzky and Zhao 1994; its form
for the exposed in Mercatanti and Li 2014, eq. 9): right where either model is. The lift is the
exposed ones' mean over it.
"""

from typing import NamedTuple

import numpy as np

from followsuit.influence.log import Flags, Floats, Ints
from followsuit.influence.matching import Sample

_ROUNDS = 25
_RIDGE = 1.0
"""Curvature added to each standardised coefficient's."""
_FIT_ROWS = 1_000_000
_STEEPEST = 4.0
"""Largest absolute score: nobody weighs more than exp(this) times as much as the average."""


class Adjusted(NamedTuple):
    """What each row adds to the sums whose ratio is the lift.

    Attributes:
        expected: (triples) what the exposed one would have done unexposed.
        smooth: (triples) the same by the outcome model on the item's popularity alone.
        residual: (rows) what each control's act adds to it, over what the model says; 0 for the
            exposed. `smooth` and residuals of all add up to `expected`.
    """

    expected: Floats
    smooth: Floats
    residual: Floats


def adjust(sample: Sample) -> Adjusted:
    """Estimate what the exposed customers would have done unexposed."""
    pointer, first = sample.pointer, sample.pointer[:-1]
    exposed = np.zeros(len(sample.customer), dtype=bool)
    exposed[first] = True
    scale = sample.features.std(axis=0)
    features = (sample.features - sample.features.mean(axis=0)) / np.where(scale > 0, scale, 1)
    fitted, few = _some(pointer)
    told, chosen = features[fitted], exposed[fitted]
    propensity = conditional_logit(told, chosen, few, np.ones(len(chosen), dtype=bool))
    outcome = conditional_logit(told, sample.acted[fitted] & ~chosen, few, ~chosen)
    weight = _tilted(features, propensity, first, exposed)
    risk = np.exp(np.clip(features @ outcome, -_STEEPEST, _STEEPEST))
    return _augmented(sample, exposed, weight, risk)


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
    told = (popularity * (size - 1)).sum()
    baseline *= acts.sum() / told if told > 0 else 0.0
    residual = pull * (acts - np.repeat(baseline, size) * others)
    smooth = baseline * risk[first]
    return Adjusted(np.add.reduceat(pull * acts, first), smooth, residual)


def _tilted(features: Floats, propensity: Floats, first: Ints, exposed: Flags) -> Floats:
    """(rows) each control's weight: its odds of exposure among the controls of its triple."""
    size = np.diff(np.append(first, len(features)))
    odds = np.where(exposed, 0.0, np.exp(np.clip(features @ propensity, -_STEEPEST, _STEEPEST)))
    weight: Floats = odds / np.repeat(np.add.reduceat(odds, first), size)
    return weight


def _some(pointer: Ints) -> tuple[Flags, Ints]:
    """The rows that the models are fitted on, at most about a million, and their groups' bounds."""
    size = np.diff(pointer)
    kept = np.arange(len(size)) % (1 + pointer[-1] // _FIT_ROWS) == 0
    return np.repeat(kept, size), np.concatenate([[0], np.cumsum(size[kept])])


def conditional_logit(features: Floats, chosen: Flags, pointer: Ints, offered: Flags) -> Floats:
    """Fit which rows of a group are chosen (McFadden 1974; Cox's partial likelihood, Breslow's ties).

    Args:
        features: (rows, k) standardised.
        chosen: (rows) one or more of a group, or none, which then says nothing.
        pointer: (groups + 1) bounds of the groups, none of them empty.
        offered: (rows) whether it can be chosen.

    Returns:
        (k) coefficients, by Newton's method with a ridge of 1.
    """
    first, size = pointer[:-1], np.diff(pointer)
    picks = np.add.reduceat(chosen.astype(float), first)
    told = np.repeat(picks > 0, size) & offered
    group = np.repeat(np.cumsum(picks > 0) - 1, size)[told]
    rows, picks, count = features[told], picks[picks > 0], int((picks > 0).sum())
    beta = np.zeros(features.shape[1])
    if count == 0:
        return beta
    target = features[chosen].sum(axis=0)
    begin = np.searchsorted(group, np.arange(count))
    for _ in range(_ROUNDS):
        odds = np.exp(np.clip(rows @ beta, -30, 30))
        share = odds * (picks / np.add.reduceat(odds, begin))[group]
        mean = np.add.reduceat(share[:, None] * rows, begin)
        gradient = target - mean.sum(axis=0) - _RIDGE * beta
        curvature = (share[:, None] * rows).T @ rows - (mean / picks[:, None]).T @ mean
        step = np.linalg.solve(curvature + _RIDGE * np.eye(len(beta)), gradient)
        beta += step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-6:
            break
    return beta
