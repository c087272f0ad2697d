"""Who may be contacted with an offer, and who shares their activity: age and consent.

Consent is two-sided and per purpose, and the default is no. The latest row up to an instant counts;
a refusal counts whatever its date. Minors are neither contacted nor used, nor are customers with a
refusal that a load could not read.
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
    """When each customer's answers began to count: a row for each customer who has answered.

    A purpose is granted from its first grant after the last refusal on, as a refusal of any date
    counts at once; of a grant and a refusal of one instant the refusal counts.

    Args:
        consents: all rows of the contract.
        blocked: ids of customers with a refusal that a load could not read: they have refused
            everything.

    Returns:
        `customer_id`, and for each purpose that matters here `<purpose>_from` (missing where it is
        never granted), `<purpose>_refused` (whether it ever was) and `<purpose>_first` (the first
        grant).
    """
    rows = consents.select("customer_id", "purpose", "granted", "at")
    purposes = ibis.memtable({"purpose": list(PURPOSES)})
    general = rows.filter(rows.purpose == ALL, ~rows.granted).drop("purpose")
    rows = rows.filter(rows.purpose != ALL).union(
        general.cross_join(purposes).select("customer_id", "purpose", "granted", "at")
    )
    if blocked:
        refused = ibis.memtable({"customer_id": list(blocked)}, schema={"customer_id": "string"})
        none = {"granted": ibis.literal(False), "at": ibis.null(rows["at"].type())}
        rows = rows.anti_join(refused, "customer_id").union(
            refused.cross_join(purposes).mutate(**none).select(rows.columns)
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


def people(
    customers: ir.Table,
    answered: ir.Table,
    day: date,
    came: Callable[[ir.Value], ir.Value],
    assume_consent: bool,
) -> ir.Table:
    """What each customer may be used for at an instant.

    Args:
        customers: of the contract, as of the instant.
        answered: see `answers`.
        day: decides who is an adult.
        came: whether a time had come by the instant; False where it is missing.
        assume_consent: take `social_use` and contact as granted, and unknown ages as adult, where
            nothing says otherwise; never over a recorded no.

    Returns:
        `customer_id`; `adult`; `shares` (whether their activity may change others' offers);
        `blocked_by` (the rule that blocks all offers, missing where none does); `channel` (the
        first one opted into, missing where contact is granted in general or assumed).
    """
    rows = customers.left_join(answered, "customer_id").drop("customer_id_right")
    rows = rows.mutate(
        **{purpose: came(rows[f"{purpose}_from"]) for purpose in _USED},
        said_social=rows.social_use_refused.fill_null(False) | came(rows.social_use_first),
    )
    refused = {p: rows[f"{p}_refused"].fill_null(False) & ~rows[p] for p in _CONTACT}
    unknown = ibis.literal(assume_consent)
    adult = (rows.birth_date <= adult_since(day)).fill_null(unknown)
    opted_in = ibis.or_(*(rows[purpose] for purpose in _CONTACT))
    opted_out = ibis.or_(*refused.values())
    reachable = ~refused[CONTACT] & (opted_in | (unknown & ~opted_out))
    blocked_by = ibis.cases(
        (rows.birth_date.isnull() & ~adult, UNKNOWN_AGE),
        (~adult, MINOR),
        (~reachable, NO_CONTACT),
    )
    return rows.select(
        "customer_id",
        adult=adult,
        channel=ibis.cases(*((rows[channel], channel) for channel in CHANNELS)),
        shares=adult & rows.said_social.ifelse(rows[SOCIAL_USE], unknown),
        blocked_by=blocked_by,
    )
