"""What a policy keeps from customers before anything is predicted."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from followsuit.graph.items import PAIR, PRODUCT
from followsuit.graph.views.view import View
from followsuit.policy.contact.customers import contacted_enough
from followsuit.policy.contact.sent import Sent
from followsuit.policy.declared.policy import Policy
from followsuit.policy.rules import PER_CUSTOMER, PROGRAMS


@dataclass(frozen=True)
class Restrictions:
    """What a policy keeps from customers before anything is predicted.

    Attributes:
        people: `customer_id, restricted_by` of the customers who get no offers at all, by rule.
        categories: the categories of which nothing is offered.
        bought: `customer_id, item_kind, item_id` of what customers bought lately.
    """

    people: ir.Table | None = None
    categories: tuple[str, ...] = ()
    bought: ir.Table | None = None


NO_RESTRICTIONS = Restrictions()


def restrictions(view: View, messages: Sent, policy: Policy) -> Restrictions:
    """What a policy keeps from customers as of a view's instant.

    Args:
        view: the view.
        messages: the messages that count as sent.
        policy: the policy.
    """
    never, people = policy.never, []
    if never.programs:
        holders = view.holders(never.programs)
        people.append(holders.mutate(restricted_by=ibis.literal(PROGRAMS)))
    if (window := policy.contact.per_customer) is not None:
        # What other runs of the day have offered may be offered again.
        enough = contacted_enough(view, messages.before_the_day, window)
        enough = enough.mutate(restricted_by=ibis.literal(PER_CUSTOMER))
        people.append(enough.anti_join(people[0], "customer_id") if people else enough)
    bought = None
    if never.bought_within is not None:
        lately = view.recent(never.bought_within)
        bought = lately.filter(lately.item_kind == PRODUCT).select(*PAIR).distinct()
    return Restrictions(
        people=ibis.union(*people) if people else None,
        categories=never.categories,
        bought=bought,
    )
