"""Checks which rule blocks each pair of customer and item that has a reason, if any."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from followsuit.graph.items import ITEM, PAIR
from followsuit.graph.view import View
from followsuit.offers.candidates.catalogue import Catalogue
from followsuit.policy.rules import BEFORE_PREDICTION, Rule, blocked_by


def brought_up(
    view: View,
    reasons: ir.Table,
    catalogue: Catalogue | None = None,
    rules: Sequence[Rule] = BEFORE_PREDICTION,
) -> ir.Table:
    """Add the column `blocked_by` to reasons: the first rule that blocks the pair, null if none.

    Args:
        view: the view as of the cutoff.
        reasons: a table with the columns of `REASONS`; every row has an item.
        catalogue: the active offers; None if each item is its own offer.
        rules: the rules, in the order in which they apply.

    Returns:
        The reasons whose customer and item the view has, with `blocked_by`.
    """
    people = view.people.select("customer_id", person_blocked_by="blocked_by")
    seen = view.first_interactions.select(*PAIR, seen=ibis.literal(True))
    homes = view.customers.select("customer_id", home_city="city")
    sites = view.items.select(*ITEM, store_city="city")
    rows = reasons.inner_join(people, "customer_id")
    rows = rows.left_join(seen, list(PAIR)).drop(
        "customer_id_right", "item_kind_right", "item_id_right"
    )
    rows = rows.inner_join(homes, "customer_id").inner_join(sites, list(ITEM))
    rows = rows.mutate(seen=rows.seen.fill_null(False))
    if catalogue is None:
        rows = rows.mutate(covered=ibis.literal(True), in_audience=ibis.literal(True))
    else:
        covered = catalogue.covered.mutate(covered=ibis.literal(True))
        allowed = catalogue.allowed(rows.select(*PAIR)).mutate(in_audience=ibis.literal(True))
        rows = _flagged(_flagged(rows, covered, ITEM), allowed, PAIR)
    return view.snapshot.keep(rows.select(*reasons.columns, blocked_by=blocked_by(rows, rules)))


def _flagged(rows: ir.Table, flagged: ir.Table, key: Sequence[str]) -> ir.Table:
    """Add a table's flag to rows; False if the table has no matching row."""
    (flag,) = set(flagged.columns) - set(key)
    joined = rows.left_join(flagged, list(key)).drop(*(f"{name}_right" for name in key))
    return joined.mutate(**{flag: joined[flag].fill_null(False)})
