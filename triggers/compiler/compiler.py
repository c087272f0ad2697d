"""Compiles a definition to Ibis: who has a reason as of a view, about what, and until when."""

from dataclasses import dataclass
from datetime import timedelta

import ibis
import ibis.expr.types as ir

from followsuit.graph.views.view import View
from followsuit.triggers.compiler.conditions import (
    friends_did,
    held,
    interval,
    known_throughout,
    quiet_since,
    starts,
    violated,
)
from followsuit.triggers.compiler.dates import on_date
from followsuit.triggers.compiler.interactions import ABOUT
from followsuit.triggers.definitions.definition import (
    Condition,
    Definition,
    Did,
    FriendDid,
    Holds,
    Likes,
    OnDate,
)
from followsuit.triggers.definitions.kinds import Same
from followsuit.triggers.trigger import EVIDENCE

_FACTS = {
    "fired_at": "timestamp('UTC', 6)",
    "day_ends": "timestamp('UTC', 6)",
    "strength": "float64",
    **EVIDENCE,
}
"""What a condition says about a customer, besides what the reason is about."""


def fired(definition: Definition, view: View, ties: ir.Table) -> ir.Table:
    """Where all conditions hold as of a day, and the reason hasn't run out.

    Args:
        definition: the trigger.
        view: the view as of the day.
        ties: see `tie_weights`.

    Returns:
        `customer_id`; `about`, if the reason is about something; `fired_at`, the latest interaction
        that the reason rests on; `until`, null if it lasts while the conditions hold; `strength`;
        the columns of `EVIDENCE`.
    """
    return _Compiler(definition, view, ties).rows()


@dataclass
class _Compiler:
    """Compiles one definition: joins where its conditions hold, then removes where others don't."""

    definition: Definition
    view: View
    ties: ir.Table

    def rows(self) -> ir.Table:
        """See `fired`."""
        conditions = [c for c in self.definition.when if _begins(c)]
        # What the reason is about comes first: the other conditions are joined by customer.
        conditions.sort(key=lambda c: not self.definition.is_about(c))
        parts = [self._where(c) for c in conditions] or [self._silent()]
        rows = parts[0]
        for part in parts[1:]:
            rows = _both(rows, part)
        for condition in self.definition.when:
            rows = self._restricted(rows, condition)
        strength = rows.strength.fill_null(1.0)
        rows = rows.mutate(
            until=self._until(rows),
            strength=strength,
            recorded_strength=rows.recorded_strength.fill_null(strength),
        )
        return self.view.live(rows.drop("day_ends"))

    def _about(self, condition: Condition) -> Same | None:
        return self.definition.about if self.definition.is_about(condition) else None

    def _where(self, condition: Condition) -> ir.Table:
        """Where a condition holds: its key and the columns of `_FACTS`."""
        if isinstance(condition, FriendDid):
            rows = friends_did(self.view, self.ties, condition, self._about(condition))
        elif isinstance(condition, OnDate):
            rows = on_date(self.view, condition)
        else:
            assert isinstance(condition, Did)
            rows = held(self.view, condition, self._about(condition))
        if condition is not self.definition.first:
            rows = rows.drop(*(n for n in ("strength", "recorded_strength") if n in rows.columns))
        return _with_facts(rows)

    def _silent(self) -> ir.Table:
        """Since when customers have done little or nothing, where nothing else begins a reason."""
        rows = self.view.known_since.mutate(fired_at=ibis.null(_FACTS["fired_at"]))
        for condition in self.definition.when:
            if isinstance(condition, Did):
                began = quiet_since(self.view, condition)
                rows = rows.left_join(began, "customer_id").drop("customer_id_right")
                later = ibis.greatest(rows.fired_at, rows.quiet_since)
                rows = rows.mutate(fired_at=later).drop("quiet_since")
        return _with_facts(rows.drop("known_since"))

    def _restricted(self, rows: ir.Table, condition: Condition) -> ir.Table:
        """The rows for which a condition holds that doesn't say when a reason begins."""
        if isinstance(condition, Likes):
            likes = self.view.likes
            return rows.semi_join(likes.filter(likes.interest == condition.likes), "customer_id")
        if isinstance(condition, Holds):
            held_now = self.view.memberships
            holders = held_now.filter(held_now.program == condition.holds)
            return rows.semi_join(holders, "customer_id")
        if not isinstance(condition, Did) or condition.positive:
            return rows
        broken = violated(self.view, condition, self._about(condition))
        rows = rows.anti_join(broken, broken.columns)
        if condition.none:
            rows = rows.semi_join(known_throughout(self.view, condition), "customer_id")
        elif condition.since is not None:
            rows = rows.semi_join(starts(self.view, condition.since), "customer_id")
        return rows

    def _until(self, rows: ir.Table) -> ir.Value:
        definition = self.definition
        if definition.lasts is None and definition.anniversary is not None:
            return rows.day_ends
        if definition.live is None:
            return ibis.null(_FACTS["fired_at"])
        return _later(rows.fired_at, definition.live)


def _begins(condition: Condition) -> bool:
    """Whether a condition says when a reason begins."""
    if isinstance(condition, Did | FriendDid):
        return condition.positive
    return isinstance(condition, OnDate)


def _with_facts(rows: ir.Table) -> ir.Table:
    """Add the columns of `_FACTS` that a condition doesn't have."""
    names = {"last_at": "fired_at", "until": "day_ends"}
    rows = rows.rename({new: old for old, new in names.items() if old in rows.columns})
    empty = {name: ibis.null(kind) for name, kind in _FACTS.items() if name not in rows.columns}
    return rows.mutate(**empty)


def _both(one: ir.Table, other: ir.Table) -> ir.Table:
    """Join the rows of two conditions by what they have in common."""
    key = [name for name in ("customer_id", ABOUT) if name in other.columns]
    other = other.rename({f"other_{name}": name for name in _FACTS})
    rows = one.inner_join(other, key)
    facts = {name: ibis.coalesce(rows[name], rows[f"other_{name}"]) for name in _FACTS}
    facts["fired_at"] = ibis.greatest(rows.fired_at, rows.other_fired_at)
    facts["day_ends"] = ibis.least(rows.day_ends, rows.other_day_ends)
    return rows.mutate(**facts).select(one.columns)


def _later(at: ir.Value, by: timedelta) -> ir.Value:
    return at + interval(by)
