"""Triggers made of definitions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import ibis
import ibis.expr.types as ir

from followsuit.graph.items import PAIR
from followsuit.graph.views.view import View
from followsuit.triggers.compiler.compiler import fired
from followsuit.triggers.compiler.conditions import exposures, key_of
from followsuit.triggers.compiler.offered import as_reasons, with_offer
from followsuit.triggers.compiler.pauses import after_pauses
from followsuit.triggers.definitions.definition import Definition, Did, FriendDid
from followsuit.triggers.definitions.definition_file import shipped_definitions
from followsuit.triggers.definitions.kinds import RESERVED, event_kind
from followsuit.triggers.definitions.statistic import LONGEST_AHEAD
from followsuit.triggers.of_definition import OfDefinition
from followsuit.triggers.statistical.statistical_trigger import StatisticalTrigger
from followsuit.triggers.trigger import Trigger

FRIEND_BOUGHT = "friend_bought"
FRIEND_VISITED = "friend_visited"


@dataclass(frozen=True)
class DefinedTrigger(OfDefinition):
    """A trigger that a definition describes.

    Attributes:
        definition: the definition.
        ties: `customer_id, friend_id, weight, recorded`, see `tie_weights`.
    """

    ties: ir.Table

    def can_fire(self, view: View) -> bool:
        """See `Trigger.can_fire`."""
        needed = [c for c in self.definition.when if isinstance(c, Did | FriendDid) and c.positive]
        kinds = [c.did if isinstance(c, Did) else c.friend_did for c in needed]
        events = {event_kind(kind) for kind in kinds if kind not in RESERVED}
        return events <= view.event_kinds

    def reasons(self, view: View) -> ir.Table:
        """See `Trigger.reasons`."""
        rows, pause = self._live(view), self.definition.again_after
        if pause is not None:
            key = key_of(self.definition.about)
            rows = after_pauses(
                rows, key, pause, view, self.definition.model_dump_json(), self._live_before
            )
        return as_reasons(rows)

    def _live(self, view: View) -> ir.Table:
        """Where the conditions hold and an offer can be made, whatever was offered before."""
        return with_offer(self.definition, view, fired(self.definition, view, self.ties))

    def _live_before(self, view: View) -> ir.Table:
        """The same as of an earlier view, whose friendships may be fewer."""
        then = self.ties.semi_join(view.friendships, ["customer_id", "friend_id"])
        return replace(self, ties=then)._live(view)

    def drivers(self, view: View, reasons: ir.Table) -> ir.Table:
        """See `Trigger.drivers`."""
        pairs = reasons.select(*PAIR).distinct()
        friends = [c for c in self.definition.when if isinstance(c, FriendDid)]
        if not friends:
            return pairs.mutate(friend_id=ibis.null(str))
        parts = []
        for condition in friends:
            about = self.definition.about if self.definition.is_about(condition) else None
            exposed = exposures(view, self.ties, condition, about)
            parts.append(_behind(pairs, exposed, about))
        return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _behind(reasons: ir.Table, exposed: ir.Table, about: str | None) -> ir.Table:
    """Whose interactions are behind which reasons."""
    named = reasons.item_kind == about if about in ("product", "store") else ibis.literal(False)
    by_customer = exposed.select("customer_id", "friend_id").distinct()
    others = reasons.filter(~named.fill_null(False)).inner_join(by_customer, "customer_id")
    columns = [*PAIR, "friend_id"]
    if about not in ("product", "store"):
        return others.select(columns)
    by_item = exposed.select("customer_id", "friend_id", item_id="about")
    own = reasons.filter(named).inner_join(by_item, ["customer_id", "item_id"])
    return ibis.union(own.select(columns), others.select(columns))


def triggers_of(
    definitions: Mapping[str, Definition], ties: ir.Table, only: tuple[str, ...] | None = None
) -> tuple[Trigger, ...]:
    """The triggers of definitions, in their order: the first one of a pair comes first.

    Args:
        definitions: the definitions by name.
        ties: see `tie_weights`.
        only: ids of customers; statistics look for reasons as if there were no others, but learn
            from all when refills are due. None for all.
    """
    return tuple(trigger_of(each, ties, only) for each in definitions.values())


def trigger_of(
    definition: Definition, ties: ir.Table, only: tuple[str, ...] | None = None
) -> Trigger:
    """The trigger of a definition; see `triggers_of`."""
    if definition.statistic is not None:
        return StatisticalTrigger(definition, only)
    return DefinedTrigger(definition, ties)


def with_window(definitions: Mapping[str, Definition], window: timedelta) -> dict[str, Definition]:
    """The definitions, where `friend_bought` and `friend_visited` look back for a window.

    Statistics that look ahead look as far ahead, unless a definition says how far.

    Args:
        definitions: the definitions by name.
        window: how far back the two look, unless a file defines them otherwise.
    """
    shipped = shipped_definitions()
    friends = {name: shipped[name] for name in (FRIEND_BOUGHT, FRIEND_VISITED)}
    return {
        name: _looking_back(each, window) if each == friends.get(name) else _ahead(each, window)
        for name, each in definitions.items()
    }


def _ahead(definition: Definition, window: timedelta) -> Definition:
    statistic = definition.statistic
    if statistic is None or not statistic.looks_ahead or statistic.ahead is not None:
        return definition
    ahead = min(max(window, timedelta(days=1)), LONGEST_AHEAD)
    ahead_too = statistic.model_copy(update={"ahead": ahead})
    return definition.model_copy(update={"statistic": ahead_too})


def _looking_back(definition: Definition, window: timedelta) -> Definition:
    when = tuple(c.model_copy(update={"within": window}) for c in definition.when)
    return definition.model_copy(update={"when": when})
