"""Bootstrap intervals over users (Efron and Hastie 2016, section 11.2), paired between models.

`scipy.stats.bootstrap` gives the same intervals up to the random draws, but builds every resample.
Multiplying by multinomial counts is faster: for 1,000 draws of 48 figures it takes 0.9 s
instead of 2.0 s with 20,000 users, and 4.4 s instead of 25 s with 100,000, in a quarter of the
memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from followsuit.core.threads import one_thread

Doubles = NDArray[np.float64]

DRAWS = 1_000
_CHUNK = 50


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """The estimate as JSON holds it."""
        return {"value": self.value, "low": self.low, "high": self.high}


class Resamples:
    """The same resamples of users for all figures, so that differences are paired.

    Args:
        users: the number of users.
        seed: random seed of the draws.
    """

    def __init__(self, users: int, seed: int = 0) -> None:
        self._users, self._seed = users, seed

    @one_thread()
    def means(self, values: Doubles) -> Doubles:
        """The means of resampled rows of `values` (users, figures), of shape (DRAWS, figures)."""
        random = np.random.default_rng(self._seed)
        even = np.full(self._users, 1 / self._users)
        parts = [
            random.multinomial(self._users, even, size=_CHUNK) @ values / self._users
            for _ in range(DRAWS // _CHUNK)
        ]
        means: Doubles = np.concatenate(parts)
        return means

    def estimates(self, values: Doubles, level: float = 0.95) -> list[Estimate]:
        """The mean and its interval for each column of `values` (users, figures)."""
        means, drawn = values.mean(axis=0), self.means(values)
        tail = (1 - level) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
        return [
            Estimate(*(round(float(x), 9) for x in row))
            for row in zip(means, low, high, strict=True)
        ]
