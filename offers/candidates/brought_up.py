"""Checks which rule blocks each reason, if any."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from followsuit.graph.items import ITEM, PAIR
from followsuit.graph.views.view import View
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.policy.contact.complaints import open_complaints
from followsuit.policy.restrictions import NO_RESTRICTIONS, Restrictions
from followsuit.policy.rules import BEFORE_PREDICTION, Rule, blocked_by


def brought_up(
    view: View,
    reasons: ir.Table,
    catalogue: Catalogue | None = None,
    rules: Sequence[Rule] = BEFORE_PREDICTION,
    restrictions: Restrictions = NO_RESTRICTIONS,
) -> ir.Table:
    """Add the column `blocked_by` to reasons: the first rule that blocks the pair, null if none.

    Args:
        view: the view as of the cutoff.
        reasons: a computed table with the columns of `REASONS`; for a row without an item, only the
            rules about the customer apply. With the column `repeat`, a pair that has a reason to
            buy again doesn't count as seen.
        catalogue: the active offers; None if each item is its own offer.
        rules: the rules, in the order in which they apply.
        restrictions: what a policy keeps from customers.

    Returns:
        The reasons whose customer and item, if any, the view has, with `blocked_by`.
    """
    keep, drop = view.snapshot.keep, view.snapshot.drop
    # Steps have one large join each: several at once would not fit into memory.
    pairs = reasons.select(*PAIR)
    unlike_repeats = pairs
    if "repeat" in reasons.columns:
        unlike_repeats = pairs.anti_join(reasons.filter(reasons.repeat), list(PAIR))
    seen = keep(unlike_repeats.semi_join(view.first_interactions, list(PAIR)).distinct())
    people = view.people.select("customer_id", person_blocked_by="blocked_by")
    people = people.inner_join(view.customers, "customer_id").rename(home_city="city")
    people = _flagged(people, open_complaints(view), ("customer_id",), "complains")
    if restrictions.people is not None:
        people = people.left_join(restrictions.people, "customer_id").drop("customer_id_right")
        blocked = people.person_blocked_by.fill_null(people.restricted_by)
        people = people.mutate(person_blocked_by=blocked).drop("restricted_by")
    people = keep(people)
    never = view.items.category.isin(restrictions.categories).fill_null(False)
    sites = view.items.select(
        *ITEM, store_city="city", known_item=ibis.literal(True), in_category=never
    )
    rows = reasons.inner_join(people, "customer_id")
    of_items = rows.left_join(sites, list(ITEM)).drop(*(f"{name}_right" for name in ITEM))
    rows = of_items.filter(of_items.item_id.isnull() | of_items.known_item.fill_null(False))
    rows, kept = _flagged(rows, seen, PAIR, "seen"), [seen, people]
    if restrictions.bought is None:
        rows = rows.mutate(bought_lately=ibis.literal(False))
    else:
        bought = keep(unlike_repeats.semi_join(restrictions.bought, list(PAIR)).distinct())
        rows = _flagged(rows, bought, PAIR, "bought_lately")
        kept.append(bought)
    if catalogue is None:
        rows = rows.mutate(covered=ibis.literal(True), in_audience=ibis.literal(True))
    else:
        # Few items are left after these two joins, and an item can have many offers.
        others = pairs.semi_join(catalogue.covered, list(ITEM))
        others = keep(others.anti_join(catalogue.for_everybody, list(ITEM)).distinct())
        kept.append(others)
        others = keep(others.anti_join(catalogue.allowed(others), list(PAIR)))
        rows = _flagged(rows, catalogue.covered, ITEM, "covered")
        rows = rows.mutate(covered=rows.covered | rows.item_id.isnull())
        rows = _flagged(rows, others, PAIR, "in_others_audience")
        rows = rows.mutate(in_audience=~rows.in_others_audience)
        kept.append(others)
    checked = keep(rows.select(*reasons.columns, blocked_by=blocked_by(rows, rules)))
    for table in kept:
        drop(table)
    return checked


def with_everyone(view: View, reasons: ir.Table) -> ir.Table:
    """Add a row without a trigger and an item for each customer without a reason.

    Args:
        view: the view as of the cutoff.
        reasons: a table with the columns of `REASONS` and `EVIDENCE`.
    """
    others = view.customers.anti_join(reasons, "customer_id").select("customer_id")
    types = {name: kind for name, kind in reasons.schema().items() if name != "customer_id"}
    nothing = {name: ibis.null(kind) for name, kind in types.items()}
    return ibis.union(reasons, others.mutate(**nothing).select(*reasons.columns))


def _flagged(rows: ir.Table, flagged: ir.Table, key: Sequence[str], name: str) -> ir.Table:
    """Add a column that says whether a table of distinct keys has a row's key."""
    joined = rows.left_join(flagged.mutate(**{name: ibis.literal(True)}), list(key))
    joined = joined.drop(*(f"{column}_right" for column in key))
    return joined.mutate(**{name: joined[name].fill_null(False)})
