"""Why an offer is made that no trigger brought up, in words."""

import numpy as np

POPULAR = "popular now"


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
