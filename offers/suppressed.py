"""Which rule kept an offer back, for every item that a friend has just acted on.

The rules, in the order in which they are asked: `unknown_age`, `minor` and `no_contact_consent` (of
who would be reached), `no_social_use` (no friend who acted lends the act, or none of them is
adult), `already_taken`, `elsewhere` (a store of another city), `no_offer_in_force`,
`not_in_audience`. Sensitive products are counted as `sensitive` and never named.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph import tables as t
from followsuit.graph.facts import Facts
from followsuit.offers.catalogue import Catalogue
from followsuit.offers.moment import elsewhere
from followsuit.offers.triggers import NO_SOCIAL_USE, Window, ties_at

ALREADY_TAKEN = "already_taken"
ELSEWHERE = "elsewhere"
NO_OFFER = "no_offer_in_force"
NOT_IN_AUDIENCE = "not_in_audience"
SENSITIVE = "sensitive"


@dataclass(frozen=True)
class Suppressed:
    """What was kept back."""

    counts: dict[str, int]
    """Customer-item pairs by rule; rules that kept nothing back are left out."""
    log: pd.DataFrame
    """`customer_id, item_kind, item_id, rule`, by customer and item; no sensitive product."""


def suppressed(
    facts: Facts,
    as_of: datetime,
    window: timedelta,
    catalogue: Catalogue | None,
    customers: np.ndarray | None = None,
) -> Suppressed:
    """Say for every item that a friend has just acted on which rule keeps it back, if any.

    Args:
        facts: see `look`, as are the others.
        as_of: the instant.
        window: how long back "just" reaches.
        catalogue: the offers in force.
        customers: codes of those to look at; None for all.
    """
    span = Window(as_of, window)
    pairs = _exposed_pairs(facts, span).order_by("customer", "item").to_pandas()
    n_sensitive = _sensitive(facts, span, customers)
    if customers is not None:
        pairs = pairs[pairs.customer.isin(customers)]
    rule = _rule(facts, pairs, catalogue)
    kept = pairs[rule != ""].assign(rule=rule[rule != ""])
    counts = {str(name): int(n) for name, n in kept.rule.value_counts().sort_index().items()}
    if n_sensitive:
        counts[SENSITIVE] = n_sensitive
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
    """`customer, item, lent, taken, barrier` of what any friend, consenting or not, acted on."""
    people = facts.people(span.as_of)
    acts = span.of(facts.acts).select("customer", "item").distinct()
    lent = acts.inner_join(people.select("customer", "lends"), "customer")
    lent = lent.select("item", "lends", friend="customer")
    seen = ties_at(facts, span.as_of).inner_join(lent, "friend")
    pairs = seen.group_by("customer", "item").aggregate(lent=seen.lends.any())
    taken = facts.firsts.filter(facts.firsts["at"] <= span.as_of)
    taken = taken.select("customer", "item", taken=ibis.literal(True))
    pairs = pairs.left_join(taken, ["customer", "item"]).select("customer", "item", "lent", "taken")
    pairs = pairs.inner_join(people.select("customer", "barrier"), "customer")
    return pairs.mutate(taken=pairs.taken.fill_null(False), barrier=pairs.barrier.fill_null(""))


def _rule(facts: Facts, pairs: pd.DataFrame, catalogue: Catalogue | None) -> np.ndarray:
    """(pairs,) the first rule that keeps each back; empty where none does."""
    who, what = pairs.customer.to_numpy(), pairs["item"].to_numpy()
    conditions = [
        (pairs.barrier != "").to_numpy(),
        ~pairs.lent.to_numpy(dtype=bool),
        pairs.taken.to_numpy(dtype=bool),
        elsewhere(facts.city[who], facts.items.city[what]),
    ]
    choices: list[np.ndarray | str] = [
        pairs.barrier.to_numpy(dtype=object), NO_SOCIAL_USE, ALREADY_TAKEN, ELSEWHERE,
    ]  # fmt: skip
    if catalogue is not None:
        conditions += [~np.isin(what, catalogue.items()), ~catalogue.allows(who, what)]
        choices += [NO_OFFER, NOT_IN_AUDIENCE]
    return np.select(conditions, [np.asarray(c, dtype=object) for c in choices], "")


def _sensitive(facts: Facts, span: Window, customers: np.ndarray | None) -> int:
    """How many customers have friends who bought a sensitive product, by product."""
    snapshot = facts.snapshot.at(span.as_of)
    products = snapshot.table(t.PRODUCTS)
    hidden = products.filter(products.sensitive.fill_null(False)).select("product_id")
    bought = span.of(snapshot.table(t.PURCHASES)).semi_join(hidden, "product_id")
    friends = bought.inner_join(facts.codes, bought.customer_id == facts.codes.id)
    acts = friends.select("product_id", friend="customer").distinct()
    seen = ties_at(facts, span.as_of).inner_join(acts, "friend")
    pairs = seen.select("customer", "product_id").distinct()
    if customers is not None:
        pairs = pairs.filter(pairs.customer.isin([int(c) for c in customers]))
    return int(pairs.count().execute())
