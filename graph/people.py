"""Who may be contacted with an offer, and who shares their activity: age and consent.

Consent is two-sided and per purpose, and the default is no. The latest row up to `as_of` counts; a
withdrawal counts whatever its date. Minors are neither contacted nor used, nor are customers with a
refusal that a load could not read.
"""

from collections.abc import Sequence
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


def people(
    customers: ir.Table,
    consents: ir.Table,
    day: date,
    blocked: Sequence[str],
    assume_consent: bool,
) -> ir.Table:
    """What each customer may be used for on a day.

    Args:
        customers: of the contract, as of that day.
        consents: of the contract, as of that day; later refusals too.
        day: decides who is an adult.
        blocked: ids of customers with a refusal that a load could not read.
        assume_consent: take `social_use` and contact as granted, and unknown ages as adult, where
            nothing says otherwise; never over a recorded no.

    Returns:
        `customer_id`; `adult`; `shares` (whether their activity may change others' offers);
        `blocked_by` (the rule that blocks all offers, missing where none does); `channel` (the
        first one opted into, missing where contact is granted in general or assumed).
    """
    states = _latest(consents, blocked)
    social = states.filter(states.purpose == SOCIAL_USE).select(
        "customer_id", social=states.granted
    )
    contact = _contact(states)
    rows = customers.left_join(social, "customer_id").drop("customer_id_right")
    rows = rows.left_join(contact, "customer_id").drop("customer_id_right")
    adult = rows.birth_date <= adult_since(day)
    unknown = ibis.literal(assume_consent)
    rows = rows.mutate(
        adult=adult.fill_null(unknown),
        reachable=~rows.refused.fill_null(False)
        & (rows.opted_in.fill_null(False) | (unknown & ~rows.opted_out.fill_null(False))),
        social=rows.social.fill_null(unknown),
    )
    blocked_by = ibis.cases(
        (rows.birth_date.isnull() & ~rows.adult, UNKNOWN_AGE),
        (~rows.adult, MINOR),
        (~rows.reachable, NO_CONTACT),
    )
    return rows.select(
        "customer_id", "adult", "channel", shares=rows.adult & rows.social, blocked_by=blocked_by
    )


def _latest(consents: ir.Table, blocked: Sequence[str]) -> ir.Table:
    """Each customer's latest answer for each purpose: `customer_id, purpose, granted`.

    Of later rows the view holds the withdrawals alone, so that they come last; of two rows of
    one instant the withdrawal wins. A customer with a refusal that a load could not read has
    refused everything.
    """
    rows = consents.select("customer_id", "purpose", "granted", "at")
    purposes = ibis.memtable({"purpose": list(PURPOSES)})
    general = rows.filter(rows.purpose == ALL, ~rows.granted).drop("purpose")
    rows = rows.filter(rows.purpose != ALL).union(
        general.cross_join(purposes).select("customer_id", "purpose", "granted", "at")
    )
    last = rows.group_by("customer_id", "purpose").mutate(last=rows["at"].max())
    said = last.filter(last["at"] == last["last"])
    answers = said.group_by("customer_id", "purpose").aggregate(granted=said.granted.all())
    if not blocked:
        return answers
    refused = ibis.memtable({"customer_id": list(blocked)}, schema={"customer_id": "string"})
    return answers.anti_join(refused, "customer_id").union(
        refused.cross_join(purposes).mutate(granted=ibis.literal(False))
    )


def _contact(states: ir.Table) -> ir.Table:
    """What each customer said of contact.

    `customer_id`; `opted_in` to any; `opted_out` of any; `refused`, contact in general, over which
    no channel's opt-in goes; the first `channel` opted into.
    """
    order = ibis.literal(dict(zip(CHANNELS, range(len(CHANNELS)), strict=True)))
    rows = states.filter(states.purpose.isin([CONTACT, *CHANNELS]))
    place = order.get(rows.purpose)
    chosen = rows.purpose.argmin(place, where=rows.granted & place.notnull())
    return rows.group_by("customer_id").aggregate(
        opted_in=rows.granted.any(),
        opted_out=(~rows.granted).any(),
        refused=((rows.purpose == CONTACT) & ~rows.granted).any(),
        channel=chosen,
    )
