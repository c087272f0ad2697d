"""Why an offer is made, in words that say nothing a friend has not agreed to.

A reason counts friends only from three; below, it says no number. Sensitive products are no items
and so in no reason.
"""

import numpy as np

FEWEST = 3
"""Friends that a reason may count."""

POPULAR = "popular now"
KNOWN_PEOPLE = "popular with people you know"


def friend_reasons(friends: np.ndarray, days: np.ndarray, verbs: np.ndarray) -> np.ndarray:
    """(rows,) the reasons of live triggers.

    Args:
        friends: how many consenting friends acted.
        days: how long ago the first of them did, in days.
        verbs: `bought` or `visited`.
    """
    whole = np.maximum(np.ceil(days), 1).astype(int)
    when = np.select(
        [whole <= 7, whole <= 14], ["week", "two weeks"], np.char.add(whole.astype(str), " days")
    ).astype(object)
    counted = friends.astype(str).astype(object) + " friends " + verbs + " this in the last " + when
    return np.where(friends >= FEWEST, counted, KNOWN_PEOPLE)


def own_reasons(liking: np.ndarray, popularity: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """(rows,) the reasons of offers that no friend moved: own taste, or what is popular.

    Args:
        liking: what the taste for the category added to the log-odds.
        popularity: what the item's popularity added, over that of the average item.
        categories: their names, None where unknown.
    """
    known = np.array([c is not None for c in categories], dtype=bool)
    tasteful = known & (liking > np.maximum(popularity, 0))
    return np.where(
        tasteful, np.array([f"you often choose {c}" for c in categories], object), POPULAR
    )
