"""The rules that decide whether a candidate may be offered, in the order in which they apply.

Rules before the prediction look only at the customer and the offer. Rules after it also compare
customers who compete for a limit. Only `reveals_sensitive` reads sensitive purchases.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from followsuit.graph.consent import MINOR, NO_CONTACT, UNKNOWN_AGE
from followsuit.policy.limits.limit_kinds import BUDGET, CHANNELS, OFFERS, PER_FRIEND, STORES

# `why` needs the sentences alone, without waiting for Ibis.
if TYPE_CHECKING:
    import ibis.expr.types as ir

OPEN_COMPLAINT = "open_complaint"
ALREADY_TAKEN = "already_taken"
ELSEWHERE = "elsewhere"
NO_OFFER = "no_offer_in_force"
NOT_IN_AUDIENCE = "not_in_audience"
PROGRAMS, CATEGORIES, BOUGHT_WITHIN = "programs", "categories", "bought_within"
PER_CUSTOMER, PER_CHANNEL, PER_OFFER = "per_customer", "per_channel", "per_offer"
HOLDOUT, MIN_EXPECTED_VALUE = "holdout", "min_expected_value"
REVEALS_SENSITIVE = "reveals_sensitive"


@dataclass(frozen=True)
class Rule:
    """A rule over candidates."""

    name: str
    """The value of `blocked_by`."""
    sentence: str
    """Why the candidate is blocked; it follows "Not offered: "."""
    blocks: Callable[["ir.Table"], "ir.Value"]
    """Whether the rule blocks each row of a table of candidates with context columns."""
    enforced_by_ranking: bool = False
    """Whether the ranking never proposes a candidate that the rule blocks. If not, the rule is
    applied to each proposed candidate."""


def _person(name: str, sentence: str) -> Rule:
    """A rule about the customer, as the view's `people` state it."""
    return Rule(
        name, sentence, lambda rows: rows.person_blocked_by == name, enforced_by_ranking=True
    )


CONTACT_LIMITS = (PER_CUSTOMER, PER_CHANNEL, PER_OFFER)
"""The rules that stop customers from being contacted too often."""

_NO_MORE = "the customer may get no more messages, after earlier ones and better offers of this run"

BEFORE_PREDICTION = (
    _person(UNKNOWN_AGE, "the customer's age is unknown, and consent is not assumed"),
    _person(MINOR, "the customer is under 18"),
    _person(NO_CONTACT, "the customer has not agreed to be contacted"),
    Rule(
        OPEN_COMPLAINT,
        "the customer complained in the last 30 days, and it isn't resolved",
        lambda rows: rows.complains,
        enforced_by_ranking=True,
    ),
    _person(PROGRAMS, "the customer belongs to a program whose members get no offers"),
    _person(PER_CUSTOMER, _NO_MORE),
    Rule(
        CATEGORIES,
        "nothing of its category is offered",
        lambda rows: rows.in_category,
        enforced_by_ranking=True,
    ),
    Rule(
        BOUGHT_WITHIN,
        "the customer bought it lately",
        lambda rows: rows.bought_lately,
        enforced_by_ranking=True,
    ),
    Rule(
        ALREADY_TAKEN,
        "the customer has it already",
        lambda rows: rows.seen,
        enforced_by_ranking=True,
    ),
    Rule(
        ELSEWHERE,
        "the store is in another city than the customer",
        lambda rows: rows.home_city != rows.store_city,
        enforced_by_ranking=True,
    ),
    Rule(
        NO_OFFER,
        "no active offer covers it",
        lambda rows: ~rows.covered,
        enforced_by_ranking=True,
    ),
    Rule(
        NOT_IN_AUDIENCE,
        "its offers are only for a program or an interest that the customer doesn't have",
        lambda rows: ~rows.in_audience,
        enforced_by_ranking=True,
    ),
)
"""Rules that need no prediction: about consent, age, complaints, seen items, offers, audience.

They read the context columns `person_blocked_by`, `complains`, `in_category`, `bought_lately`,
`seen`, `home_city`, `store_city`, `covered` and `in_audience`. A pair with a reason to buy again is
neither `bought_lately` nor `seen`.
"""

AFTER_PREDICTION = {
    PER_OFFER: "the customer has been contacted about this offer as often as allowed",
    MIN_EXPECTED_VALUE: "it is expected to be worth less than the minimum",
    PER_CHANNEL: "the customer has been contacted as often as allowed through each channel",
    REVEALS_SENSITIVE: "offers of it would reveal a sensitive purchase",
    HOLDOUT: "the customer is in the holdout, who get no offers so that others can be compared",
    PER_CUSTOMER: _NO_MORE,
    BUDGET: "the budget goes to offers that are worth more",
    CHANNELS: "the channel has no more room, and other offers are worth more",
    OFFERS: "no more of this offer may be sent",
    STORES: "no more offers may point to its store",
    PER_FRIEND: "one friend's purchases may drive no more offers, or the customer doesn't share "
    "activity and can't compete for them",
}
"""The sentences of rules that need a prediction, by name; they need a policy."""

SENTENCES = AFTER_PREDICTION | {rule.name: rule.sentence for rule in BEFORE_PREDICTION}
"""Each rule's sentence by the rule's name."""


def blocked_by(rows: "ir.Table", rules: Sequence[Rule] = BEFORE_PREDICTION) -> "ir.Value":
    """The name of the first rule that blocks each row; null if none does."""
    import ibis

    return ibis.cases(*((rule.blocks(rows).fill_null(False), rule.name) for rule in rules))
