"""`refill_due`: a product is due to be bought again.

A product is due when nine tenths of its expected gap have passed since the customer's last
purchase: the customer's own typical gap, if that has a rhythm, else the shrunken one. What is
bought more often than once within the horizon is always due, so it is left out: a shorter horizon
has it. Shrunken gaps and the probability of the next purchase are those of `customers.refills`: a
discrete-time hazard model (Singer and Willett 1993, It's about time, Journal of Educational
Statistics 18, equation 6). Both are learned from customers who share activity; a customer's own
gaps change that customer's alone.

Where purchases come at random, no product is ever due. So either the customer's purchases of the
product must have a rhythm, or those of the product by all customers who share, see `rhythm`: then
a customer with a single gap has a reason too. The false discovery rate is controlled among the
pairs whose own gap has passed, and among products, at half of the rate each, see
`false_discoveries`.

The strength is the probability of a purchase within the horizon, times one purchase. A customer has
at most three such reasons. Products bought once have no gap, and aren't due.
"""

from datetime import timedelta

import numpy as np
import pyarrow as pa

from followsuit.core.codes import Codes
from followsuit.customers.gaps import Doubles, Ints, Pairs, PurchaseDays, purchase_days
from followsuit.customers.refills import learn_refills
from followsuit.graph.views.view import View
from followsuit.triggers.statistical.false_discoveries import RATE, largest_p
from followsuit.triggers.statistical.found import found_rows, sharing
from followsuit.triggers.statistical.rhythm import rhythm

DUE = 0.9
"""A product is due when this share of the expected gap has passed."""
REGULAR = 1 / 3
"""All gaps of a product are regular if they vary by at most this share of what random ones do."""
_NOT = -1
_DIGITS = 6


def refill_due(view: View, ahead: timedelta) -> pa.Table:
    """The products that are due, in the columns of `FOUND`; `strength` is a probability.

    Args:
        view: the view.
        ahead: the horizon of the probability.

    Raises:
        TooFewRefills: too few products were bought again.
    """
    days = purchase_days(view)
    everybody = view.whole.shared
    # A view of those who share has the same purchases: don't read them twice.
    shared = days if everybody is view else purchase_days(everybody)
    learned = learn_refills(everybody, ahead, shared)
    pairs = days.pairs
    expected = learned.gaps.expected(days, pairs)
    shares = (sharing(view).of(days.customers.ids) >= 0)[pairs.customer]
    rhythmic = Codes(_rhythmic_products(shared)).of(days.products.ids) >= 0
    own = _late(pairs, pairs.mean_log, learned.days)
    late = np.where(
        _have_rhythm(pairs, own >= 0, shares),
        own,
        np.where(rhythmic[pairs.product], _late(pairs, expected, learned.days), _NOT),
    )
    due = np.flatnonzero(late >= 0)
    return found_rows(
        view,
        days.customers.ids[pairs.customer[due]],
        -late[due],
        learned.probability(expected[due], -pairs.last[due], pairs.gaps[due]),
        items=days.products.ids[pairs.product[due]],
    )


def _late(pairs: Pairs, log_gap: Doubles, longer: int) -> Ints:
    """For how many days each pair has been due, (pairs,); negative if it isn't.

    Args:
        pairs: the pairs.
        log_gap: (pairs,) logarithm of the expected gap in days.
        longer: pairs with shorter gaps are never due.
    """
    gap = np.exp(log_gap).round(_DIGITS)
    late = -pairs.last - np.ceil(DUE * gap).astype(np.int64)
    return np.where(gap >= longer, late, _NOT)


def _have_rhythm(pairs: Pairs, tested: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(pairs,) whether pairs have a rhythm of their own.

    Args:
        pairs: the pairs.
        tested: (pairs,) whether a pair is tested; the others have none.
        shares: (pairs,) whether the customer shares activity.
    """
    number = np.arange(len(pairs))
    p, _ = rhythm(pairs.gaps, pairs.mean_days, pairs.squares, number, len(pairs))
    found: np.ndarray = tested & (p <= largest_p(p[tested & shares], RATE / 2))
    return found


def _rhythmic_products(days: PurchaseDays) -> np.ndarray:
    """Ids of the products whose purchases have a rhythm, by customers who share."""
    pairs = days.pairs
    columns = pairs.gaps, pairs.mean_days, pairs.squares
    p, ratio = rhythm(*columns, pairs.product, len(days.products))
    found: np.ndarray = days.products.ids[(p <= largest_p(p, RATE / 2)) & (ratio <= REGULAR)]
    return found
