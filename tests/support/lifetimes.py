"""Customers who buy and leave as the BG/NBD model says."""

from dataclasses import dataclass

import numpy as np

from followsuit.customers.lifetime import Lifetime, PurchaseHistory

Truth = Lifetime
"""The planted parameters."""


@dataclass(frozen=True)
class Simulated:
    """A world: `later` counts purchases within the horizon, `alive` is who is active before it."""

    history: PurchaseHistory
    later: np.ndarray
    alive: np.ndarray


def simulate_lifetimes(
    truth: Truth, customers: int, seed: int, weeks: float = 78, horizon: float = 0
) -> Simulated:
    """Simulate customers who first bought between half the weeks and all weeks ago."""
    random = np.random.default_rng(seed)
    rate = np.maximum(random.gamma(truth.r, 1 / truth.alpha, customers), 1e-12)
    leaving = random.beta(truth.a, truth.b, customers)
    age = random.uniform(weeks / 2, weeks, customers)
    frequency, recency, later = (np.zeros(customers) for _ in range(3))
    alive = np.ones(customers, dtype=bool)
    now, going = np.zeros(customers), np.arange(customers)
    while len(going):
        now[going] += random.exponential(1 / rate[going])
        going = going[now[going] <= age[going] + horizon]
        before = now[going] <= age[going]
        frequency[going] += before
        later[going] += ~before
        recency[going] = np.where(before, now[going], recency[going])
        left = random.random(len(going)) < leaving[going]
        alive[going[left & before]] = False
        going = going[~left]
    rows = PurchaseHistory(np.arange(customers), frequency, recency, age)
    return Simulated(rows, later, alive)
