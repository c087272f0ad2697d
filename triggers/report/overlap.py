"""How often customers with a reason of one trigger also have one of another."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from followsuit.triggers.report.comparison import LEAST, Ints


class Overlap:
    """Counts of customers and days with reasons of two triggers.

    Args:
        triggers: the number of triggers.
    """

    def __init__(self, triggers: int) -> None:
        self._days = np.zeros((triggers, triggers), dtype=np.int64)
        self._customers: dict[tuple[int, int], set[int]] = {}
        """The first customers of each pair, to hide small groups."""

    def add(self, holders: Sequence[Ints]) -> None:
        """Add a day.

        Args:
            holders: of each trigger the codes of the customers with a reason, distinct.
        """
        for one, other in combinations(range(len(holders)), 2):
            both = np.intersect1d(holders[one], holders[other], assume_unique=True)
            self._days[one, other] += len(both)
            self._days[other, one] += len(both)
            known = self._customers.setdefault((one, other), set())
            if len(known) < LEAST:
                known.update(both[:LEAST].tolist())

    def shares(self, trigger: int, days: int) -> Iterator[float | None]:
        """The share of a trigger's customers and days, by other trigger; None if it is hidden.

        Args:
            trigger: the number of the trigger.
            days: its number of customers and days with a reason.
        """
        for other, both in enumerate(self._days[trigger]):
            pair = (min(trigger, other), max(trigger, other))
            hidden = 0 < len(self._customers.get(pair, ())) < LEAST
            yield None if hidden or not days else round(int(both) / days, 9)
