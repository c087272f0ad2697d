"""Wording: a count of friends only from three, and words for what moved the score."""

import numpy as np
import pytest

from followsuit.offers.wording import friend_reasons, own_reasons


@pytest.mark.parametrize(
    ("friends", "days", "verb", "reason"),
    [
        (1, 1, "bought", "popular with people you know"),
        (2, 3, "bought", "popular with people you know"),
        (3, 6.9, "bought", "3 friends bought this in the last week"),
        (3, 7, "visited", "3 friends visited this in the last week"),
        (4, 7.1, "bought", "4 friends bought this in the last two weeks"),
        (12, 20.5, "bought", "12 friends bought this in the last 21 days"),
    ],
)
def test_friends_are_counted_from_three(friends: int, days: float, verb: str, reason: str) -> None:
    texts = friend_reasons(np.array([friends]), np.array([days]), np.array([verb], dtype=object))
    assert texts.tolist() == [reason]


@pytest.mark.parametrize(
    ("liking", "popularity", "category", "reason"),
    [
        (0.5, 0.2, "tea", "you often choose tea"),
        (0.5, 0.6, "tea", "popular now"),
        (-0.5, -0.6, "tea", "popular now"),
        (0.5, 0.2, None, "popular now"),
    ],
)
def test_own_taste_is_named_where_it_moved_more_than_popularity(
    liking: float, popularity: float, category: str | None, reason: str
) -> None:
    texts = own_reasons(
        np.array([liking]), np.array([popularity]), np.array([category], dtype=object)
    )
    assert texts.tolist() == [reason]
