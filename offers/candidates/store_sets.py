"""Sets of stores by number: where an offer can be used, or where a reason is one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from followsuit.graph import schema as g

ANY = -1
"""The number that stands for any store."""


class StoreSets:
    """Distinct sets of stores, numbered from 0; `ANY` stands for any store."""

    def __init__(self) -> None:
        self._sets: list[frozenset[str]] = []
        self._number: dict[frozenset[str], int] = {}

    def number(self, stores: Iterable[str]) -> int:
        """The number of a set."""
        names = frozenset(stores)
        if names not in self._number:
            self._number[names] = len(self._sets)
            self._sets.append(names)
        return self._number[names]

    def numbers(self, lists: pa.ChunkedArray) -> np.ndarray:
        """(rows,) the number of each row's set; `ANY` where null."""
        numbers = np.full(len(lists), ANY, dtype=np.int64)
        given = np.flatnonzero(pc.is_valid(lists).to_numpy(zero_copy_only=False))
        for row, names in zip(given, lists.take(pa.array(given)).to_pylist(), strict=True):
            numbers[row] = self.number(names)
        return numbers

    def any_of(self, numbers: Iterable[int]) -> int:
        """The number of the stores in any of several sets."""
        given = set(numbers)
        if ANY in given:
            return ANY
        return self.number(store for number in given for store in self._sets[number])

    def both(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(rows,) the numbers of the stores in both sets."""
        common = np.where(one == ANY, other, one)
        unlike = np.flatnonzero((one != ANY) & (other != ANY) & (one != other))
        pairs, row = np.unique(np.stack([one[unlike], other[unlike]]), axis=1, return_inverse=True)
        met = [self.number(self._sets[a] & self._sets[b]) for a, b in pairs.T]
        common[unlike] = np.array(met, dtype=np.int64)[row]
        return common

    def empty(self, numbers: np.ndarray) -> np.ndarray:
        """(rows,) bool: whether a set has no store at all."""
        sizes = np.array([len(names) for names in self._sets] + [1])  # The last one is for `ANY`.
        result: np.ndarray = sizes[numbers] == 0
        return result

    def lists(self, numbers: np.ndarray) -> pa.Array:
        """(rows,) the stores of each set, sorted; null for `ANY`."""
        lists = pa.array([sorted(names) for names in self._sets], pa.list_(g.TEXT))
        return lists.take(pa.array(numbers, mask=numbers == ANY))


@dataclass(frozen=True)
class Redemption:
    """Where to use each offer for each item, as numbers of `StoreSets`."""

    of_offer: np.ndarray
    """(offers,) the stores of each offer."""
    of_visit: np.ndarray
    """(columns,) the store itself where the item is a store, else `ANY`."""
    of_pair: sparse.csr_matrix
    """(offers, columns) the stores of an offer for one item, plus 1; other cells are 0."""

    def at(self, offer: np.ndarray, column: np.ndarray) -> np.ndarray:
        """(candidates,) the number of the stores where each offer can be used for its item."""
        if not len(offer):
            return np.full(0, ANY, dtype=np.int64)
        own = np.asarray(self.of_pair[offer, column]).ravel()
        stores = np.where(own > 0, own - 1, self.of_offer[offer])
        visit = self.of_visit[column]
        result: np.ndarray = np.where(visit == ANY, stores, visit)
        return result


def redemption(
    sets: StoreSets,
    visits: Mapping[int, str],
    of_offer: Mapping[int, Iterable[str]],
    of_pair: Mapping[tuple[int, int], Iterable[str]],
    shape: tuple[int, int],
) -> Redemption:
    """Number the stores of offers.

    Args:
        sets: where sets get their numbers.
        visits: the store of each column whose item is a store.
        of_offer: the stores of each offer that has some.
        of_pair: the stores of offers for one column alone.
        shape: number of offers and of columns.
    """
    offers, columns = (np.full(n, ANY, dtype=np.int64) for n in shape)
    for number, stores in of_offer.items():
        offers[number] = sets.number(stores)
    for column, store in visits.items():
        columns[column] = sets.number([store])
    row, place = np.array(list(of_pair), dtype=np.int64).reshape(-1, 2).T
    numbers = np.array([sets.number(each) + 1 for each in of_pair.values()], dtype=np.int64)
    return Redemption(offers, columns, sparse.csr_matrix((numbers, (row, place)), shape))
