"""Whether purchases have a rhythm, or come at random.

Under the null a purchase is as likely on each day, whenever the last one was: gaps are geometric.
Their logarithms then have a large variance, 1.6 for long gaps. A rhythm makes it smaller. The sum
of squared deviations is compared with a scaled chi-squared distribution that has the null's mean
and variance (Satterthwaite 1946, An approximate distribution of estimates of variance components,
Biometrics Bulletin 2(6)). Rates that change make gaps vary more, which is on the safe side.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING = 1 / 6
"""The variance of a gap in days that comes from counting whole days."""
_POWER = 0.8
"""Gaps in whole days are equal more often than the chi-squared distribution says. P-values to this
power are at most as small as they should be, for mean gaps from 5 days and p-values from 0.0001.
"""
_ENOUGH = 30
"""Gaps longer than this many mean gaps hardly ever come."""
_LONGEST = 1000.0
"""Mean gaps above this many days are treated as this one."""


def rhythm(
    gaps: Ints, mean_days: Doubles, squares: Doubles, group: Ints, count: int
) -> tuple[Doubles, Doubles]:
    """Test groups of pairs of customer and product.

    Args:
        gaps: (pairs,) number of gaps, see `Pairs`.
        mean_days: (pairs,) mean gap in days.
        squares: (pairs,) sum of the squared deviations of the logarithms from their mean.
        group: (pairs,) group of each pair, such as its product.
        count: the number of groups.

    Returns:
        (count,) p-values, and the variance of a pair's gaps over that of random ones, as the mean
        of pairs. Both are 1 where no pair has two gaps.
    """
    variance, kurtosis = _null(mean_days)
    free = gaps - 1.0
    squares = squares + free * _ROUNDING / mean_days**2
    mean = free * variance
    spread = free * variance**2 * (2 + kurtosis * free / gaps)
    found, usual, around = (np.bincount(group, x, count) for x in (squares, mean, spread))
    known = usual > 0
    p, ratio = np.ones(count), np.ones(count)
    several = np.flatnonzero(mean > 0)
    parts, pairs = (
        np.bincount(group[several], x, count)
        for x in (squares[several] / mean[several], np.ones(len(several)))
    )
    ratio[known] = parts[known] / pairs[known]
    scale = around[known] / (2 * usual[known])
    p[known] = chi2.cdf(found[known] / scale, usual[known] / scale) ** _POWER
    return p, ratio


def _null(mean_days: Doubles) -> tuple[Doubles, Doubles]:
    """Variance and excess kurtosis of the logarithms of geometric gaps, (pairs,) each."""
    means, variances, kurtoses = _table()
    at = np.log(np.clip(mean_days, means[0], _LONGEST))
    return np.interp(at, np.log(means), variances), np.interp(at, np.log(means), kurtoses)


@cache
def _table() -> tuple[Doubles, Doubles, Doubles]:
    """Mean gaps, and the variance and excess kurtosis of their logarithms."""
    means = np.geomspace(1.05, _LONGEST, 60)
    variances, kurtoses = np.empty(len(means)), np.empty(len(means))
    for number, mean in enumerate(means):
        logs = np.log(np.arange(1, 3 + int(_ENOUGH * mean)))
        weight = (1 - 1 / mean) ** np.arange(len(logs)) / mean
        weight /= weight.sum()
        # Not `@`: its result may depend on the number of threads.
        deviation = logs - (weight * logs).sum()
        variances[number] = (weight * deviation**2).sum()
        kurtoses[number] = (weight * deviation**4).sum() / variances[number] ** 2 - 3
    return means, variances, kurtoses
