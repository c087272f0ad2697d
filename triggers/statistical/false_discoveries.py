"""The Benjamini-Hochberg procedure, learned from some tests and applied to others too.

Benjamini and Hochberg (1995), Controlling the false discovery rate: a practical and powerful
approach to multiple testing, Journal of the Royal Statistical Society B 57(1), 289-300. Among the
tests that it rejects, the expected share without an effect is at most `RATE`, if the p-values are
independent or positively dependent (Benjamini and Yekutieli 2001, Annals of Statistics 29(4)).
"""

import numpy as np

RATE = 0.1
"""The expected share of false ones among the customers whom a test finds."""


def largest_p(p: np.ndarray, rate: float = RATE) -> float:
    """The largest p-value that the procedure rejects; 0 if it rejects none.

    Args:
        p: (tests,) p-values of customers who share activity.
        rate: the false discovery rate.
    """
    ordered = np.sort(p)
    passed = np.flatnonzero(ordered <= rate * np.arange(1, len(p) + 1) / max(len(p), 1))
    return float(ordered[passed[-1]]) if len(passed) else 0.0
