"""The limits that a run's messages share: budget, channels, offers, stores, friends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from followsuit.policy.allocation.problem import Doubles, Ints
from followsuit.policy.limits.limit_kinds import KINDS


@dataclass(frozen=True)
class Limit:
    """A limit.

    Attributes:
        kind: its key in the policy.
        name: the channel, offer, store or friend; None for the budget.
        capacity: how much there is: messages, or minor units of money.
    """

    kind: str
    name: str | None
    capacity: float


class Uses:
    """Collects how much of each limit messages use.

    Args:
        messages: how many messages there are.
    """

    def __init__(self, messages: int) -> None:
        self._messages = messages
        self.limits: list[Limit] = []
        self._rows: list[Ints] = []
        self._limit: list[Ints] = []
        self._amount: list[Doubles] = []

    @property
    def kind(self) -> Ints:
        """(limits,) the kind of each limit, as a position in `KINDS`."""
        return np.array([KINDS.index(limit.kind) for limit in self.limits], dtype=np.int64)

    def add(self, limit: Limit, rows: Ints, amount: Doubles | float = 1.0) -> None:
        """Add a limit, the positions of the messages that use it, and how much each one uses."""
        amounts = np.broadcast_to(np.asarray(amount, dtype=np.float64), len(rows))
        used = amounts > 0
        self._rows.append(rows[used].astype(np.int64))
        self._amount.append(amounts[used])
        self._limit.append(np.full(used.sum(), len(self.limits), dtype=np.int64))
        self.limits.append(limit)

    def add_each(self, kind: str, capacity: Mapping[str, float], rows: Ints, names: Any) -> None:
        """Add limits of which each message uses 1.

        Args:
            kind: the kind of the limits.
            capacity: the capacity of each limit, by its name.
            rows: (uses,) positions of messages.
            names: (uses,) the name of the limit that each one uses, if there is one of the name.
        """
        codes = pd.Index(list(capacity)).get_indexer(pd.Index(names))
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(len(capacity) + 1))
        for number, (name, most) in enumerate(capacity.items()):
            own = order[ends[number] : ends[number + 1]]
            self.add(Limit(kind, name, float(most)), rows[own])

    def arrays(self) -> tuple[Ints, Ints, Doubles, Doubles]:
        """`pointer`, `limit`, `amount` and `capacity` of a `Problem`."""
        empty = [np.empty(0, dtype=np.int64)]
        rows = np.concatenate([*empty, *self._rows])
        limit = np.concatenate([*empty, *self._limit])
        amount = np.concatenate([np.empty(0), *self._amount])
        order = np.lexsort((limit, rows))
        pointer = np.searchsorted(rows[order], np.arange(self._messages + 1)).astype(np.int64)
        capacity = np.array([limit.capacity for limit in self.limits], dtype=np.float64)
        return pointer, limit[order], amount[order], capacity
