"""Coverage, novelty and diversity of lists of recommendations."""

import numpy as np
from scipy import sparse

from followsuit.gnn.data.dataset import Dataset, Ints


def coverage(lists: Ints, items: int) -> float:
    """The share of all items that are in at least one list."""
    return len(np.unique(lists[lists >= 0])) / max(items, 1)


def novelty(lists: Ints, data: Dataset) -> np.ndarray:
    """(users) mean of -log2(share of users with the item) (Vargas and Castells 2011)."""
    share = np.maximum(data.popularity, 1) / max(len(data.users), 1)
    bits = np.append(-np.log2(share), 0.0)
    count = np.maximum((lists >= 0).sum(axis=1), 1)
    mean: np.ndarray = bits[lists].sum(axis=1) / count
    return mean


def diversity(lists: Ints, data: Dataset) -> np.ndarray:
    """(users) 1 - mean cosine over pairs of items in the list (Ziegler et al. 2005).

    An item's vector is the set of its users. A list of fewer than two items has 0.
    """
    row, place = np.nonzero(lists >= 0)
    picked = sparse.csr_matrix(
        (np.ones(len(row), dtype=np.float32), (row, lists[row, place])),
        shape=(len(lists), len(data.items)),
    )
    by_item = sparse.csr_matrix(data.seen.T, dtype=np.float32)
    length = np.sqrt(np.maximum(data.popularity, 1))
    unit = sparse.diags_array(1 / length, format="csr") @ by_item
    together = np.asarray((picked @ unit).power(2).sum(axis=1)).ravel()
    alone = np.asarray(picked @ (data.popularity > 0).astype(np.float32)).ravel()
    count = np.diff(picked.indptr)
    likeness = (together - alone) / np.maximum(count * (count - 1), 1)
    return np.where(count > 1, 1 - likeness, 0.0)
