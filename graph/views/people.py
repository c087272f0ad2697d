"""Who may be contacted with an offer, and who shares their activity: age and consent.

Consent is two-sided and per purpose, and the default is no. The latest row up to an instant counts;
a refusal counts whatever its date. Minors, and customers with a refusal that a load could not read,
get no contact, and their activity is not used.
"""

from collections.abc import Callable, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from followsuit.graph.consent import (
    ALL,
    CHANNELS,
    CONTACT,
    MINOR,
    NO_CONTACT,
    PURPOSES,
    SOCIAL_USE,
    UNKNOWN_AGE,
    adult_since,
)

_CONTACT = (CONTACT, *CHANNELS)
_USED = (SOCIAL_USE, *_CONTACT)


def answers(consents: ir.Table, blocked: Sequence[str]) -> ir.Table:
    """The times from which each customer's answers count: one row per customer who has answered.

    A purpose is granted from its first grant after the last refusal, because a refusal counts
    whatever its date. If a grant and a refusal have the same time, the refusal counts.

    Args:
        consents: all rows of the table.
        blocked: ids of customers with a refusal that a load could not read; they count as refusing
            every purpose.

    Returns:
        `customer_id`, and for each purpose of social use or contact `<purpose>_from` (missing
        unless granted), `<purpose>_refused` (whether the customer ever refused it) and
        `<purpose>_first` (the first grant).
    """
    rows = consents.select("customer_id", "purpose", "granted", "at")
    purposes = ibis.memtable({"purpose": list(PURPOSES)})
    general = rows.filter(rows.purpose == ALL, ~rows.granted).drop("purpose")
    rows = rows.filter(rows.purpose != ALL).union(
        general.cross_join(purposes).select("customer_id", "purpose", "granted", "at")
    )
    if blocked:
        refused = ibis.memtable({"customer_id": list(blocked)}, schema={"customer_id": "string"})
        refusal = {"granted": ibis.literal(False), "at": ibis.null(rows["at"].type())}
        rows = rows.anti_join(refused, "customer_id").union(
            refused.cross_join(purposes).mutate(**refusal).select(rows.columns)
        )
    rows = rows.filter(rows.purpose.isin(_USED))
    rows = rows.group_by("customer_id", "purpose").mutate(
        refused_at=rows["at"].max(where=~rows.granted)
    )
    after = rows.granted & (rows.refused_at.isnull() | (rows["at"] > rows.refused_at))
    columns = {}
    for purpose in _USED:
        own = rows.purpose == purpose
        columns[f"{purpose}_from"] = rows["at"].min(where=own & after)
        columns[f"{purpose}_refused"] = (own & ~rows.granted).any()
        columns[f"{purpose}_first"] = rows["at"].min(where=own & rows.granted)
    return rows.group_by("customer_id").aggregate(**columns)


def opt_ins(answered: ir.Table, is_past: Callable[[ir.Value], ir.Value]) -> ir.Table:
    """The answers about contact and each channel that count at an instant.

    Args:
        answered: see `answers`.
        is_past: whether a time is at or before the instant; False for a missing time.

    Returns:
        `customer_id, purpose, granted`: `contact` or a channel, and whether it is granted; there is
        no row for a purpose that the customer has neither granted nor refused.
    """
    parts = []
    for purpose in _CONTACT:
        granted = is_past(answered[f"{purpose}_from"])
        said = granted | answered[f"{purpose}_refused"].fill_null(False)
        rows = answered.mutate(purpose=ibis.literal(purpose), granted=granted).filter(said)
        parts.append(rows.select("customer_id", "purpose", "granted"))
    return ibis.union(*parts)


def people(
    customers: ir.Table,
    answered: ir.Table,
    day: date,
    is_past: Callable[[ir.Value], ir.Value],
    assume_consent: bool,
) -> ir.Table:
    """Whether each customer may be contacted and shares activity, as of an instant.

    Args:
        customers: the table `customers` as of the instant.
        answered: see `answers`.
        day: the day on which a customer must be an adult.
        is_past: whether a time is at or before the instant; False for a missing time.
        assume_consent: treat `social_use` and contact as granted, and assumed ages as adult,
            unless a row says otherwise; a recorded refusal always counts.

    Returns:
        `customer_id`; `adult`; `shares` (whether their activity may change others' offers);
        `blocked_by` (the rule that blocks all offers, missing if none does); `channel` (the first
        channel opted in to, missing if contact is granted in general or assumed).
    """
    rows = customers.left_join(answered, "customer_id").drop("customer_id_right")
    rows = rows.mutate(
        **{purpose: is_past(rows[f"{purpose}_from"]) for purpose in _USED},
        answered_social=rows.social_use_refused.fill_null(False) | is_past(rows.social_use_first),
    )
    refused = {p: rows[f"{p}_refused"].fill_null(False) & ~rows[p] for p in _CONTACT}
    assumed = ibis.literal(assume_consent)
    adult = (rows.birth_date <= adult_since(day)).fill_null(assumed)
    opted_in = ibis.or_(*(rows[purpose] for purpose in _CONTACT))
    opted_out = ibis.or_(*refused.values())
    contactable = ~refused[CONTACT] & (opted_in | (assumed & ~opted_out))
    blocked_by = ibis.cases(
        (rows.birth_date.isnull() & ~adult, UNKNOWN_AGE),
        (~adult, MINOR),
        (~contactable, NO_CONTACT),
    )
    return rows.select(
        "customer_id",
        adult=adult,
        channel=ibis.cases(*((rows[channel], channel) for channel in CHANNELS)),
        shares=adult & rows.answered_social.ifelse(rows[SOCIAL_USE], assumed),
        blocked_by=blocked_by,
    )
