"""Matches offers with items for `Offers.best`, in compiled loops."""

import numpy as np
from numba import prange

from followsuit.core.compiled import compiled, compiled_parallel

_ENOUGH = 4
"""Offers are first matched with this many times as many items as wanted."""
_SLICES = 4
"""A customer's items are compared in this many times as many slices, to find a limit for these."""


@compiled_parallel
def best_offers(
    scores: np.ndarray,
    pointer: np.ndarray,
    offers: np.ndarray,
    for_all: np.ndarray,
    suits: np.ndarray,
    audience_pointer: np.ndarray,
    audience: np.ndarray,
    n: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The best offers of each customer, each with its best item; see `Offers.best`.

    Takes the items from the best down, each for the offer that is worth the most of those left. As
    all offers rank items alike, and all items offers, this matches as if the offers chose in turn.

    Args:
        scores: (rows, k) scores; -inf for items that may not be offered.
        pointer: (k + 1) where each item's offers begin in `offers`.
        offers: the offers that cover each item, those worth the most first.
        for_all: (offers,) bool: offers for everybody that suit.
        suits: (offers,) bool: offers that suit.
        audience_pointer: (rows + 1) where each customer's offers begin in `audience`.
        audience: the offers whose audience includes each customer.
        n: maximum number of offers per customer.

    Returns:
        (rows, n) the items, and (rows, n) their offers; -1 for none.
    """
    rows = len(scores)
    chosen = np.full((rows, n), -1, dtype=np.int64)
    by = np.full((rows, n), -1, dtype=np.int64)
    for r in prange(rows):
        free = for_all.copy()
        for i in range(audience_pointer[r], audience_pointer[r + 1]):
            free[audience[i]] = suits[audience[i]]
        # Few columns are enough for nearly all customers.
        least = _score_of_many(scores[r], _ENOUGH * n)
        count = _match(scores[r], least, np.inf, pointer, offers, free, chosen[r], by[r], 0)
        if count < n and least > -np.inf:
            _match(scores[r], -np.inf, least, pointer, offers, free, chosen[r], by[r], count)
    return chosen, by


@compiled
def _score_of_many(scores: np.ndarray, many: int) -> float:
    """A score that at least so many columns have or exceed, and not many more; -inf if unknown."""
    slices = _SLICES * many
    times = len(scores) // slices
    if times < 2:
        return -np.inf
    # As many slices (every so many columns) have a highest score that is at least this one.
    highest = scores[:slices].copy()
    for first in range(slices, times * slices, slices):
        part = scores[first : first + slices]  # A slice from 0 is read several numbers at a time.
        for i in range(slices):
            highest[i] = part[i] if part[i] > highest[i] else highest[i]
    place = slices - many
    lowest: float = np.partition(highest, place)[place]
    return lowest


@compiled
def _match(
    scores: np.ndarray,
    least: float,
    below: float,
    pointer: np.ndarray,
    offers: np.ndarray,
    free: np.ndarray,
    chosen: np.ndarray,
    by: np.ndarray,
    count: int,
) -> int:
    """Match columns with a score from `least` to `below`; the number matched so far."""
    heap = np.empty(len(scores), dtype=np.int64)
    size = 0
    for c in range(len(scores)):
        if least <= scores[c] < below:
            heap[size] = c
            size += scores[c] > -np.inf and pointer[c + 1] > pointer[c]
    for at in range(size // 2 - 1, -1, -1):
        _sink(heap, at, size, scores)
    while size and count < len(chosen):
        c = heap[0]
        size -= 1
        heap[0] = heap[size]
        _sink(heap, 0, size, scores)
        for i in range(pointer[c], pointer[c + 1]):
            if free[offers[i]]:
                free[offers[i]] = False
                chosen[count], by[count] = c, offers[i]
                count += 1
                break
    return count


@compiled
def _sink(heap: np.ndarray, at: int, size: int, scores: np.ndarray) -> None:
    """Restore a heap of columns, the highest score (then the smallest column) at its root."""
    column = heap[at]
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _ranks_before(heap[child + 1], heap[child], scores):
            child += 1
        if not _ranks_before(heap[child], column, scores):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = column


@compiled
def _ranks_before(one: int, other: int, scores: np.ndarray) -> bool:
    better: bool = scores[one] > scores[other]
    return better or (scores[one] == scores[other] and one < other)
