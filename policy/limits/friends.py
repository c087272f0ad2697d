"""How many offers one customer's purchases may drive, without revealing what others do.

Customers who share activity compete for a friend's places. Others get none: if they did, what they
do would change the offers of those who compete with them.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from followsuit.policy.allocation.problem import Ints
from followsuit.policy.contact.customers import Customers


@dataclass(frozen=True)
class FriendLimits:
    """How many offers each friend may still drive.

    Attributes:
        row: (uses,) position of a candidate.
        friend: (uses,) a friend whose purchases drive it, as a position in `names`.
        names: (friends,) their ids.
        left: (friends,) how many offers each may drive.
        competes: (uses,) bool: whether the candidate's customer shares activity.
    """

    row: Ints
    friend: Ints
    names: np.ndarray
    left: Ints
    competes: np.ndarray

    def after(self, offered: np.ndarray) -> "FriendLimits":
        """What is left after some candidates, a mask, are offered."""
        used = np.bincount(self.friend[offered[self.row]], minlength=len(self.names))
        return replace(self, left=np.maximum(self.left - used, 0))

    def open_to(self, rows: Ints) -> np.ndarray:
        """(rows,) bool: whether all friends that drive each candidate have a place for it."""
        closed = ~self.competes | (self.left[self.friend] == 0)
        return ~np.isin(rows, self.row[closed])


def limits_of_friends(
    customers: Customers, drivers: pd.DataFrame, at_most: int, row_customer: Ints
) -> FriendLimits:
    """How many offers the friends may drive whose purchases drive candidates.

    Args:
        customers: the customers.
        drivers: `row, friend_id`: the friends whose purchases drive each candidate.
        at_most: offers that each friend may drive.
        row_customer: (candidates,) code of each candidate's customer.
    """
    friend, names = pd.factorize(drivers.friend_id, sort=True)
    row = drivers.row.to_numpy(dtype=np.int64)
    return FriendLimits(
        row=row,
        friend=friend.astype(np.int64),
        names=np.asarray(names, dtype=object),
        left=np.full(len(names), at_most, dtype=np.int64),
        competes=customers.shares[row_customer[row]],
    )
