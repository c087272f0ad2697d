"""What is allocated: rows that may be chosen, and the limits that they use up."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from followsuit.core.errors import FollowsuitError

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


class BadProblem(FollowsuitError):
    """An allocation problem contradicts itself; the message names the array."""


@dataclass(frozen=True)
class Problem:
    """Rows that may be chosen: offers to customers, each through a channel.

    Maximise the sum of `value` over the chosen rows, where each customer gets at most `at_most`
    rows, at most one of each `choice`, and no limit is exceeded.

    Attributes:
        customer: (rows,) code of the customer, ascending.
        choice: (rows,) rows of a customer with the same number exclude each other: an offer through
            several channels, say. They stand together.
        value: (rows,) what a row is worth, in any unit.
        pointer: (rows + 1,) where each row's uses begin.
        limit: (uses,) the limit that is used.
        amount: (uses,) how much of it, above 0.
        at_most: (customers,) how many rows each customer may get.
        capacity: (limits,) how much of each limit there is, at least 0.
        tie: (rows,) rows of equal value are chosen by this number, the smallest first.

    Raises:
        BadProblem: lengths differ, codes or pointers don't rise, or a number is out of range.
    """

    customer: Ints
    choice: Ints
    value: Doubles
    pointer: Ints
    limit: Ints
    amount: Doubles
    at_most: Ints
    capacity: Doubles
    tie: Ints

    def __post_init__(self) -> None:
        rows = len(self.customer)
        lengths = {"choice": rows, "value": rows, "tie": rows, "pointer": rows + 1}
        lengths |= {"amount": len(self.limit)}
        for name, expected in lengths.items():
            if len(getattr(self, name)) != expected:
                raise BadProblem(f"{name} has {len(getattr(self, name))} entries, not {expected}.")
        if (np.diff(self.customer) < 0).any():
            raise BadProblem("customer isn't ascending. Sort the rows by customer.")
        if rows and not 0 <= self.customer[0] <= self.customer[-1] < len(self.at_most):
            raise BadProblem(
                f"customer has codes from {self.customer[0]} to {self.customer[-1]}, but at_most "
                f"has {len(self.at_most)} entries. Give one for each customer."
            )
        uses = len(self.limit)
        ends = self.pointer[0] == 0 and self.pointer[-1] == uses
        if not ends or (np.diff(self.pointer) < 0).any():
            raise BadProblem(f"pointer must rise from 0 to {uses}, the number of uses.")
        if not (np.isfinite(self.value).all() and np.isfinite(self.amount).all()):
            raise BadProblem("value and amount must be finite numbers.")
        if (self.amount <= 0).any():
            raise BadProblem(f"amount {self.amount.min():g} isn't above 0. Leave out such uses.")
        if (self.capacity < 0).any():
            raise BadProblem(f"capacity {self.capacity.min():g} is negative. Give at least 0.")
        if uses and not 0 <= self.limit.min() <= self.limit.max() < len(self.capacity):
            raise BadProblem("limit has the number of a limit without a capacity.")

    def __len__(self) -> int:
        return len(self.customer)

    @cached_property
    def starts(self) -> Ints:
        """(customers + 1,) where each customer's rows begin."""
        return np.searchsorted(self.customer, np.arange(len(self.at_most) + 1)).astype(np.int64)

    def of_customers(self, chosen: Ints, share: float) -> "Problem":
        """The problem of some customers, with that share of each capacity.

        Args:
            chosen: codes of customers, ascending.
            share: from 0 to 1.
        """
        counts = np.diff(self.starts)[chosen]
        first = np.repeat(self.starts[chosen], counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = first + offset
        uses = np.diff(self.pointer)[rows]
        begin = np.repeat(self.pointer[rows], uses)
        inside = np.arange(uses.sum()) - np.repeat(np.cumsum(uses) - uses, uses)
        return Problem(
            customer=np.repeat(np.arange(len(chosen)), counts),
            choice=self.choice[rows],
            value=self.value[rows],
            pointer=np.concatenate([[0], np.cumsum(uses)]),
            limit=self.limit[begin + inside],
            amount=self.amount[begin + inside],
            at_most=self.at_most[chosen],
            capacity=self.capacity * share,
            tie=self.tie[rows],
        )

    def used(self, chosen: np.ndarray) -> Doubles:
        """(limits,) how much of each limit chosen rows use."""
        uses = np.repeat(chosen, np.diff(self.pointer))
        limits = len(self.capacity)
        used = np.bincount(self.limit[uses], self.amount[uses], minlength=limits)
        return used.astype(np.float64, copy=False)
