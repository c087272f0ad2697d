"""The reasons of offers without a trigger, in words."""

import numpy as np
import pytest

from followsuit.offers.explanation.wording import own_reasons


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
