"""What a trigger is, and the table of reasons that it makes."""

from datetime import timedelta
from typing import Protocol

import ibis.expr.types as ir

from followsuit.graph.view import View

REASONS = {
    "customer_id": "string",
    "trigger": "string",
    "fired_at": "timestamp('UTC')",
    "until": "timestamp('UTC')",
    "item_kind": "string",
    "item_id": "string",
    "category": "string",
    "brand": "string",
    "store_ids": "array<string>",
    "strength": "float64",
}
"""Columns of the reasons that every trigger gives, with their Ibis types.

A row is a customer's live trigger: it fired at `fired_at`, is live up to and without `until`, and
brings up an item, or a category, brand or stores (missing where it brings up none). `strength` is
positive, on the trigger's own scale. A trigger may add columns of its own.
"""


class Trigger(Protocol):
    """Finds the customers who have a reason for an offer now."""

    def reasons(self, view: View, window: timedelta) -> ir.Table:
        """The live reasons of all customers, those whom a rule blocks too.

        Args:
            view: what is known. The rows of others count only where they share their activity.
            window: how long a reason stays live.

        Returns:
            The columns of `REASONS`, and the trigger's own.
        """
