"""What it costs to start with a customer, from a file of the marketer's."""

from pathlib import Path

import numpy as np
import pandas as pd

from followsuit.graph.errors import FollowsuitError
from followsuit.influence.arrays import Floats


class CostsError(FollowsuitError):
    """The file of costs can't be used."""


def read_costs(path: Path, customers: np.ndarray) -> Floats:
    """Read a CSV of `customer_id, cost`.

    Args:
        path: of the file.
        customers: (n) ids by code.

    Returns:
        (n) costs; 1 for whoever is not in the file. Customers that nobody knows are passed over.

    Raises:
        CostsError: no such file, no such column, or a cost that is no number of 0 or more.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise CostsError(f"{path} can't be read. Name a CSV of customer_id, cost.") from error
    missing = [name for name in ("customer_id", "cost") if name not in rows]
    if missing:
        raise CostsError(f"{path} has no column {missing[0]}; it must have customer_id and cost.")
    cost = pd.to_numeric(rows.cost, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~(np.isfinite(cost) & (cost >= 0)))
    if len(wrong):
        raise CostsError(
            f"{path}, row {wrong[0] + 1}: the cost {rows.cost.iloc[wrong[0]][:20]!r} is no number "
            "of 0 or more. Mend the row."
        )
    known = pd.Series(cost, rows.customer_id.str.strip()).groupby(level=0).last()
    found: Floats = known.reindex(customers).fillna(1.0).to_numpy(dtype=np.float64)
    return found
