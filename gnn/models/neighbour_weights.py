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

With 20,000 products and 5 million purchases, a grid search and a fit take 57 s of CPU and 1.43 GB
(`benchmarks/gnn.py --only grid`). One exact fit takes 85 to 115 s.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

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
        for first in range(0, m, _SYSTEMS):
            part = slice(first, first + _SYSTEMS)
            gram = _symmetric(self.among[part], k)
            gram *= scales[part, :, None]
            gram *= scales[part, None, :]
            gram[:, np.arange(k), np.arange(k)] += ridge
            weights[part] = np.linalg.solve(gram, wanted[part, :, None])[..., 0]
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
    step = max(1, CELLS // max(m, 1))
    blocks = [slice(first, min(first + step, m)) for first in range(0, m, step)]
    items = np.empty((m, k), dtype=np.int64)
    # Co-occurrence is divided by (popularity + 20)^0.65. NDCG@20 on Yelp with 64 neighbours:
    # popularity^0.5 .0717, (popularity + 20)^0.5 .0739, (popularity + 20)^0.65 .0745.
    norm = (np.diff(by_item.indptr) + _RARE).astype(np.float32) ** np.float32(0.65)
    for block in blocks:
        explains = (by_item[block] @ seen).toarray() / norm
        explains[explains == 0] = -np.inf
        itself = sparse.eye_array(block.stop - block.start, m, k=block.start, format="csr")
        items[block] = top_n(explains, k, sparse.csr_matrix(itself))
    items.sort(axis=1)
    together = np.empty((m, k), dtype=np.float32)
    among = np.zeros((m, k * (k + 1) // 2), dtype=np.float32)
    by_place = [np.argsort(items[:, place], kind="stable") for place in range(k)]
    for block in blocks:
        counts = (by_item[block] @ seen).toarray()
        together[block] = np.take_along_axis(counts, items[block], axis=1)
        for place, order in enumerate(by_place):
            ends = np.searchsorted(items[order, place], (block.start, block.stop))
            some = order[slice(*ends)]
            rows = items[some, place] - block.start
            first = place * (place + 1) // 2
            among[some, first : first + place + 1] = counts[rows[:, None], items[some, : place + 1]]
    return Neighbours(seen, items, together, among)


def _symmetric(triangles: Floats, k: int) -> Floats:
    """(rows, k, k) the matrices with these lower triangles."""
    matrices = np.empty((len(triangles), k, k), dtype=np.float32)
    for row in range(k):
        first = row * (row + 1) // 2
        part = triangles[:, first : first + row + 1]
        matrices[:, row, : row + 1] = part
        matrices[:, : row + 1, row] = part
    return matrices
