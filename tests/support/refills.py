"""Customers who buy products again, each pair with a rhythm of its own."""

from collections.abc import Mapping, Sequence

import numpy as np

from followsuit.core.codes import Codes
from followsuit.customers.gaps import PurchaseDays

Histories = Mapping[tuple[str, str], Sequence[int]]
"""The days of each customer and product."""


def days_of(histories: Histories, categories: Mapping[str, str] | None = None) -> PurchaseDays:
    """Purchase days written by hand; a day is at most 0."""
    rows = sorted((c, p, day) for (c, p), days in histories.items() for day in days)
    customers, products, day = (np.array(column) for column in zip(*rows, strict=True))
    who, what = Codes(np.unique(customers)), Codes(np.unique(products))
    kinds = [(categories or {}).get(product, "") for product in what.ids]
    return PurchaseDays(
        who,
        what,
        np.array(kinds, dtype=object),
        who.of(customers.astype(object)),
        what.of(products.astype(object)),
        day.astype(np.int64),
    )


def simulate_refills(
    rhythms: Mapping[str, float],
    customers: int,
    seed: int,
    *,
    days: int = 365,
    within: float = 0.1,
    between: float = 0.1,
    lost: float = 0.0,
) -> dict[tuple[str, str], list[int]]:
    """Purchase days of customers who buy all products.

    Args:
        rhythms: median gap of each product, in days.
        customers: their number.
        seed: random seed.
        days: length of the history.
        within: standard deviation of the logarithm of a pair's gaps.
        between: the same of the pairs' means.
        lost: probability that no purchase follows a purchase.
    """
    random = np.random.default_rng(seed)
    histories = {}
    for customer in range(customers):
        for product, median in rhythms.items():
            usual = np.log(median) + between * random.standard_normal()
            day = -days + int(random.uniform(0, median))
            bought = []
            while day <= 0:
                bought.append(day)
                if random.random() < lost:
                    break
                day += max(1, round(float(np.exp(usual + within * random.standard_normal()))))
            histories[f"c{customer:04}", product] = bought
    return histories
