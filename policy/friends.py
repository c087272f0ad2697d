"""How many offers one customer's purchases may drive, without revealing what others do.

A friend's places are divided before anybody's offers are known. Customers who share activity
compete for theirs. Of the others, some are drawn who have one place each, whether they use it or
not: what they do changes nobody else's offers.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from followsuit.core.hashes import share_of
from followsuit.graph.view import View
from followsuit.policy.allocation.problem import Ints
from followsuit.policy.customers import Customers


@dataclass(frozen=True)
class Places:
    """The places of friends' offers.

    Attributes:
        row: (uses,) position of a candidate.
        friend: (uses,) a friend whose purchases drive it, as a position in `names`.
        names: (friends,) their ids.
        shared: (friends,) the places for which customers who share activity compete.
        drawn: (uses,) bool: whether the candidate's customer doesn't share and has a place.
        competes: (uses,) bool: whether the candidate's customer shares.
        pair: (uses,) names the friend and the customer.
    """

    row: Ints
    friend: Ints
    names: np.ndarray
    shared: Ints
    drawn: np.ndarray
    competes: np.ndarray
    pair: np.ndarray

    def after(self, offered: np.ndarray) -> "Places":
        """The places that are left after some candidates, a mask, are offered."""
        taken = offered[self.row]
        friends = self.friend[taken & self.competes]
        used = np.bincount(friends, minlength=len(self.names))
        own = np.isin(self.pair, self.pair[taken & ~self.competes])
        shared = np.maximum(self.shared - used, 0)
        return replace(self, shared=shared, drawn=self.drawn & ~own)


def places_of(
    view: View, customers: Customers, drivers: pd.DataFrame, at_most: int, row_customer: Ints
) -> Places:
    """Divide each friend's places.

    Args:
        view: the view as of the run's instant.
        customers: the customers.
        drivers: `row, friend_id`: the friends whose purchases drive each candidate.
        at_most: places of each friend.
        row_customer: (candidates,) code of each candidate's customer.
    """
    friend, listed = pd.factorize(drivers.friend_id, sort=True)
    names = np.asarray(listed, dtype=object)
    row = drivers.row.to_numpy(dtype=np.int64)
    followers = view.friendships.select("customer_id", "friend_id").to_pandas()
    followers = followers[followers.friend_id.isin(names)]
    people = view.people
    sharing = people.filter(people.shares).customer_id.to_pandas()
    followers["shares"] = followers.customer_id.isin(sharing)
    counts = followers.groupby("friend_id").shares.agg(["sum", "size"]).reindex(names, fill_value=0)
    sharers, size = counts["sum"].to_numpy(), np.maximum(counts["size"].to_numpy(), 1)
    for_drawn = np.minimum(at_most * (size - sharers) // size, size - sharers)
    others = followers[~followers.shares].copy()
    pairs = others.friend_id + "\0" + others.customer_id
    others["lot"] = share_of(pairs, "places")
    others = others.sort_values(["friend_id", "lot", "customer_id"])
    place = others.groupby("friend_id").cumcount()
    limit = pd.Series(for_drawn, index=names).reindex(others.friend_id).to_numpy()
    drawn = others[place.to_numpy() < limit]
    chosen = pd.MultiIndex.from_frame(drawn[["customer_id", "friend_id"]])
    customer = row_customer[row]
    ids = customers.codes.ids[customer]
    asked = pd.MultiIndex.from_arrays([ids, names[friend]])
    return Places(
        row=row,
        friend=friend.astype(np.int64),
        names=names,
        shared=(at_most - for_drawn).astype(np.int64),
        drawn=asked.isin(chosen),
        competes=customers.shares[customer],
        pair=names[friend] + "\0" + ids,
    )
