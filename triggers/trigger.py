"""The interface of triggers, and the table of reasons that they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import ibis
import ibis.expr.types as ir

from followsuit.graph.views.view import View

REASONS = {
    "customer_id": "string",
    "trigger": "string",
    "fired_at": "timestamp('UTC', 6)",
    "until": "timestamp('UTC', 6)",
    "item_kind": "string",
    "item_id": "string",
    "category": "string",
    "brand": "string",
    "store_ids": "array<string>",
    "strength": "float64",
}
"""Columns of every trigger's reasons, with their Ibis types.

A row is a customer's live trigger. It fired at `fired_at` and is live until `until`, exclusive; no
`until` means as long as its conditions hold. It is a reason to offer the item; without an item, any
item of the category or brand; without these, any item that the trigger's offer allows. With
`store_ids`, it is a reason to offer something at one of these stores. `strength` is positive, on a
scale of the trigger's own.
"""
EVIDENCE = {
    "friends": "int64",
    "first_at": "timestamp('UTC', 6)",
    "recorded_strength": "float64",
    "repeat": "boolean",
}
"""Further columns of reasons.

- `friends`: number of friends whose interactions are the reason; null if it isn't one of friends
- `first_at`: the time of the first of these interactions; null as well
- `recorded_strength`: the strength by recorded instead of learned tie weights
- `repeat`: whether it is a reason to buy the item again, so that a customer who has it may be
  offered it; null counts as no
"""


@dataclass(frozen=True)
class Needs:
    """What an offer must be for a trigger to be a reason for it; None where it doesn't matter."""

    program: str | None = None
    """The program that the offer is for."""
    interest: str | None = None
    """The interest that the offer is for."""


ANY_OFFER = Needs()


class Trigger(Protocol):
    """Finds the customers who have a reason for an offer now."""

    @property
    def name(self) -> str:
        """The value of the column `trigger` in its reasons."""

    @property
    def text(self) -> str | None:
        """What the customer may be told where the language has no text; None for a general one."""

    @property
    def needs(self) -> Needs:
        """What an offer must be."""

    def can_fire(self, view: View) -> bool:
        """Whether the store has ever seen the kinds of interaction that its reasons rest on."""

    def items(self, view: View) -> ir.Table | None:
        """`item_kind, item_id` of what its reasons without an item allow; None for every item."""

    def reasons(self, view: View) -> ir.Table:
        """The live reasons of all customers, including those whom a rule blocks.

        Args:
            view: the view as of the cutoff. Use a person's rows for others only if the person
                shares activity.

        Returns:
            The columns of `REASONS` and `EVIDENCE`.
        """

    def drivers(self, view: View, reasons: ir.Table) -> ir.Table:
        """Whose rows are behind the reasons.

        If a person withdraws consent, the offers that only their rows gave are withdrawn too.

        Args:
            view: the view as of the cutoff.
            reasons: reasons of this trigger.

        Returns:
            `customer_id, item_kind, item_id, friend_id`, the first three as in `reasons`;
            `friend_id` is null where the reason only uses the customer's own rows. Rows may be
            repeated.
        """


def reasons_of(triggers: Sequence[Trigger], view: View) -> ir.Table:
    """The reasons of all triggers, in the columns of `REASONS` and `EVIDENCE`; none without any.

    Returns:
        A temporary table; drop it when it is no longer needed.
    """
    types = REASONS | EVIDENCE
    able = [trigger for trigger in triggers if trigger.can_fire(view)]
    tables = [trigger.reasons(view).select(*types).cast(types) for trigger in able]
    view.release()  # Statistics share what they have read.
    return view.snapshot.keep(*(tables or [no_reasons()]))


def no_reasons() -> ir.Table:
    """No reasons, in the columns of `REASONS` and `EVIDENCE`."""
    return ibis.memtable(ibis.schema(REASONS | EVIDENCE).to_pyarrow().empty_table())
