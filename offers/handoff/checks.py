"""Checks offers once more, at the moment at which they are handed over: consent, age, validity."""

import ibis
import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.consent import CONTACT, MINOR, NO_CONTACT, UNKNOWN_AGE
from followsuit.graph.items import ITEM, PRODUCT, STORE
from followsuit.graph.views.view import View
from followsuit.offers.explanation.not_offered import CHANGED, EXPLAINED
from followsuit.offers.handoff.forms import FORMS
from followsuit.policy.rules import BEFORE_PREDICTION, NO_OFFER, Rule, blocked_by

NO_CUSTOMER = "no_customer"
NO_CHANNEL = "no_channel_consent"
EXPIRED = "expired"
NO_ADDRESS = "no_address"

_PERSON = (UNKNOWN_AGE, MINOR, NO_CONTACT)


def _no_address(rows: ir.Table) -> ir.Value:
    """Whether the channel needs an address that the customer doesn't have."""
    missing = [
        (rows.channel == channel) & rows[form.address].isnull()
        for channel, form in FORMS.items()
        if form.address is not None
    ]
    return ibis.or_(*missing)


RULES = (
    Rule(NO_CUSTOMER, "the customer isn't in the store", lambda rows: rows.adult.isnull()),
    *(rule for rule in BEFORE_PREDICTION if rule.name in _PERSON),
    Rule(
        NO_CHANNEL,
        "the customer has not agreed to be contacted by this channel",
        lambda rows: ~rows.opted_in,
    ),
    Rule(NO_OFFER, "the offer isn't active", lambda rows: ~rows.active),
    Rule(CHANGED, EXPLAINED[CHANGED], lambda rows: ~rows.known),
    Rule(EXPIRED, "its reason or the offer has ended", lambda rows: ~rows.live),
    Rule(NO_ADDRESS, "the customer's e-mail or phone is missing", _no_address),
)
"""The rules of a hand-off, in the order in which they apply.

They read the columns `adult`, `person_blocked_by`, `opted_in`, `active`, `known`, `live`,
`channel` and the columns of addresses.
"""


def checked(view: View, offered: ir.Table) -> ir.Table:
    """Add to offers what their files say, and the rule that drops them.

    Args:
        view: the view as of the hand-off.
        offered: see `still_offered`.

    Returns:
        The columns of `offered`, where `until` is when the reason or the offer ends, whichever is
        first; `name, email, phone, city, timezone` of the customer, null if missing or blank;
        `refused_channels`, separated by blanks; `offer_name`, `item_name`; `price` of the item in
        minor units, null if unknown; and `dropped_by`, the name of a rule, null for none.
    """
    rows = _with_customer(view, offered)
    rows = _with_opt_ins(view, rows)
    rows = _with_offer(view, _with_item(view, rows))
    live = view.live(rows).select("customer_id", "rank", live=ibis.literal(True))
    rows = _joined(rows, live, "customer_id", "rank")
    rows = rows.mutate(live=rows.live.fill_null(False))
    return view.snapshot.keep(rows.mutate(dropped_by=blocked_by(rows, RULES)))


def _joined(rows: ir.Table, more: ir.Table, *key: str) -> ir.Table:
    """All rows, with the columns of those of `more` that have the same key."""
    return rows.left_join(more, list(key)).drop(*(f"{name}_right" for name in key))


def _with_customer(view: View, rows: ir.Table) -> ir.Table:
    people = view.people.select("customer_id", "adult", person_blocked_by="blocked_by")
    customers = view.table(t.CUSTOMERS)
    shown = {
        name: customers[name].strip().nullif("")
        for name in ("name", "email", "phone", "city", "timezone")
    }
    of_customer = customers.select("customer_id", **shown)
    return _joined(_joined(rows, people, "customer_id"), of_customer, "customer_id")


def _with_opt_ins(view: View, rows: ir.Table) -> ir.Table:
    """Add `opted_in`, whether the customer agreed to the offer's channel, and `refused_channels`.

    Consent to contact in general may be assumed, for a customer who has opted in to nothing.
    """
    answers = view.opt_ins
    granted = answers.filter(answers.granted)
    refused = answers.filter(~answers.granted, answers.purpose != CONTACT)
    refused = refused.group_by("customer_id").aggregate(
        refused_channels=refused.purpose.group_concat(" ", order_by=refused.purpose)
    )
    rows = rows.mutate(purpose=rows.channel.fill_null(CONTACT))
    named = granted.select("customer_id", "purpose", named=ibis.literal(True))
    some = granted.select("customer_id", some=ibis.literal(True)).distinct()
    rows = _joined(rows, named, "customer_id", "purpose")
    rows = _joined(_joined(rows, some, "customer_id"), refused, "customer_id")
    assumed = ibis.literal(view.assume_consent) & rows.channel.isnull() & rows.some.isnull()
    return rows.mutate(opted_in=rows.named.notnull() | assumed).drop("purpose", "named", "some")


def _with_offer(view: View, rows: ir.Table) -> ir.Table:
    """Add `active`, whether the offer is valid, and its name; cut `until` to its end."""
    if view.offers is None:  # Each item is its own offer.
        return rows.mutate(active=ibis.literal(True), offer_name=rows.item_name)
    offers = view.offers.select(
        "offer_id", "valid_until", offer_name="name", active=ibis.literal(True)
    )
    rows = _joined(rows, offers, "offer_id")
    ends = [rows.until.fill_null(rows.valid_until), rows.valid_until.fill_null(rows.until)]
    return rows.mutate(
        active=rows.active.fill_null(False),
        offer_name=rows.offer_name.fill_null(rows.item_name),
        until=ibis.least(*ends),
    ).drop("valid_until")


def _with_item(view: View, rows: ir.Table) -> ir.Table:
    """Add `known`, whether the item may still be offered, and its name and price."""
    products, stores = view.table(t.PRODUCTS), view.stores
    names = ibis.union(
        products.select(item_kind=ibis.literal(PRODUCT), item_id="product_id", item_name="name"),
        stores.select(item_kind=ibis.literal(STORE), item_id="store_id", item_name="name"),
    )
    items = view.items.select(*ITEM, "price", known=ibis.literal(True))
    rows = _joined(_joined(rows, items, *ITEM), names, *ITEM)
    return rows.mutate(
        known=rows.known.fill_null(False), item_name=rows.item_name.fill_null(rows.item_id)
    )
