"""What the ranking is measured against: the strategies of the two views of a backtest.

A strategy gives every (customer, item) pair of a moment a value; -inf is never shown. Ties are
broken by item, or by customer where customers are ranked.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.graph.facts import SharedFacts
from followsuit.influence.spread.leiden import friend_communities
from followsuit.offers.moment import Moment
from followsuit.offers.ranking import scores
from followsuit.offers.triggers import ties_at
from followsuit.offers.weights import Weights


@dataclass(frozen=True)
class Learned:
    """Weights learned on earlier moments: of the ranking, without friends, and by plain ties."""

    ranking: Weights
    without: Weights
    plain: Weights


Values = Callable[[slice, slice], np.ndarray]
"""(rows, columns) the values of some of a moment's customers and items."""

RANKING = "ranking"
WITHOUT = "ranking_without_trigger"
PLAIN = "ranking_plain_ties"
TRIGGER = "trigger_only"
POPULARITY = "popularity"
COMMUNITY = "community_popularity"
RANDOM = "random_friend_item"
ACTIVITY = "activity"


def per_customer(
    moment: Moment, learned: Learned, community: sparse.csr_matrix, seed: int
) -> dict[str, Values]:
    """The strategies that choose items for a customer.

    Args:
        moment: to be ranked.
        learned: weights learned on earlier moments.
        community: (n, k), see `Communities.popularity`.
        seed: of the random strategy.
    """
    exposed = moment.friends > 0
    random = exposed.astype(float)
    random.data = np.random.default_rng([seed, int(moment.as_of.timestamp())]).random(random.nnz)
    return {
        **_rankings(moment, learned),
        TRIGGER: lambda rows, columns: _shown(moment.friends[rows][:, columns]),
        POPULARITY: lambda rows, columns: _spread(
            moment.popularity[None, columns], moment.taken[rows][:, columns].shape
        ),
        COMMUNITY: lambda rows, columns: community[rows][:, columns].toarray(),
        RANDOM: lambda rows, columns: _shown(random[rows][:, columns]),
    }


def per_offer(moment: Moment, learned: Learned) -> dict[str, Values]:
    """The strategies that choose customers for an item; see `per_customer`."""
    return {
        **_rankings(moment, learned),
        TRIGGER: lambda rows, columns: moment.friends[rows][:, columns].toarray(),
        ACTIVITY: lambda rows, columns: _spread(
            moment.activity[rows, None], moment.taken[rows][:, columns].shape
        ),
    }


def _rankings(moment: Moment, learned: Learned) -> dict[str, Values]:
    by_plain_ties = moment.with_plain_ties()
    return {
        RANKING: lambda rows, columns: scores(moment, learned.ranking, rows, columns),
        WITHOUT: lambda rows, columns: scores(moment, learned.without, rows, columns),
        PLAIN: lambda rows, columns: scores(by_plain_ties, learned.plain, rows, columns),
    }


def _shown(values: sparse.csr_matrix) -> np.ndarray:
    """The values that are there; -inf elsewhere."""
    dense = values.toarray()
    return np.where(dense > 0, dense, -np.inf)


def _spread(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(values, shape)


class Communities:
    """Leiden communities of the friend graph (Traag et al. 2019), found anew as it grows."""

    def __init__(self, facts: SharedFacts, seed: int) -> None:
        self._facts = facts
        self._seed = seed
        self._found: tuple[int, np.ndarray] | None = None

    def popularity(self, moment: Moment) -> sparse.csr_matrix:
        """(n, k) how many customers of each customer's community acted on each item lately."""
        of = self._at(moment)
        members = ibis.memtable(pd.DataFrame({"customer": np.arange(len(of)), "community": of}))
        rows = moment.recent.inner_join(members, "customer")
        counts = rows.group_by("community", "item").aggregate(n=rows.count()).to_pandas()
        counts = counts[counts["item"].isin(moment.items)]
        columns = np.searchsorted(moment.items, counts["item"])
        shape = (int(of.max(initial=-1)) + 1, len(moment.items))
        table = sparse.csr_matrix((counts.n.astype(float), (counts.community, columns)), shape)
        popularity: sparse.csr_matrix = table[of[moment.customers]]
        return popularity

    def _at(self, moment: Moment) -> np.ndarray:
        """(customers,) the community of each customer as the friend graph was at the moment."""
        ties = ties_at(self._facts, moment.as_of)
        size = ties.count().execute()
        if self._found is None or self._found[0] != size:
            pairs = ties.order_by("customer", "friend").select("customer", "friend").to_pandas()
            of = friend_communities(len(self._facts.customers), pairs.to_numpy(), self._seed)
            self._found = (size, of)
        return self._found[1]
