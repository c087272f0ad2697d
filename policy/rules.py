"""The rules that decide whether a candidate may be offered, in the order in which they apply.

Every rule is about the customer or the offer. What others did who don't share their activity, and
sensitive products, are no candidates: they leave no row and no count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from followsuit.graph.consent import MINOR, NO_CONTACT, UNKNOWN_AGE

# `why` needs the sentences alone, without waiting for Ibis.
if TYPE_CHECKING:
    import ibis.expr.types as ir

ALREADY_TAKEN = "already_taken"
ELSEWHERE = "elsewhere"
NO_OFFER = "no_offer_in_force"
NOT_IN_AUDIENCE = "not_in_audience"


@dataclass(frozen=True)
class Rule:
    """A rule over candidates."""

    name: str
    """The contract word that `blocked_by` holds."""
    sentence: str
    """Why a candidate is blocked, to follow "Not offered: "."""
    blocks: Callable[["ir.Table"], "ir.Value"]
    """Whether it blocks each row of a table of candidates with their context."""


def _person(name: str) -> Callable[["ir.Table"], "ir.Value"]:
    return lambda rows: rows.person_blocked_by == name


BEFORE_PREDICTION = (
    Rule(
        UNKNOWN_AGE,
        "the customer's age is unknown, and consent is not assumed",
        _person(UNKNOWN_AGE),
    ),
    Rule(MINOR, "the customer is under 18", _person(MINOR)),
    Rule(NO_CONTACT, "the customer has not agreed to be contacted", _person(NO_CONTACT)),
    Rule(ALREADY_TAKEN, "the customer has it already", lambda rows: rows.seen),
    Rule(
        ELSEWHERE,
        "it is a store of another city than the customer's",
        lambda rows: rows.home_city != rows.store_city,
    ),
    Rule(NO_OFFER, "no active offer covers it", lambda rows: ~rows.covered),
    Rule(
        NOT_IN_AUDIENCE,
        "its offers are for a program or an interest that is not the customer's",
        lambda rows: ~rows.in_audience,
    ),
)
"""Rules that need no prediction: consent, age, what the customer has, and whom offers are for.

Context columns that they read: `person_blocked_by`, `seen`, `home_city`, `store_city`, `covered`,
`in_audience`.
"""

SENTENCES = {rule.name: rule.sentence for rule in BEFORE_PREDICTION}


def blocked_by(rows: "ir.Table", rules: Sequence[Rule] = BEFORE_PREDICTION) -> "ir.Value":
    """The name of the first rule that blocks each row, missing where none does."""
    import ibis

    return ibis.cases(*((rule.blocks(rows).fill_null(False), rule.name) for rule in rules))
