"""The reasons of offers without a trigger, in words."""

import numpy as np
import pandas as pd

POPULAR = "popular now"


def own_reasons(liking: np.ndarray, popularity: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """(rows,) the reasons of offers without a trigger: the customer's category, or popularity.

    Args:
        liking: (rows,) what the category adds to the log-odds.
        popularity: (rows,) how much more popularity adds to the log-odds than for the average item.
        categories: (rows,) names of the items' categories; None if unknown.
    """
    category, names = pd.factorize(categories)
    texts = np.array([*(f"you often choose {name}" for name in names), POPULAR], dtype=object)
    by_category = (category >= 0) & (liking > np.maximum(popularity, 0))
    reasons: np.ndarray = texts[np.where(by_category, category, -1)]
    return reasons
