"""Which offers reveal a sensitive purchase: those that mostly people who made it are shown."""

import numpy as np
import pandas as pd
from scipy import stats

from followsuit.graph.items import ITEM

THRESHOLD = 3.0
"""An item reveals a kind of purchase if those who are offered it made it this many times as often
as all others."""
_LEVEL = 0.05
"""The chance that any item at all is taken for a revealing one by chance."""
COLUMNS = (*ITEM, "kind", "customers", "ratio", "low")


def revealing(
    offers: pd.DataFrame, bought: pd.DataFrame, threshold: float = THRESHOLD
) -> pd.DataFrame:
    """The items whose offers reveal sensitive purchases, for the rule `reveals_sensitive`.

    Of all customers with the purchase, the share that is offered the item has the exact interval of
    Clopper and Pearson (1934), The use of confidence or fiducial limits, Biometrika 26(4). It gives
    that of the ratio (Przyborowski and Wilenski 1940, Biometrika 31(3-4)), widened for the number
    of items and kinds (Bonferroni). An item must not be offered to anybody then: if only those who
    made the purchase lost it, its absence would tell.

    Args:
        offers: `customer_id, item_kind, item_id` of what customers are, or would be, offered.
        bought: `customer_id, kind` of sensitive purchases.
        threshold: the ratio from which an item reveals, 1 or more.

    Returns:
        `item_kind, item_id`, the `kind` of purchase that it reveals best, `customers` (how many are
        offered it), `ratio`, and `low`, the lower end of its interval, which is above `threshold`;
        sorted by item.
    """
    pairs = offers[["customer_id", *ITEM]].drop_duplicates()
    kinds = bought[bought.customer_id.isin(pairs.customer_id)]
    everybody = pairs.customer_id.nunique()
    offered = pairs.groupby([*ITEM], as_index=False).agg(customers=("customer_id", "size"))
    tests = max(1, len(offered) * kinds.kind.nunique())
    tables = [pd.DataFrame(columns=COLUMNS)]
    for kind, rows in kinds.groupby("kind"):
        theirs = pairs[pairs.customer_id.isin(rows.customer_id)]
        hits = theirs.groupby([*ITEM], as_index=False).agg(hits=("customer_id", "size"))
        both = offered.merge(hits, on=[*ITEM])
        rest = everybody - both.customers, rows.customer_id.nunique() - both.hits
        both["ratio"], both["low"] = _ratio(
            both.hits, both.customers, rest[1], rest[0], _LEVEL / tests
        )
        both["kind"] = kind
        tables.append(both[both.low > threshold][[*COLUMNS]])
    every = pd.concat([table for table in tables if len(table)] or tables)
    best = every.sort_values([*ITEM, "low", "kind"], ascending=[True, True, False, True])
    return best.drop_duplicates([*ITEM]).reset_index(drop=True)


def _ratio(
    hits: pd.Series, of: pd.Series, other_hits: pd.Series, other_of: pd.Series, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """The ratio of two shares and the lower end of its interval.

    Half a case is added to each share for the ratio, so that it is finite.
    """
    k, other_k = np.asarray(hits, float), np.asarray(other_hits, float)
    n, other_n = np.asarray(of, float), np.asarray(other_of, float)
    ratio = ((k + 0.5) / (n + 1)) / ((other_k + 0.5) / (other_n + 1))
    share = stats.beta.ppf(level, k, other_k + 1)  # of all cases, how many are among `hits`
    return ratio, share / (1 - share) * other_n / n
