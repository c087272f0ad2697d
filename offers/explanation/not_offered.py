"""Why something isn't offered: the contract words, each with a sentence."""

from followsuit.core.errors import FollowsuitError
from followsuit.policy.rules import SENTENCES

NOT_SCORED = "not_scored"
OTHER_OFFER = "other_offer_for_the_item"
OTHER_ITEM = "other_item_of_the_offer"
NO_TRIGGER = "no_live_trigger"
NOT_RECENT = "not_acted_on_lately"
BELOW = "below_the_top"
CHANGED = "changed_since_the_run"
NOT_JOINED = "not_joined"
SENSITIVE = "sensitive"

EXPLAINED = {
    **SENTENCES,
    SENSITIVE: "it is sensitive, and so is never offered",
    NO_TRIGGER: "nothing gives a reason to contact the customer now",
    NOT_RECENT: "it is not among the items that are popular now",
    NOT_SCORED: "the active run was made only for other customers",
    OTHER_ITEM: "its offers are shown with other items, which rank higher",
    OTHER_OFFER: "another offer for the same item is worth more",
    BELOW: "other offers rank higher",
    NOT_JOINED: "the customer joined after the day of the run",
    CHANGED: "the data has changed since the run was made: score again",
}
"""The sentence for each contract word; it follows "Not offered: "."""


class UnknownTarget(FollowsuitError):
    """There is no such customer, item or offer."""
