"""The customers with a live reason, and the items that may be offered to them, as arrays.

A reason names an item, or it is broad: any of several items would do.

A grid has a row for each customer and a column for each item. Rows and columns are numbers that
mean nothing outside the grid.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Self

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from followsuit.core.codes import Codes
from followsuit.core.compiled import compiled
from followsuit.customers.features import customer_features
from followsuit.graph.items import PAIR, item_key
from followsuit.graph.views.view import View
from followsuit.offers.candidates.broad_reasons import BroadReasons
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.store_sets import StoreSets
from followsuit.offers.taste import Taste
from followsuit.triggers.recent import recent_shared
from followsuit.triggers.trigger import Trigger

_CELLS = 1_000_000
"""Maximum number of cells of a dense array."""


@dataclass(frozen=True)
class Grid:
    """n customers with a live reason and k items, as of the cutoff of a view."""

    view: View
    window: timedelta
    taste: Taste
    customers: Codes
    """The n customers, sorted by id."""
    items: np.ndarray
    """(k,) positions in `view.item_list`, ascending."""
    live: pd.DataFrame
    """The live reasons that name an item: `row, column, stores`, and the columns of `REASONS` and
    `EVIDENCE` except ids and stores. A pair has a row for each of its triggers."""
    broad: pd.DataFrame
    """The live reasons that name no item: `row, allowed`, and the same columns; at most one row for
    a customer, trigger, category and brand."""
    allowed: np.ndarray
    """(sets, k) bool: the sets of items that broad reasons allow; `broad.allowed` is a row."""
    anything: np.ndarray
    """(sets,) bool: whether a set allows every item, also those without a column."""
    stores: StoreSets
    """The sets of stores that reasons name; `stores` of a reason is its number."""
    popularity: np.ndarray
    """(all items,) number of customers who share activity and interacted with each item in the
    window."""
    seen: sparse.csr_matrix
    """(n, all items) bool: seen items, with which the customer has interacted before."""
    cities: np.ndarray
    """Names of the cities, by code."""
    home: np.ndarray
    """(n,) code of each customer's city; -1 if unknown."""
    site: np.ndarray
    """(k,) code of each store's city; -1 for products and if unknown."""

    @cached_property
    def people(self) -> pd.DataFrame:
        """(n,) rows of `customer_features`, by customer; NaN where there are none."""
        ids = self.customers.ids.tolist()
        table = customer_features(self.view, self.window, ids).to_pyarrow()
        names = [name for name in table.column_names if name != "customer_id"]
        of = table["customer_id"]
        return pd.DataFrame(
            {name: self.customers.lay_out(of, table[name], np.nan) for name in names}
        )

    @cached_property
    def repeats(self) -> sparse.csr_matrix:
        """(n, all items) bool: the seen items that have a reason to buy them again."""
        again = self.live[self.live.repeat.eq(True)]
        pairs = again[["row", "column"]].drop_duplicates()
        cells = (np.ones(len(pairs), dtype=bool), (pairs.row, self.items[pairs.column]))
        named = sparse.csr_matrix(cells, shape=self.seen.shape)
        repeats: sparse.csr_matrix = self.seen.multiply(named).tocsr()
        return repeats

    @cached_property
    def _blocked(self) -> sparse.csr_matrix:
        """(n, all items) bool: seen items without a reason to buy them again."""
        return self.seen > self.repeats if self.repeats.nnz else self.seen

    def excluded(self, rows: slice, columns: slice = slice(None)) -> np.ndarray:
        """(rows, columns) bool: seen items, and stores in another city than the customer's.

        Seen items with a reason to buy them again aren't excluded.
        """
        seen = self._blocked[rows][:, self.items[columns]].toarray()
        excluded: np.ndarray = seen | _elsewhere(self.home[rows, None], self.site[None, columns])
        return excluded

    def exclude(self, scores: np.ndarray, rows: slice | np.ndarray) -> None:
        """Set the scores, (rows, k), of all `excluded` pairs to -inf, in place."""
        seen = self._blocked[rows]
        column = self.columns(seen.indices)
        row = np.repeat(np.arange(len(scores)), np.diff(seen.indptr))
        scores[row[column >= 0], column[column >= 0]] = -np.inf
        stores = np.flatnonzero(self.site >= 0)
        away = _elsewhere(self.home[rows][:, None], self.site[None, stores])
        row, position = np.nonzero(away)
        scores[row, stores[position]] = -np.inf

    def excluded_pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(pairs,) bool: whether each pair of row and column is `excluded`."""
        seen = pick(self._blocked, rows, self.items[columns])
        excluded: np.ndarray = seen | _elsewhere(self.home[rows], self.site[columns])
        return excluded

    def with_recorded_ties(self) -> Self:
        """A copy in which the strengths are by recorded tie weights."""
        return replace(self, live=self.live.assign(strength=self.live.recorded_strength))

    def columns(self, items: np.ndarray) -> np.ndarray:
        """Convert positions in `view.item_list` to columns; -1 for items without a column."""
        return _columns(self.items, items)

    def code(self, rows: ir.Table) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each pair in a table; pairs that aren't in the grid are left out."""
        table = rows.select("customer_id", item=item_key(rows)).to_pyarrow()
        row = self.customers.of(table["customer_id"])
        column = self.columns(self.view.item_list.codes.of(table["item"]))
        known = np.flatnonzero((row >= 0) & (column >= 0))
        return row[known], column[known]


def grid(
    view: View,
    live: ir.Table,
    window: timedelta,
    *,
    triggers: Sequence[Trigger] = (),
    taste: Taste | None = None,
    catalogue: Catalogue | None = None,
    never: Sequence[str] = (),
    least: int = 0,
) -> Grid:
    """Build the grid of the customers with a live reason and the items with a reason or popular.

    Args:
        view: the view as of the cutoff. Give a `SharedView` to learn from the customers; with
            another view, a customer's own rows may only be used for that customer.
        live: reasons that no rule blocks, with the columns of `REASONS` and `EVIDENCE`.
        window: the time before the cutoff in which popularity and activity are counted.
        triggers: the triggers of reasons without an item.
        taste: a model of taste fitted on data before the cutoff; without it, affinity is 0.
        catalogue: restricts the columns to the items that it covers; None if each item is its own
            offer.
        never: categories of which nothing is offered.
        least: if a customer could have fewer unseen items than this, all items become columns,
            popular or not.
    """
    items = view.item_list
    item = live.item_id.notnull().ifelse(item_key(live), None)
    reasons = live.mutate(item=item).drop("item_id").to_pyarrow()
    stores = StoreSets()
    numbers = pa.array(stores.numbers(reasons["store_ids"]))
    reasons = reasons.drop_columns("store_ids").append_column("stores", numbers)
    customers = Codes.of_distinct(reasons["customer_id"])
    named = reasons.filter(pc.is_valid(reasons["item"]))
    # Those without a trigger only say which customers to rank.
    broad = reasons.filter(pc.and_(pc.is_null(reasons["item"]), pc.is_valid(reasons["trigger"])))
    sets = BroadReasons(view, triggers, broad)
    popularity = _popularity(view, window)
    wanted = [np.flatnonzero(popularity), items.codes.of(named["item"]), sets.members]
    columns = np.unique(np.concatenate(wanted))
    seen = _seen(view, live, customers)
    if least and len(columns) - seen[:, columns].getnnz(axis=1).max(initial=0) < least:
        columns = np.arange(len(items))
    if catalogue is not None:
        covered = catalogue.covered
        keys = covered.select(item=item_key(covered)).to_pyarrow()["item"]
        columns = np.intersect1d(columns, items.codes.of(keys))
    columns = columns[~np.isin(items.category[columns].astype(str), list(never))]
    frame = named.drop_columns(["customer_id", "item"]).to_pandas()
    frame["row"] = customers.of(named["customer_id"])
    frame["column"] = _columns(columns, items.codes.of(named["item"]))
    home = _homes(view, customers)
    cities = pd.Index(np.concatenate([home, items.city])).dropna().unique()
    return Grid(
        view=view,
        window=window,
        taste=taste or Taste(None),
        customers=customers,
        items=columns,
        live=frame.sort_values(["row", "column"], kind="stable", ignore_index=True),
        broad=sets.of(customers, stores),
        allowed=sets.masks[:, columns],
        anything=np.asarray(sets.masks.all(axis=1)),
        stores=stores,
        popularity=popularity,
        seen=seen,
        cities=cities.to_numpy(),
        home=cities.get_indexer(pd.Index(home)),
        site=cities.get_indexer(pd.Index(items.city))[columns],
    )


@dataclass(frozen=True)
class Outcomes:
    """The labels: what a grid's customers did within a horizon.

    They are first interactions with an item, and any interaction with one of `Grid.repeats`.
    """

    pairs: np.ndarray
    """(pairs, 2) row and column of each of them whose item isn't `excluded`, sorted."""
    adoptions: np.ndarray
    """(n,) number of them per customer, with any item."""


def outcomes(grid: Grid, horizon: timedelta) -> Outcomes:
    """What the grid's customers did within the horizon after the cutoff."""
    later = grid.view.following(horizon)
    row, column = grid.code(later)
    everybody = grid.customers.of(later.customer_id.to_pyarrow())
    counts = np.bincount(everybody[everybody >= 0], minlength=len(grid.customers))
    again = _repeated(grid, horizon)
    counts += np.bincount(again[0], minlength=len(grid.customers))
    row, column = np.concatenate([row, again[0]]), np.concatenate([column, again[1]])
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    free = ~grid.excluded_pairs(row, column)
    return Outcomes(np.column_stack([row[free], column[free]]), counts)


def _repeated(grid: Grid, horizon: timedelta) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each pair of `Grid.repeats` with an interaction within the horizon."""
    if not grid.repeats.nnz:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    customers = ibis.memtable(
        {"customer_id": grid.customers.ids[np.diff(grid.repeats.indptr) > 0]},
        schema={"customer_id": "string"},
    )
    done = grid.view.interactions_after(horizon).semi_join(customers, "customer_id")
    row, column = grid.code(done.select(*PAIR).distinct())
    due = np.flatnonzero(pick(grid.repeats, row, grid.items[column]))
    return row[due], column[due]


def blocks(size: int, width: int, most: int = _CELLS) -> Iterator[slice]:
    """Split `size` rows (or columns) of `width` cells into slices of at most `most` cells."""
    step = max(1, most // max(width, 1))
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))


def pick(matrix: sparse.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(pairs,) the values of a matrix at these rows and columns."""
    # SciPy reads the whole matrix each time, to see whether it is sorted.
    matrix.sort_indices()
    parts = matrix.indptr, matrix.indices, matrix.data
    picked: np.ndarray = _picked(*parts, np.asarray(rows), np.asarray(columns))
    return picked


@compiled
def _picked(
    pointer: np.ndarray,
    column: np.ndarray,
    values: np.ndarray,
    wanted_rows: np.ndarray,
    wanted_columns: np.ndarray,
) -> np.ndarray:
    picked = np.zeros(len(wanted_rows), dtype=values.dtype)
    for i in range(len(wanted_rows)):
        start, end = pointer[wanted_rows[i]], pointer[wanted_rows[i] + 1]
        place = start + np.searchsorted(column[start:end], wanted_columns[i])
        if place < end and column[place] == wanted_columns[i]:
            picked[i] = values[place]
    return picked


def _popularity(view: View, window: timedelta) -> np.ndarray:
    recent = recent_shared(view, window)
    counts = recent.group_by(item=item_key(recent)).aggregate(n=recent.count()).to_pyarrow()
    return view.item_list.codes.lay_out(counts["item"], counts["n"], 0)


def _seen(view: View, live: ir.Table, customers: Codes) -> sparse.csr_matrix:
    rows = view.first_interactions.semi_join(live, "customer_id")
    table = rows.select("customer_id", item=item_key(rows)).to_pyarrow()
    row, item = customers.of(table["customer_id"]), view.item_list.codes.of(table["item"])
    ones = np.ones(len(row), dtype=bool)
    return sparse.csr_matrix((ones, (row, item)), shape=(len(customers), len(view.item_list)))


def _columns(items: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The index of each code in `items`; -1 if it isn't there."""
    column = np.searchsorted(items, codes)
    column = np.minimum(column, max(len(items) - 1, 0))
    known = (codes >= 0) & (items[column] == codes) if len(items) else np.zeros(len(codes), bool)
    return np.where(known, column, -1)


def _homes(view: View, customers: Codes) -> np.ndarray:
    """(n,) each customer's city; None if unknown."""
    table = view.customers.to_pyarrow()
    return customers.lay_out(table["customer_id"], table["city"], None)


def _elsewhere(home: np.ndarray, site: np.ndarray) -> np.ndarray:
    """Whether both cities are known and differ."""
    elsewhere: np.ndarray = (home >= 0) & (site >= 0) & (home != site)
    return elsewhere
