"""What customers who share activity did recently."""

from datetime import timedelta

import ibis.expr.types as ir

from followsuit.graph.items import PAIR
from followsuit.graph.views.view import View


def recent_shared(view: View, window: timedelta) -> ir.Table:
    """The last interaction in the window of each customer who shares activity with each item.

    Returns:
        `customer_id, item_kind, item_id, at`.
    """
    rows = view.recent(window)
    last = rows.group_by(*PAIR).aggregate(at=rows["at"].max())
    return last.semi_join(view.people.filter(view.people.shares), "customer_id")
