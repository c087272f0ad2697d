"""One instant for all customers: who has a reason now, and the factors of what each might take.

The factors:

- popularity: log(1 + customers who share and acted on the item in the window)
- category: log of the share of the customer's items that is in the item's category, over the
  category's share of what is popular now; smoothed by `_PRIOR` items of the latter
- affinity: how much the customer may like the item, see `taste.Taste.affinity`
- activity: log(1 + items that the customer acted on in the window)
- friends: log(1 + exposure), see `triggers.friend_acted`
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.graph.facts import NONE, Facts
from followsuit.offers.catalogue import Catalogue
from followsuit.offers.taste import Taste
from followsuit.offers.triggers import Window, friend_acted, recent_acts, ties_at

FACTORS = ("popularity", "category", "affinity", "activity", "friends")

_PRIOR = 10.0
_CELLS = 1_000_000
"""Cells of a dense array that are held at a time."""


@dataclass(frozen=True)
class Moment:
    """The factors at one instant, for n customers with a live trigger and k items.

    A row is a customer, a column an item; numbers are float64 unless said otherwise.
    """

    as_of: datetime
    recent: ir.Table
    """Ibis table `customer, item, at`: the acts that popularity counts, of those who share."""
    customers: np.ndarray
    """(n,) customer codes, rising."""
    items: np.ndarray
    """(k,) item codes, rising."""
    popularity: np.ndarray
    """(k,) the factor."""
    activity: np.ndarray
    """(n,) the factor."""
    exposed: pd.DataFrame
    """`row, column, exposure, plain_exposure, friends, oldest, latest`: the live triggers, by row
    and column."""
    friends: sparse.csr_matrix
    """(n, k) the factor."""
    plain: sparse.csr_matrix
    """(n, k) the factor by plain ties."""
    taste: Taste
    """What the factor `affinity` is asked of."""
    ids: np.ndarray
    """(n,) customer ids."""
    history: sparse.csr_matrix
    """(n, all items) bool: what the customer has acted on before."""
    taken: sparse.csr_matrix
    """(n, k) bool: the same of these items."""
    owned: sparse.csr_matrix
    """(n, categories) how many items of each category the customer has acted on."""
    shares: np.ndarray
    """(categories,) each category's share of what is popular now."""
    category: np.ndarray
    """(k,) category codes of the items; -1 where unknown."""
    home: np.ndarray
    """(n,) city codes of the customers; -1 where unknown."""
    site: np.ndarray
    """(k,) city codes of the stores; -1 for products and where unknown."""

    def with_plain_ties(self) -> "Moment":
        """The same by plain ties."""
        return replace(self, friends=self.plain)

    def liking(self, rows: slice | np.ndarray) -> np.ndarray:
        """(rows, categories + 1) the factor `category`; the last column, of unknown ones, is 0."""
        own = self.owned[rows].toarray()
        share = (own + _PRIOR * self.shares) / (own.sum(axis=1, keepdims=True) + _PRIOR)
        known = self.shares > 0
        lift = np.zeros((own.shape[0], own.shape[1] + 1))
        lift[:, :-1][:, known] = np.log(share[:, known] / self.shares[known])
        return lift

    def affinity(self, rows: slice | np.ndarray, columns: slice | np.ndarray) -> np.ndarray:
        """(rows, columns) the factor, float32."""
        return self.taste.affinity(self.ids, self.history, self.items, rows, columns)

    def own_of(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """((pairs,), (pairs,)) the factors `category` and `affinity`, for pairs."""
        who, position = np.unique(rows, return_inverse=True)
        liking, affinity = np.empty(len(rows)), np.empty(len(rows))
        width = max(self.owned.shape[1] + 1, len(self.items))
        for block in blocks(len(who), width):
            here = (position >= block.start) & (position < block.stop)
            row, column = position[here] - block.start, columns[here]
            liking[here] = self.liking(who[block])[row, self.category[column]]
            affinity[here] = self.affinity(who[block], slice(None))[row, column]
        return liking, affinity

    def barred(self, rows: slice, columns: slice = slice(None)) -> np.ndarray:
        """(rows, columns) bool: not to be offered: taken before, or a store of another city."""
        away = elsewhere(self.home[rows, None], self.site[None, columns])
        barred: np.ndarray = self.taken[rows][:, columns].toarray() | away
        return barred

    def barred_pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(pairs,) bool, the same for pairs."""
        taken = pick(self.taken, rows, columns)
        barred: np.ndarray = taken | elsewhere(self.home[rows], self.site[columns])
        return barred


def look(
    facts: Facts,
    as_of: datetime,
    window: timedelta,
    *,
    customers: np.ndarray | None = None,
    catalogue: Catalogue | None = None,
    ties: ir.Table | None = None,
    taste: Taste | None = None,
    left: int = 0,
) -> Moment:
    """Look at the facts at one instant.

    Args:
        facts: only rows up to `as_of` are used. Of `Facts`, each customer's own rows serve that
            customer alone; give `SharedFacts` where something is learned from the customers.
        as_of: the instant.
        window: how long back "lately" reaches.
        customers: codes of those to look at; None for all.
        catalogue: the offers in force; None where each item is its own offer.
        ties: those that exist, with their strength; the plain ones where not given.
        taste: learned from what lay before the instant; the factor is 0 where not given.
        left: where a customer may have fewer than this many items left to take, all items are
            looked at, also those that nobody acted on lately.
    """
    span = Window(as_of, window)
    people = facts.people(as_of)
    recent = recent_acts(facts, span, people).cache()
    taken = facts.firsts.filter(facts.firsts["at"] <= as_of)
    exposed = friend_acted(
        ties_at(facts, as_of) if ties is None else ties, recent, people, taken, span
    )
    live = _live(facts, exposed, customers, catalogue)
    lately = _counts(recent, "item")
    who = np.unique(live.customer)
    what = lately.index.to_numpy()
    owned = _owned(taken, who, len(facts.items.id))
    if left and len(what) - owned[:, what].getnnz(axis=1).max(initial=0) < left:
        what = np.arange(len(facts.items.id))
    if catalogue is not None:
        what = np.intersect1d(what, catalogue.items())
    popular = lately.reindex(what, fill_value=0).to_numpy(dtype=float)
    own = span.of(facts.acts).select("customer", "item").distinct()
    active = _counts(own, "customer").reindex(who, fill_value=0).to_numpy(dtype=float)
    categories = _membership(facts.items.category, len(facts.items.categories))
    shares = categories.T @ lately.reindex(np.arange(len(facts.items.id)), fill_value=0)
    row, column = np.searchsorted(who, live.customer), np.searchsorted(what, live.item)
    shape = (len(who), len(what))
    return Moment(
        as_of=as_of,
        recent=recent,
        customers=who,
        items=what,
        popularity=np.log1p(popular),
        activity=np.log1p(active),
        exposed=live.assign(row=row, column=column),
        friends=sparse.csr_matrix((np.log1p(live.exposure), (row, column)), shape),
        plain=sparse.csr_matrix((np.log1p(live.plain_exposure), (row, column)), shape),
        taste=taste or Taste(None),
        ids=facts.customers[who],
        history=owned,
        taken=owned[:, what],
        owned=owned.astype(float) @ categories,
        shares=shares / max(shares.sum(), 1.0),
        category=facts.items.category[what],
        home=facts.city[who],
        site=facts.items.city[what],
    )


def _live(
    facts: Facts, exposed: ir.Table, customers: np.ndarray | None, catalogue: Catalogue | None
) -> pd.DataFrame:
    """The live triggers as a frame, by customer and item."""
    live = exposed.order_by("customer", "item").to_pandas()
    keep = ~elsewhere(facts.city[live.customer], facts.items.city[live.item])
    if customers is not None:
        keep &= live.customer.isin(customers).to_numpy()
    if catalogue is not None:
        keep &= catalogue.allows(live.customer.to_numpy(), live.item.to_numpy())
    kept: pd.DataFrame = live[keep].reset_index(drop=True)
    return kept


def blocks(size: int, width: int) -> Iterator[slice]:
    """Slices of `size` rows (or columns) of `width` cells each, of a bounded number of cells."""
    step = max(1, _CELLS // max(width, 1))
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))


def pick(matrix: sparse.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(pairs,) the cells of a matrix at these rows and columns."""
    if not len(rows):
        return np.zeros(0, dtype=matrix.dtype)
    return np.asarray(matrix[rows, columns]).ravel()


def elsewhere(home: np.ndarray, site: np.ndarray) -> np.ndarray:
    """Whether a store's city is known to be another than the customer's."""
    both_known: np.ndarray = (home != NONE) & (site != NONE)
    away: np.ndarray = both_known & (home != site)
    return away


def _counts(rows: ir.Table, column: str) -> pd.Series:
    """How many rows each code has, by code."""
    counted = rows.group_by(column).aggregate(n=rows.count()).order_by(column).to_pandas()
    counts: pd.Series = counted.set_index(column).n
    return counts


def _owned(taken: ir.Table, who: np.ndarray, items: int) -> sparse.csr_matrix:
    """(customers, items) bool: what these customers have taken."""
    mine = ibis.memtable(pd.DataFrame({"customer": who, "row": np.arange(len(who))}))
    found = taken.inner_join(mine, "customer").select("row", "item").to_pandas()
    ones = np.ones(len(found), dtype=bool)
    return sparse.csr_matrix((ones, (found.row, found["item"])), shape=(len(who), items))


def _membership(category: np.ndarray, categories: int) -> sparse.csr_matrix:
    """(items, categories) 1 where an item is of a category."""
    known = np.flatnonzero(category != NONE)
    cells = (np.ones(len(known)), (known, category[known]))
    return sparse.csr_matrix(cells, shape=(len(category), categories))
