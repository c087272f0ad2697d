"""What all triggers made of definitions have in common."""

from dataclasses import dataclass

import ibis.expr.types as ir

from followsuit.graph.views.view import View
from followsuit.triggers.compiler.offered import offered_items
from followsuit.triggers.definitions.definition import Definition
from followsuit.triggers.trigger import Needs


@dataclass(frozen=True)
class OfDefinition:
    """The parts of a `Trigger` that its definition states.

    Attributes:
        definition: the definition.
    """

    definition: Definition

    @property
    def name(self) -> str:
        """The value of the column `trigger` in its reasons."""
        return self.definition.name

    @property
    def text(self) -> str | None:
        """See `Trigger.text`."""
        return self.definition.reason

    @property
    def needs(self) -> Needs:
        """See `Trigger.needs`."""
        return Needs(self.definition.offer.program, self.definition.offer.interest)

    def items(self, view: View) -> ir.Table | None:
        """See `Trigger.items`."""
        attributes = self.definition.offer.attributes
        return offered_items(view, attributes) if attributes else None
