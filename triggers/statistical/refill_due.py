"""`refill_due`: a product is due to be bought again.

A product is due when nine tenths of its expected gap have passed since the customer's last
purchase. What is bought more often than once within the horizon is always due, so it is left out: a
shorter horizon has it. The expected gap and the probability of the next purchase are those of
`customers.refills`: gaps shrunk to product and category, and a discrete-time hazard model (Singer
and Willett 1993, It's about time, Journal of Educational Statistics 18, equation 6). Both are
learned from customers who share activity; a customer's own gaps change that customer's alone.

The strength is the probability of a purchase within the horizon, times one purchase. Reasons are
the likeliest ones, so no others come true more often among as many customers. There is no p-value:
a probability says how often such a reason fails. Instead the local false discovery rate is limited
(Efron 2005, Local false discovery rates): of the purchases that come, a share of base / probability
would come at the base rate too, which is the mean probability of all pairs of customers who share.
It is at most one half.

A customer has at most three such reasons. Products bought once have no gap, and aren't due. Where
purchases have no rhythm, a product that the customer buys often counts as due.
"""

from datetime import timedelta

import numpy as np
import pyarrow as pa

from followsuit.customers.gaps import purchase_days
from followsuit.customers.refills import fit_refills
from followsuit.graph.view import SharedView, View
from followsuit.triggers.statistical.found import found_rows

DUE = 0.9
"""A product is due when this share of the expected gap has passed."""
RATE = 0.5
"""The largest local false discovery rate."""


def refill_due(view: View, ahead: timedelta) -> pa.Table:
    """The products that are due, in the columns of `FOUND`; `strength` is a probability.

    Args:
        view: the view.
        ahead: the horizon of the probability.

    Raises:
        TooFewRefills: too few products were bought again.
    """
    days = purchase_days(view)
    # A view of those who share has the same purchases: don't read them twice.
    shared = days if isinstance(view, SharedView) else purchase_days(view.shared)
    learned = fit_refills(shared, ahead)
    pairs = learned.due_by(days)
    base = pairs if shared is days else learned.due_by(shared)
    likely = pairs.probability.to_numpy() * RATE >= base.probability.mean()
    due_after = np.ceil(DUE * pairs.gap_days.to_numpy())
    late = pairs.elapsed_days.to_numpy() - due_after
    rare = pairs.gap_days.to_numpy() >= learned.days
    due = np.flatnonzero((late >= 0) & likely & rare)
    return found_rows(
        view,
        pairs.customer_id.to_numpy(dtype=object)[due],
        -late[due],
        pairs.probability.to_numpy()[due],
        items=pairs.product_id.to_numpy(dtype=object)[due],
    )
