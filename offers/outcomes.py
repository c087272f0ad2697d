"""What customers went on to do after a moment: the label of learning and of judging."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from followsuit.graph.facts import Facts
from followsuit.offers.moment import Moment


@dataclass(frozen=True)
class Outcomes:
    """First acts in (as_of, as_of + horizon] of a moment's customers."""

    pairs: np.ndarray
    """(pairs, 2) row and column of what was adopted and might have been offered."""
    adoptions: np.ndarray
    """(n,) how many items each customer adopted, of whatever kind."""


def outcomes(facts: Facts, moment: Moment, horizon: timedelta) -> Outcomes:
    """What a moment's customers adopted within the horizon."""
    firsts = facts.firsts
    later = firsts.filter(
        firsts["at"] > moment.as_of, firsts["at"] <= moment.as_of + horizon
    ).order_by("customer", "item")
    found = later.select("customer", "item").to_pandas()
    found = found[found.customer.isin(moment.customers)]
    rows = np.searchsorted(moment.customers, found.customer)
    known = np.isin(found["item"], moment.items)
    columns = np.searchsorted(moment.items, found["item"])
    pairs = np.column_stack([rows[known], columns[known]])
    offerable = ~moment.barred_pairs(pairs[:, 0], pairs[:, 1])
    return Outcomes(pairs[offerable], np.bincount(rows, minlength=len(moment.customers)))
