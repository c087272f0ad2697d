"""Whose complaint is open: they get no offers."""

from datetime import timedelta

import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.views.view import View

COMPLAINT, RESOLVED = "complaint", "resolved"
"""The kinds of events that open and close a complaint."""
OPEN_FOR = timedelta(days=30)
"""A complaint that nobody resolves is open for this long."""


def open_complaints(view: View) -> ir.Table:
    """`customer_id` of those who complained in the last 30 days, with no later `resolved` event.

    Complaints about sensitive products or stores count too.
    """
    events = view.table(t.EVENTS)
    complaints = view.within(events.filter(events.kind == COMPLAINT), OPEN_FOR)
    last = complaints.group_by("customer_id").aggregate(complained_at=complaints["at"].max())
    resolved = events.filter(events.kind == RESOLVED).select("customer_id", resolved_at="at")
    closed = last.inner_join(resolved, "customer_id")
    closed = closed.filter(closed.resolved_at > closed.complained_at)
    return last.anti_join(closed, "customer_id").select("customer_id")
