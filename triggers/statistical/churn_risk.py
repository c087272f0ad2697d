"""`churn_risk`: a customer has probably left.

P(alive) is that of the BG/NBD model of `customers.lifetime` (Fader, Hardie and Lee 2005, "Counting
your customers" the easy way, Marketing Science 24(2), 275-284), fitted by maximum likelihood to
customers who share activity. The reason begins on the day on which P(alive) falls below one half;
with `lasts`, a customer who left long ago has no reason.

The strength is impact times likelihood: the purchases that an active customer would make within the
horizon, times the probability of having left. There is no p-value. P(alive) is the local false
discovery rate (Efron 2005), so on average less than half of the reasons are false.

Limits: a customer without a repeat purchase counts as alive, so P(alive) is 1. The model knows no
seasons: after one, many seem to leave at once, and `most` limits how many have a reason.
"""

from datetime import timedelta

import numpy as np
import pyarrow as pa

from followsuit.customers.lifetime import PurchaseHistory, fit_lifetime, purchase_history
from followsuit.graph.views.view import SharedView, View
from followsuit.triggers.statistical.found import found_rows

_WEEK = 7


def churn_risk(view: View, ahead: timedelta) -> pa.Table:
    """The customers who have probably left, in the columns of `FOUND`.

    `strength` is the expected number of purchases lost within the horizon.

    Args:
        view: the view.
        ahead: the horizon.

    Raises:
        TooFewRepeats: too few customers bought a second time.
    """
    history = purchase_history(view)
    # A view of those who share has the same purchases: don't read them twice.
    learned = fit_lifetime(
        history if isinstance(view, SharedView) else purchase_history(view.shared)
    )
    waited = (history.age - history.recency) * _WEEK
    late = np.floor(waited - learned.days_until_unlikely(history))
    gone = _some(history, np.flatnonzero(late >= 0))
    lost = learned.expected_if_alive(gone, ahead) * (1 - learned.probability_alive(gone))
    return found_rows(view, gone.customers, -late[late >= 0], lost)


def _some(history: PurchaseHistory, rows: np.ndarray) -> PurchaseHistory:
    return PurchaseHistory(
        history.customers[rows], history.frequency[rows], history.recency[rows], history.age[rows]
    )
