"""What may be offered to whom: all that a live reason brings up, and the best of a customer's own.

A pair that a live reason brings up and no rule blocks becomes a candidate for each offer that
covers the item and is for the customer. Beside them stand the 50 best pairs of customer and offer
by score (`Offers.best`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from followsuit.core.codes import Codes
from followsuit.core.compiled import compiled
from followsuit.core.ranking_metrics import top_n
from followsuit.graph.items import item_key
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.offers.candidates.grid import Grid

BEST = 50
"""Offers of a customer that are candidates without a reason for them."""


@dataclass(frozen=True)
class Candidates:
    """Offers of an item for a customer: arrays of one length."""

    row: np.ndarray
    column: np.ndarray
    offer: np.ndarray
    """Position in `Offers.ids`."""


@dataclass(frozen=True)
class Offers:
    """The offers for a grid's customers and items, as arrays."""

    ids: np.ndarray
    """(offers,) by id; without a catalogue the items' ids, by column."""
    value: np.ndarray
    """(offers,) minor units that an acceptance brings, NaN where unknown."""
    covers: sparse.csr_matrix | None
    """(offers, k) bool; None where each item is its own offer."""
    audience: sparse.csr_matrix
    """(offers, n) bool: whom targeted offers are for."""
    targeted: np.ndarray
    """(offers,) bool."""
    by_worth: np.ndarray
    """Positions, those worth the most first; unknown values last, then by id."""

    @cached_property
    def _by_item(self) -> sparse.csr_matrix | None:
        """(k, offers) `covers`, by item."""
        return None if self.covers is None else self.covers.T.tocsr()

    def of_pairs(self, row: np.ndarray, column: np.ndarray) -> Candidates:
        """The candidates of these pairs."""
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

    def best(self, scores: np.ndarray, rows: slice, n: int = BEST) -> Candidates:
        """The n best offers of each of some customers, each with its best item.

        A customer has each item and each offer once. The offers that are worth more choose first:
        each takes the best of the items that it covers and that are left.

        Args:
            scores: (rows, k), -inf for what may not be offered.
            rows: which customers these are.
            n: how many at most.
        """
        if self.covers is None:
            row, column = _cells_of(top_n(scores, n))
            return Candidates(row + rows.start, column, column)
        best = np.full((len(scores), len(self.ids)), -np.inf)
        item = np.zeros(best.shape, dtype=np.intp)
        left, every = scores.copy(), np.arange(len(scores))
        audience = self.audience[:, rows].toarray()
        for offer in self.by_worth:
            covered = self.covers.indices[self.covers.indptr[offer] : self.covers.indptr[offer + 1]]
            if not len(covered):
                continue
            chosen = covered[left[:, covered].argmax(axis=1)]
            item[:, offer] = chosen
            best[:, offer] = left[every, chosen]
            if self.targeted[offer]:
                best[~audience[offer], offer] = -np.inf
            has_it = np.isfinite(best[:, offer])
            left[every[has_it], chosen[has_it]] = -np.inf
        row, offer = _cells_of(top_n(best, n, tie=item))
        return Candidates(row + rows.start, item[row, offer], offer)

    def _in_audience(self, offer: np.ndarray, row: np.ndarray) -> np.ndarray:
        if not len(offer):
            return np.zeros(0, dtype=bool)
        return np.asarray(self.audience[offer, row]).ravel()


def offers_for(grid: Grid, catalogue: Catalogue | None) -> Offers:
    """The offers for a grid's customers and items."""
    items, n = grid.view.item_list, len(grid.customers)
    if catalogue is None:
        rows = grid.view.items.select(key=item_key(grid.view.items), margin="margin").to_pyarrow()
        margin = items.codes.lay_out(rows["key"], rows["margin"], np.nan)
        ids, value = items.id[grid.items], margin[grid.items]
        none = np.empty(0, dtype=np.int64)
        nobody = _cells(none, none, (len(ids), n))
        return Offers(ids, value, None, nobody, np.zeros(len(ids), bool), np.arange(len(ids)))
    rows = catalogue.offers.order_by("offer_id").to_pyarrow()
    codes = Codes(rows["offer_id"])
    coverage, audience = catalogue.coverage, catalogue.audience.to_pyarrow()
    covered = coverage.select("offer_id", item=item_key(coverage)).to_pyarrow()
    column = grid.columns(items.codes.of(covered["item"]))
    value = rows["value"].to_numpy().astype(float)
    return Offers(
        ids=codes.ids,
        value=value,
        covers=_cells(codes.of(covered["offer_id"]), column, (len(codes), len(grid.items))),
        audience=_cells(
            codes.of(audience["offer_id"]),
            grid.customers.of(audience["customer_id"]),
            (len(codes), n),
        ),
        targeted=rows["targeted"].to_numpy(zero_copy_only=False),
        by_worth=np.argsort(-np.nan_to_num(value, nan=-np.inf), kind="stable"),
    )


def _cells(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    known = (row >= 0) & (column >= 0)
    cells = (np.ones(known.sum(), dtype=bool), (row[known], column[known]))
    matrix = sparse.csr_matrix(cells, shape=shape)
    matrix.sort_indices()
    return matrix


def _cells_of(lists: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each cell that lists of columns name."""
    row, place = np.nonzero(lists >= 0)
    return row, lists[row, place]


def ranks(candidates: Candidates, scores: np.ndarray, offers: Offers) -> np.ndarray:
    """(candidates,) int64: the rank of each among its customer's, from 1; 0 for those left out.

    A customer has each item and each offer once; see `Offers.best`.

    Args:
        candidates: of whole customers.
        scores: (candidates,).
        offers: that the candidates are of.
    """
    row, column, offer = candidates.row, candidates.column, candidates.offer
    chosen = np.ones(len(row), dtype=bool)
    if offers.covers is not None:
        worth = np.empty(len(offers.by_worth), dtype=np.int64)
        worth[offers.by_worth] = np.arange(len(worth))
        order = np.lexsort((column, -scores, worth[offer], row))
        taken = np.full(offers.covers.shape[1], -1, dtype=np.int64)
        chosen[order] = _choose(row[order], column[order], offer[order], taken)
    picked = np.flatnonzero(chosen)
    order = picked[np.lexsort((offer[picked], column[picked], -scores[picked], row[picked]))]
    first = np.flatnonzero(np.diff(row[order], prepend=-1))
    counts = np.diff(np.append(first, len(order)))
    rank = np.zeros(len(row), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1) - np.repeat(first, counts)
    return rank


@compiled
def _choose(
    row: np.ndarray, column: np.ndarray, offer: np.ndarray, taken: np.ndarray
) -> np.ndarray:
    """Which candidates are chosen: the first of each offer whose item nobody has yet chosen."""
    chosen = np.zeros(len(row), dtype=np.bool_)
    done_row, done_offer = -1, -1
    for i in range(len(row)):
        if row[i] == done_row and offer[i] == done_offer:
            continue
        if taken[column[i]] == row[i]:
            continue
        taken[column[i]] = row[i]
        chosen[i] = True
        done_row, done_offer = row[i], offer[i]
    return chosen
