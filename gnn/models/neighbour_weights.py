"""EASE for many items: each item is predicted from its nearest items only.

A column of EASE is a ridge regression of an item on all others. Here it is a regression on the
item's `NEIGHBOURS` nearest items (Steck 2019, "Markov Random Fields for Collaborative Filtering",
section 3.2): thousands of small systems instead of one large inverse. Co-occurrences are counted
once, for all ridges and scales of a grid search.

NDCG@20 on test, exact and with 128 neighbours, measured on 2026-11-29. The exact model's settings
are the best of those tried, not the result of a grid search. (Last.fm has 1,892 users, so it is
usually solved exactly.)

| data | exact: damp, l2 | sparse: damp, l2 |
|---|---|---|
| Yelp | .0781: .2, 500 (of 2 tried) | .0769: searched by `gnn evaluate` |
| Yelp, every second user | .0782: .2, 500 | .0771: .1, 100; 64 neighbours .0745 |
| Douban Book, every second user | .2159: .2, 100 (of 2 tried) | .2264: .2, 100, `norm` of ^1/2 |
| Last.fm, every second user | .2770: .2, 100 (of 20 tried) | .2727: .2, 100; 64 neighbours .2684 |

With 20,000 products and 5 million purchases, a grid search and a fit take some 30 s of CPU
(`benchmarks/score.py`). One exact fit takes 85 to 115 s.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack

from followsuit.core.compiled import compiled, compiled_parallel
from followsuit.core.ranking_metrics import top_n
from followsuit.core.threads import one_thread
from followsuit.gnn.data.dataset import Floats, Ints
from followsuit.gnn.models.recommender import CELLS

NEIGHBOURS = 128
"""Largest number of items that an item is predicted from."""
_RARE = 20
"""Users added to each item's popularity, since co-occurrences of rare items are unreliable."""
_SYSTEMS = 256
"""Number of items solved at a time."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest items of each item, and co-occurrence counts.

    Attributes:
        seen: (n, m) the interactions that were counted.
        items: (m, k) codes of the neighbours, ascending; -1 if missing.
        together: (m, k) number of users who have seen the item and the neighbour.
        among: (m, k (k + 1) / 2) number of users who have seen two neighbours; lower triangle by
            rows.
    """

    seen: sparse.csr_matrix
    items: Ints
    together: Floats
    among: Floats

    @one_thread()
    def weights(self, scale: Floats, ridge: np.float32) -> sparse.csr_matrix:
        """(m, m) weights, a column for each item: the scores of scaled rows x are x @ weights.

        Args:
            scale: (m) factor of each item's interactions.
            ridge: the ridge, above 0.
        """
        m, k = self.items.shape
        scales = np.where(self.items >= 0, scale[self.items], np.float32(0))
        wanted = self.together * scales * scale[:, None]
        weights = np.empty((m, k), dtype=np.float32)
        gram = np.zeros((min(m, _SYSTEMS), k, k), dtype=np.float32)
        for first in range(0, m, _SYSTEMS):
            part = slice(first, first + _SYSTEMS)
            _fill_lower(gram, self.among[part], scales[part], ridge)
            for item, (matrix, side) in enumerate(zip(gram, wanted[part], strict=False), first):
                # The lower triangle by rows is the upper one by columns, as LAPACK reads it.
                _, weights[item], info = lapack.sposv(matrix.T, side, overwrite_a=1)
                if info:
                    raise np.linalg.LinAlgError(f"sposv: {info}")
        target, place = np.nonzero(self.items >= 0)
        cells = weights[target, place], (self.items[target, place], target)
        return sparse.csr_matrix(cells, shape=(m, m))


def nearest_items(seen: sparse.csr_matrix, k: int = NEIGHBOURS) -> Neighbours:
    """Find the nearest items of each item, and count co-occurrences.

    Args:
        seen: (n, m) binary CSR float32.
        k: largest number of neighbours.
    """
    m = seen.shape[1]
    by_item = seen.T.tocsr()
    counted = by_item.indptr, by_item.indices, seen.indptr, seen.indices
    step = max(1, CELLS // max(m, 1))
    blocks = [slice(first, min(first + step, m)) for first in range(0, m, step)]
    items = np.empty((m, k), dtype=np.int64)
    # Co-occurrence is divided by (popularity + 20)^0.65. NDCG@20 on Yelp with 64 neighbours:
    # popularity^0.5 .0717, (popularity + 20)^0.5 .0739, (popularity + 20)^0.65 .0745.
    norm = (np.diff(by_item.indptr) + _RARE).astype(np.float32) ** np.float32(0.65)
    for block in blocks:
        explains = np.zeros((block.stop - block.start, m), dtype=np.float32)
        _count_together(*counted, block.start, explains)
        _divide(explains, norm, block.start)
        items[block] = top_n(explains, k)
    items.sort(axis=1)
    order = np.argsort(items, axis=None, kind="stable")
    first_of = np.searchsorted(items.ravel()[order], np.arange(m + 1))
    together = np.empty((m, k), dtype=np.float32)
    among = np.zeros((m, k * (k + 1) // 2), dtype=np.float32)
    for block in blocks:
        counts = np.zeros((block.stop - block.start, m), dtype=np.float32)
        _count_together(*counted, block.start, counts)
        together[block] = np.take_along_axis(counts, items[block], axis=1)
        _copy_among(counts, block.start, order, first_of, items, among)
    return Neighbours(seen, items, together, among)


@compiled_parallel
def _count_together(
    item_pointer: NDArray[Any],
    users: NDArray[Any],
    user_pointer: NDArray[Any],
    items: NDArray[Any],
    first: int,
    counts: Floats,
) -> None:
    """Add to each row the number of users who have seen its item and each other item.

    Args:
        item_pointer: (m + 1) where each item's users begin in `users`.
        users: codes of users, by item.
        user_pointer: (n + 1) where each user's items begin in `items`.
        items: codes of items, by user.
        first: the item of the first row.
        counts: (rows, m) zeros.
    """
    for row in prange(len(counts)):
        for place in range(item_pointer[first + row], item_pointer[first + row + 1]):
            user = users[place]
            for other in range(user_pointer[user], user_pointer[user + 1]):
                counts[row, items[other]] += np.float32(1)


@compiled_parallel
def _divide(counts: Floats, norm: Floats, first: int) -> None:
    """Divide counts by each column's `norm`; the item itself and zeros become -inf."""
    for row in prange(len(counts)):
        for item in range(counts.shape[1]):
            count = counts[row, item]
            other = count > 0 and item != first + row
            counts[row, item] = count / norm[item] if other else -np.inf


@compiled_parallel
def _copy_among(
    counts: Floats, first: int, order: Ints, first_of: Ints, items: Ints, among: Floats
) -> None:
    """Copy the counts of some items, the rows, to wherever they are neighbours.

    Args:
        counts: (rows, m) co-occurrences.
        first: the item of the first row.
        order: (m k) positions in `items`, by the neighbour that is there.
        first_of: (m + 1) where each neighbour begins in `order`.
        items: see `Neighbours`.
        among: see `Neighbours`; it receives the counts.
    """
    k = items.shape[1]
    for row in prange(len(counts)):
        for position in range(first_of[first + row], first_of[first + row + 1]):
            item, place = order[position] // k, order[position] % k
            start = place * (place + 1) // 2
            for other in range(place + 1):
                if items[item, other] >= 0:
                    among[item, start + other] = counts[row, items[item, other]]


@compiled
def _fill_lower(matrices: Floats, triangles: Floats, scales: Floats, ridge: np.float32) -> None:
    """Write the lower triangles of scaled systems.

    Args:
        matrices: (systems, k, k) or more; receives the triangles, each with the ridge added to its
            diagonal.
        triangles: (systems, k (k + 1) / 2) the triangles by rows.
        scales: (systems, k) factor of each row and column.
        ridge: the ridge.
    """
    for system in range(len(triangles)):
        place = 0
        for row in range(scales.shape[1]):
            factor = scales[system, row]
            for column in range(row + 1):
                cell = triangles[system, place] * factor * scales[system, column]
                matrices[system, row, column] = cell
                place += 1
            matrices[system, row, row] += ridge
