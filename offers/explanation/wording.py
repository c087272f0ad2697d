"""The reasons of offers without a trigger, in words."""

import numpy as np

POPULAR = "popular now"


def own_reasons(liking: np.ndarray, popularity: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """(rows,) the reasons of offers without a trigger: the customer's category, or popularity.

    Args:
        liking: (rows,) what the category adds to the log-odds.
        popularity: (rows,) how much more popularity adds to the log-odds than for the average item.
        categories: (rows,) names of the items' categories; None if unknown.
    """
    known = np.array([c is not None for c in categories], dtype=bool)
    by_category = known & (liking > np.maximum(popularity, 0))
    return np.where(
        by_category, np.array([f"you often choose {c}" for c in categories], object), POPULAR
    )
