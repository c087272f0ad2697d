"""What may be offered to whom: pairs with a live reason, and each customer's best other offers.

A pair of customer and item with a live reason that no rule blocks is a candidate for each offer
that covers the item and includes the customer in its audience. Each customer's best offers by score
(`Offers.best`) are candidates too.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow.compute as pc
from scipy import sparse

from followsuit.core.codes import Codes
from followsuit.core.compiled import compiled
from followsuit.core.ranking_metrics import top_n
from followsuit.core.sorting import order_by
from followsuit.graph.items import PRODUCT, STORE, item_key
from followsuit.offers.candidates.best_offers import best_offers
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.candidates.store_sets import Redemption, redemption
from followsuit.triggers.trigger import ANY_OFFER, Needs


@dataclass(frozen=True)
class Candidates:
    """Offers of an item for a customer: three arrays of the same length."""

    row: np.ndarray
    """Row of the customer in the grid."""
    column: np.ndarray
    """Column of the item in the grid."""
    offer: np.ndarray
    """Position of the offer in `Offers.ids`."""

    def only(self, candidates: np.ndarray) -> "Candidates":
        """Some of the candidates, in this order."""
        columns = (self.row, self.column, self.offer)
        return Candidates(*(column[candidates] for column in columns))


@dataclass(frozen=True)
class Offers:
    """The offers for a grid's customers and items, as arrays."""

    ids: np.ndarray
    """(offers,) offer ids, sorted; without a catalogue, item ids in the order of the columns."""
    value: np.ndarray
    """(offers,) value of an acceptance in minor units of money, by the offer; NaN if unknown."""
    item_value: np.ndarray
    """(k,) the same by the item: its margin, else its price; NaN if unknown."""
    cost: np.ndarray
    """(offers,) what an acceptance costs, in minor units of money."""
    covers: sparse.csr_matrix | None
    """(offers, k) bool: which items each offer covers; None if each item is its own offer."""
    audience: sparse.csr_matrix
    """(offers, n) bool: which customers each targeted offer is for."""
    targeted: np.ndarray
    """(offers,) bool: whether the offer is only for its audience."""
    program: np.ndarray
    """(offers,) the program that each offer is for, None if it is for none; so is `interest`."""
    interest: np.ndarray
    redemption: Redemption
    """The stores where each offer can be used."""
    by_worth: np.ndarray
    """(offers,) positions by descending value, unknown values last; ties by id."""

    @cached_property
    def _by_item(self) -> sparse.csr_matrix | None:
        """(k, offers) bool: `covers`, transposed."""
        return None if self.covers is None else self.covers.T.tocsr()

    @cached_property
    def _by_worth_of_item(self) -> sparse.csr_matrix | None:
        """(k, offers) `covers`, by item; the offers of an item are in the order of `by_worth`."""
        if self.covers is None:
            return None
        cells = self.covers.tocoo()
        worth = np.empty(len(self.by_worth), dtype=np.int64)
        worth[self.by_worth] = np.arange(len(worth))
        order = np.lexsort((worth[cells.row], cells.col))
        pointer = np.searchsorted(cells.col[order], np.arange(self.covers.shape[1] + 1))
        parts = (cells.data[order], cells.row[order], pointer)
        return sparse.csr_matrix(parts, shape=self.covers.shape[::-1])

    @cached_property
    def _offers_of_customer(self) -> sparse.csr_matrix:
        """(n, offers) `audience`, by customer."""
        return self.audience.T.tocsr()

    def value_of(self, candidates: Candidates) -> np.ndarray:
        """(candidates,) value of an acceptance: that of the offer, else of the item."""
        value, of_item = self.value[candidates.offer], self.item_value[candidates.column]
        chosen: np.ndarray = np.where(np.isnan(value), of_item, value)
        return chosen

    def of_pairs(self, row: np.ndarray, column: np.ndarray) -> Candidates:
        """All candidates of pairs of customer (`row`) and item (`column`)."""
        by_item = self._by_item
        if by_item is None:
            return Candidates(row, column, column)
        counts = np.diff(by_item.indptr)[column]
        first = np.repeat(by_item.indptr[column], counts)
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        offer = by_item.indices[first + step]
        row, column = np.repeat(row, counts), np.repeat(column, counts)
        allowed = np.flatnonzero(~self.targeted[offer] | self._in_audience(offer, row))
        return Candidates(row[allowed], column[allowed], offer[allowed])

    def best(
        self, scores: np.ndarray, rows: np.ndarray, n: int, needs: Needs = ANY_OFFER
    ) -> Candidates:
        """The n best offers of each customer, each with its best item.

        A customer gets each item and each offer at most once. Offers choose their item in order of
        value: each takes the item with the highest score among those it covers that are left.

        Args:
            scores: (rows, k) scores; -inf for items that may not be offered.
            rows: the customers' rows in the grid.
            n: maximum number of offers per customer.
            needs: what the offers must be.
        """
        by_item, audience = self._by_worth_of_item, self._offers_of_customer[rows]
        suits = self.suits(needs)
        if by_item is None:
            row, column = _cells_of(top_n(scores, n if suits.any() else 0))
            return Candidates(rows[row], column, column)
        column, offer = best_offers(
            scores,
            by_item.indptr,
            by_item.indices,
            suits & ~self.targeted,
            suits,
            audience.indptr,
            audience.indices,
            n,
        )
        row, place = np.nonzero(column >= 0)
        return Candidates(rows[row], column[row, place], offer[row, place])

    def suits(self, needs: Needs) -> np.ndarray:
        """(offers,) bool: whether each offer is what a trigger needs."""
        suits = np.ones(len(self.ids), dtype=bool)
        for wanted, given in ((needs.program, self.program), (needs.interest, self.interest)):
            if wanted is not None:
                suits &= given == wanted
        return suits

    def _in_audience(self, offer: np.ndarray, row: np.ndarray) -> np.ndarray:
        return pick(self._offers_of_customer, row, offer)


def offers_for(grid: Grid, catalogue: Catalogue | None) -> Offers:
    """The offers for a grid's customers and items."""
    items, n = grid.view.item_list, len(grid.customers)
    item_value = _item_values(grid)
    if catalogue is None:
        ids, value = items.id[grid.items], item_value
        none = np.empty(0, dtype=np.int64)
        nobody = _cells(none, none, (len(ids), n))
        no_one, no_name = np.zeros(len(ids), bool), np.full(len(ids), None)
        where = redemption(grid.stores, _visits(grid), {}, {}, (len(ids), len(ids)))
        by_column = np.arange(len(ids))
        free = np.zeros(len(ids))
        return Offers(
            ids, value, item_value, free, None, nobody, no_one, no_name, no_name, where, by_column
        )
    rows = catalogue.offers.order_by("offer_id").to_pyarrow()
    codes = Codes(rows["offer_id"])
    coverage, audience = catalogue.coverage, catalogue.audience.to_pyarrow()
    covered = coverage.select("offer_id", item=item_key(coverage)).to_pyarrow()
    column = grid.columns(items.codes.of(covered["item"]))
    value = rows["value"].to_numpy().astype(float)
    return Offers(
        ids=codes.ids,
        value=value,
        item_value=item_value,
        cost=rows["cost"].fill_null(0).to_numpy().astype(float),
        covers=_cells(codes.of(covered["offer_id"]), column, (len(codes), len(grid.items))),
        audience=_cells(
            codes.of(audience["offer_id"]),
            grid.customers.of(audience["customer_id"]),
            (len(codes), n),
        ),
        targeted=rows["targeted"].to_numpy(zero_copy_only=False),
        program=rows["program"].to_numpy(zero_copy_only=False),
        interest=rows["interest"].to_numpy(zero_copy_only=False),
        redemption=_redemption(grid, catalogue, codes),
        by_worth=np.argsort(-np.nan_to_num(value, nan=-np.inf), kind="stable"),
    )


def _item_values(grid: Grid) -> np.ndarray:
    """(k,) the margin of each column's item, else its price; NaN if unknown."""
    rows = grid.view.items
    value = rows.margin.coalesce(rows.price).cast("float64")
    table = rows.select(key=item_key(rows), value=value).to_pyarrow()
    values = grid.view.item_list.codes.lay_out(table["key"], table["value"], np.nan)
    of_columns: np.ndarray = values[grid.items]
    return of_columns


def _visits(grid: Grid) -> dict[int, str]:
    """The store of each column whose item is a store."""
    items = grid.view.item_list
    stores = np.flatnonzero(items.kind[grid.items] == STORE)
    return dict(zip(stores.tolist(), items.id[grid.items[stores]], strict=True))


def _redemption(grid: Grid, catalogue: Catalogue, codes: Codes) -> Redemption:
    """Where to use the offers of a catalogue, see `Catalogue.stores`."""
    rows = catalogue.offer_stores.to_pyarrow()
    keys = pc.binary_join_element_wise(PRODUCT, rows["product_id"], ":")
    columns = grid.columns(grid.view.item_list.codes.of(keys))
    of_offer: dict[int, set[str]] = defaultdict(set)
    of_pair: dict[tuple[int, int], set[str]] = defaultdict(set)
    named = pc.is_valid(rows["product_id"]).to_pylist()
    stores = rows["store_id"].to_pylist()
    for offer, column, of_item, store in zip(
        codes.of(rows["offer_id"]).tolist(), columns.tolist(), named, stores, strict=True
    ):
        if not of_item:
            of_offer[offer].add(store)
        elif column >= 0:
            of_pair[offer, column].add(store)
    shape = (len(codes), len(grid.items))
    return redemption(grid.stores, _visits(grid), of_offer, of_pair, shape)


def _cells(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    known = (row >= 0) & (column >= 0)
    cells = (np.ones(known.sum(), dtype=bool), (row[known], column[known]))
    matrix = sparse.csr_matrix(cells, shape=shape)
    matrix.sort_indices()
    return matrix


def _cells_of(lists: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert lists of columns, padded with -1, to the row and column of each cell."""
    row, position = np.nonzero(lists >= 0)
    return row, lists[row, position]


def ranks(
    candidates: Candidates,
    levels: np.ndarray,
    offers: Offers,
    *,
    first: np.ndarray | None = None,
    per_item: int = 1,
) -> np.ndarray:
    """Rank each customer's candidates.

    A customer gets each offer at most once, and each item at most `per_item` times. Offers choose
    their item in order of value, see `Offers.best`.

    Args:
        candidates: all candidates of each of their customers.
        levels: (candidates,) whole numbers from 0; candidates with higher ones rank before.
        offers: the offers of the candidates.
        first: (candidates,) bool: candidates that choose before all others of their customer.
        per_item: maximum number of offers of one item per customer.

    Returns:
        (candidates,) int64 ranks within the customer, from 1; 0 for candidates that are left out
        because the customer gets their item or offer from another candidate.
    """
    row, column, offer = candidates.row, candidates.column, candidates.offer
    customer = row - (row.min() if len(row) else 0)
    below = levels.max(initial=0) - levels
    chosen = np.ones(len(row), dtype=bool)
    if offers.covers is not None:
        worth = np.empty(len(offers.by_worth), dtype=np.int64)
        worth[offers.by_worth] = np.arange(len(worth))
        later = np.zeros(len(row), dtype=bool) if first is None else ~first
        order = order_by(customer, later, worth[offer], below, column)
        chosen[order] = _choose(
            row[order], column[order], offer[order], *offers.covers.shape[::-1], per_item
        )
    picked = np.flatnonzero(chosen)
    order = picked[order_by(*(key[picked] for key in (customer, below, column, offer)))]
    starts = np.flatnonzero(np.diff(row[order], prepend=-1))
    counts = np.diff(np.append(starts, len(order)))
    rank = np.zeros(len(row), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1) - np.repeat(starts, counts)
    return rank


@compiled
def _choose(
    row: np.ndarray,
    column: np.ndarray,
    offer: np.ndarray,
    columns: int,
    offers: int,
    per_item: int,
) -> np.ndarray:
    """Choose each offer's first candidate whose item the customer may still get, row by row."""
    chosen = np.zeros(len(row), dtype=np.bool_)
    used_by = np.full(offers, -1, dtype=np.int64)
    got_by = np.full(columns, -1, dtype=np.int64)
    times = np.zeros(columns, dtype=np.int64)
    for i in range(len(row)):
        if used_by[offer[i]] == row[i]:
            continue
        if got_by[column[i]] != row[i]:
            got_by[column[i]] = row[i]
            times[column[i]] = 0
        if times[column[i]] < per_item:
            times[column[i]] += 1
            used_by[offer[i]] = row[i]
            chosen[i] = True
    return chosen
