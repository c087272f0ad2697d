"""How strong the reason is that friends' recent interactions give."""

import numpy as np
import pandas as pd

from followsuit.offers.features.trigger_feature import TriggerFeature


class Friends(TriggerFeature):
    """log(1 + strength of the customer's strongest reason for the item that rests on friends)."""

    name = "friends"
    start = 1.0

    @classmethod
    def of(cls, named: pd.DataFrame, pair: np.ndarray, n: int) -> np.ndarray:  # noqa: D102
        by_friends = named.friends.notna().to_numpy()
        values = np.zeros(n)
        strength = np.log1p(named.strength.to_numpy()[by_friends])
        np.maximum.at(values, pair[by_friends], strength)
        return values
