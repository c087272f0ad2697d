"""Which rule blocks an offer, for every item that a friend who shares has just acted on.

The rules, in the order in which they are checked: `unknown_age`, `minor`, `no_contact_consent`,
`already_taken`, `elsewhere` (a store of another city), `no_offer_in_force`, `not_in_audience`. All
are about the customer or the offer: what friends who don't share did, and sensitive products, leave
no row and no count.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph.facts import Facts
from followsuit.offers.catalogue import Catalogue
from followsuit.offers.moment import elsewhere
from followsuit.offers.triggers import Window, recent_acts, ties_at

ALREADY_TAKEN = "already_taken"
ELSEWHERE = "elsewhere"
NO_OFFER = "no_offer_in_force"
NOT_IN_AUDIENCE = "not_in_audience"


@dataclass(frozen=True)
class Suppressed:
    """What was blocked."""

    counts: dict[str, int]
    """Customer-item pairs by rule; rules that blocked nothing are left out."""
    log: pd.DataFrame
    """`customer_id, item_kind, item_id, rule`, by customer and item."""


def suppressed(
    facts: Facts,
    as_of: datetime,
    window: timedelta,
    catalogue: Catalogue | None,
    customers: np.ndarray | None = None,
) -> Suppressed:
    """Say for every item that a friend has just acted on which rule blocks it, if any.

    Args:
        facts: see `look`, as are the others.
        as_of: the instant.
        window: how long back "just" reaches.
        catalogue: the offers in force.
        customers: codes of those to look at; None for all.
    """
    span = Window(as_of, window)
    pairs = _exposed_pairs(facts, span).order_by("customer", "item").to_pandas()
    if customers is not None:
        pairs = pairs[pairs.customer.isin(customers)]
    rule = _rule(facts, pairs, catalogue)
    kept = pairs[rule != ""].assign(rule=rule[rule != ""])
    counts = {str(name): int(n) for name, n in kept.rule.value_counts().sort_index().items()}
    log = pd.DataFrame(
        {
            "customer_id": facts.customers[kept.customer],
            "item_kind": facts.items.kind[kept["item"]],
            "item_id": facts.items.id[kept["item"]],
            "rule": kept.rule.to_numpy(dtype=object),
        }
    )
    return Suppressed(counts, log)


def _exposed_pairs(facts: Facts, span: Window) -> ir.Table:
    """`customer, item, taken, barrier` of what any friend who shares acted on."""
    people = facts.people(span.as_of)
    theirs = recent_acts(facts, span, people).select("item", friend="customer")
    seen = ties_at(facts, span.as_of).inner_join(theirs, "friend")
    pairs = seen.select("customer", "item").distinct()
    taken = facts.firsts.filter(facts.firsts["at"] <= span.as_of)
    taken = taken.select("customer", "item", taken=ibis.literal(True))
    pairs = pairs.left_join(taken, ["customer", "item"]).select("customer", "item", "taken")
    pairs = pairs.inner_join(people.select("customer", "barrier"), "customer")
    return pairs.mutate(taken=pairs.taken.fill_null(False), barrier=pairs.barrier.fill_null(""))


def _rule(facts: Facts, pairs: pd.DataFrame, catalogue: Catalogue | None) -> np.ndarray:
    """(pairs,) the first rule that blocks each; empty where none does."""
    who, what = pairs.customer.to_numpy(), pairs["item"].to_numpy()
    conditions = [
        (pairs.barrier != "").to_numpy(),
        pairs.taken.to_numpy(dtype=bool),
        elsewhere(facts.city[who], facts.items.city[what]),
    ]
    choices: list[np.ndarray | str] = [
        pairs.barrier.to_numpy(dtype=object), ALREADY_TAKEN, ELSEWHERE,
    ]  # fmt: skip
    if catalogue is not None:
        conditions += [~np.isin(what, catalogue.items()), ~catalogue.allows(who, what)]
        choices += [NO_OFFER, NOT_IN_AUDIENCE]
    return np.select(conditions, [np.asarray(c, dtype=object) for c in choices], "")
