"""Who may be reached with an offer, and whose acts may drive a friend's: age and consent.

Consent is two-sided and per purpose, and the default is no. The latest row up to `as_of` counts; a
withdrawal counts whatever its date. Minors are neither reached nor used.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.snapshot import Snapshot

SOCIAL_USE = "social_use"
NAMED_USE = "named_use"
CONTACT = "contact"
CHANNELS = ("push", "app", "email", "sms", "whatsapp", "web", "phone", "post")
"""Purposes that are an opt-in to one channel, in the order in which a channel is chosen."""
ALL = "all"
"""Every purpose at once, which can only be withdrawn."""
PURPOSES = (SOCIAL_USE, NAMED_USE, "profiling", "linking", CONTACT, *CHANNELS, ALL)
"""What a row of consent may be about."""

ADULT = 18

MINOR = "minor"
UNKNOWN_AGE = "unknown_age"
NO_CONTACT = "no_contact_consent"


def people(snapshot: Snapshot, assume_consent: bool) -> ir.Table:
    """What each customer may be used for, as of the snapshot.

    Args:
        snapshot: with customers and consents.
        assume_consent: take `social_use` and contact as granted, and unknown ages as adult, where
            nothing says otherwise; never over a recorded no.

    Returns:
        `customer_id`; `adult`; `lends` (whose acts may drive friends' offers); `barrier` (the rule
        that keeps offers back, missing where none does); `channel` (the first one opted into,
        missing where contact is granted in general or assumed).
    """
    customers = snapshot.table(t.CUSTOMERS)
    states = _latest(snapshot)
    social = states.filter(states.purpose == SOCIAL_USE).select(
        "customer_id", social=states.granted
    )
    contact = _contact(states)
    rows = customers.left_join(social, "customer_id").drop("customer_id_right")
    rows = rows.left_join(contact, "customer_id").drop("customer_id_right")
    adult = rows.birth_date <= adult_since(snapshot.as_of.date())
    unknown = ibis.literal(assume_consent)
    rows = rows.mutate(
        adult=adult.fill_null(unknown),
        reachable=~rows.refused.fill_null(False)
        & (rows.opted_in.fill_null(False) | (unknown & ~rows.opted_out.fill_null(False))),
        social=rows.social.fill_null(unknown),
    )
    barrier = ibis.cases(
        (rows.birth_date.isnull() & ~rows.adult, UNKNOWN_AGE),
        (~rows.adult, MINOR),
        (~rows.reachable, NO_CONTACT),
    )
    return rows.select(
        "customer_id", "adult", "channel", lends=rows.adult & rows.social, barrier=barrier
    )


def _latest(snapshot: Snapshot) -> ir.Table:
    """The last word of each customer on each purpose: `customer_id, purpose, granted`.

    Of later rows the snapshot holds the withdrawals alone, so that they are the last word; of two
    rows of one instant the withdrawal is.
    """
    rows = snapshot.table(t.CONSENTS)
    last = rows.group_by("customer_id", "purpose").mutate(last=rows["at"].max())
    said = last.filter(last["at"] == last["last"])
    return said.group_by("customer_id", "purpose").aggregate(granted=said.granted.all())


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


def adult_since(day: date) -> date:
    """The latest birth date of who is an adult on a day (born on 29 February: on 1 March)."""
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28) if (day.year - ADULT) % 4 else day
    return day.replace(year=day.year - ADULT)
