"""The outcomes of contacts, and the truth on acceptance: how likely each offer is accepted."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from followsuit.core.compiled import compiled
from followsuit.graph import schema as g
from followsuit.graph.schema import Col
from followsuit.simulator.behaviour.contacts import Contacts
from followsuit.simulator.behaviour.setting import Sales
from followsuit.simulator.columns import ids, rows, take, times, words
from followsuit.simulator.draw import DAY, Chance, Flags, Floats, Ints
from followsuit.simulator.people.customers import People
from followsuit.simulator.people.friends import Ties
from followsuit.simulator.shop.offers_table import Offers
from followsuit.simulator.shop.products import Catalogue
from followsuit.simulator.vocabulary import CHANNELS
from followsuit.simulator.world import World

_BASE = -2.2
_LIKING, _ACTIVITY, _FIT = 0.8, 0.4, 0.5
"""Weights of taste (log of liking relative to the average), log activity, and style."""
_PERSUASION = 0.4
"""The weight of a friend's example for a customer who has an offer."""
_RECENT = 14 * DAY
_TREATED = 0.7
_UNASKED = 0.4
"""How often customers without an offer take its item, relative to customers with the offer but
without a friend's example."""
_WAIT = 14 * DAY
_RESPONSE = 3.0 * DAY

_COLUMNS: dict[str, pa.DataType] = {
    Col.CUSTOMER_ID: g.TEXT,
    Col.OFFER_ID: g.TEXT,
    Col.AS_OF: g.TIME,
    "with_trigger": g.NUMBER,
    "without_trigger": g.NUMBER,
}
ACCEPTANCE = pa.schema(_COLUMNS)
"""Columns of the truth on acceptance, a row for each contact in the contacts' order."""


@dataclass(frozen=True)
class Acceptance:
    """The probability that a shown offer is accepted, per contact.

    `with_trigger`: if a friend recently bought one of the offer's items; `without_trigger`: if none
    did. `friend_bought` is whether a friend did, in the 14 days before the contact.
    """

    with_trigger: Floats
    without_trigger: Floats
    friend_bought: Flags


class _Matches(NamedTuple):
    """The items of each offer: the indices that a purchase must match; -1 for none."""

    product: Ints
    category: Ints
    brand: Ints
    store: Ints


def build_acceptance(
    contacts: Contacts,
    people: People,
    catalogue: Catalogue,
    offers: Offers,
    ties: Ties,
    sales: Sales,
) -> Acceptance:
    """Compute the truth on acceptance for the contacts.

    Without a trigger the probability is logistic in taste, activity and style. A friend's example
    adds its own chance (noisy-or): it grows with how strongly the customer follows friends in the
    offer's category, and is 0 if the world has no influence.
    """
    alone = _alone(contacts, people, catalogue, offers)
    usual = float((ties.contagion * catalogue.shares).sum())
    contagion = np.append(ties.contagion, usual)[offers.topic[contacts.offer]]
    pull = _pull(contacts.customer, contagion, ties)
    swayed = -np.expm1(-_PERSUASION * len(ties.friend) / len(ties.limit) * pull)
    return Acceptance(
        with_trigger=np.where(swayed > 0, alone + (1 - alone) * swayed, alone),
        without_trigger=alone,
        friend_bought=_friend_bought(contacts, catalogue, offers, ties, sales),
    )


def _alone(contacts: Contacts, people: People, catalogue: Catalogue, offers: Offers) -> Floats:
    """The probability of acceptance without a friend's recent purchase."""
    customer, offer = contacts.customer, contacts.offer
    # Taste doesn't matter for offers on everything.
    liking = np.ones((len(customer), len(catalogue.sold) + 1))
    liking[:, :-1] = people.taste[customer] / catalogue.shares
    lift = np.log(liking[np.arange(len(customer)), offers.topic[offer]])
    style = (people.style[customer] * catalogue.style[offers.product[offer]]).sum(axis=1)
    fit = np.where(offers.product[offer] >= 0, style, 0.0)
    activity = np.log(people.activity[customer])
    score = _BASE + _LIKING * np.clip(lift, -2, 2) + _ACTIVITY * activity + _FIT * fit
    return np.asarray(1 / (1 + np.exp(-score)))


@compiled
def _pull(customer: Ints, contagion: Floats, ties: Ties) -> Floats:
    """Mean over a customer's friends of the probability of following one of them."""
    pull = np.zeros(len(customer))
    for i in range(len(customer)):
        low, high = ties.pointer[customer[i]], ties.pointer[customer[i] + 1]
        for e in range(low, high):
            u = ties.friend[e]
            theirs = ties.friend[ties.pointer[u] : ties.pointer[u + 1]]
            back = ties.pointer[u] + np.searchsorted(theirs, customer[i])
            pull[i] += ties.chance[back] * min(contagion[i], ties.limit[u]) / (high - low)
    return pull


def _friend_bought(
    contacts: Contacts, catalogue: Catalogue, offers: Offers, ties: Ties, sales: Sales
) -> Flags:
    by_customer = np.argsort(sales.customer, kind="stable")
    customers = np.arange(len(ties.limit) + 1)
    first = np.searchsorted(sales.customer, customers, sorter=by_customer)
    matches = _Matches(
        product=offers.product,
        category=np.maximum(offers.category, offers.interest),
        brand=offers.brand,
        store=offers.store,
    )
    return _find_friend_purchases(
        contacts.customer,
        contacts.second,
        contacts.offer,
        matches,
        catalogue.category,
        catalogue.brand,
        ties,
        sales,
        by_customer,
        first,
    )


@compiled
def _find_friend_purchases(
    customer: Ints,
    second: Ints,
    offer: Ints,
    matches: _Matches,
    category: Ints,
    brand: Ints,
    ties: Ties,
    sales: Sales,
    by_customer: Ints,
    first: Ints,
) -> Flags:
    """Whether a friend has recently bought one of the offer's items, by contact."""
    bought = np.zeros(len(customer), dtype=np.bool_)
    for i in range(len(customer)):
        o = offer[i]
        for e in range(ties.pointer[customer[i]], ties.pointer[customer[i] + 1]):
            since = max(ties.since[e], second[i] - _RECENT)
            for s in by_customer[first[ties.friend[e]] : first[ties.friend[e] + 1]]:
                p = sales.product[s]
                if since < sales.second[s] < second[i] and (
                    p == matches.product[o]
                    or category[p] == matches.category[o]
                    or brand[p] == matches.brand[o]
                    or (sales.store[s] >= 0 and sales.store[s] == matches.store[o])
                ):
                    bought[i] = True
    return bought


def contact_table(
    world: World, contacts: Contacts, offers: Offers, acceptance: Acceptance, rng: Chance
) -> pa.Table:
    """The table `contacts`; outcomes after the period are missing."""
    count = len(contacts.second)
    treated = rng.random(count) < _TREATED
    shown = np.where(acceptance.friend_bought, acceptance.with_trigger, acceptance.without_trigger)
    accepts = rng.random(count) < np.where(treated, shown, _UNASKED * acceptance.without_trigger)
    wait = np.minimum(60 + rng.exponential(_RESPONSE, count), _WAIT - 1).astype(np.int64)
    settled = contacts.second + np.where(accepts, wait, _WAIT)
    unknown = settled >= world.days * DAY
    outcome = np.where(unknown, -1, np.where(accepts, 0, 1))
    return rows(
        "contacts",
        {
            Col.CONTACT_ID: ids("k", count, least=5),
            Col.CUSTOMER_ID: take(ids("c", world.customers, least=4), contacts.customer),
            Col.OFFER_ID: take(ids("o", len(offers.topic), least=4), contacts.offer),
            Col.CHANNEL: take(words(CHANNELS), contacts.channel),
            Col.AT: times(world, contacts.second),
            Col.ARM: take(words(["treatment", "control"]), np.where(treated, 0, 1)),
            Col.OUTCOME: take(words(["accepted", "ignored"]), outcome),
            Col.OUTCOME_AT: times(world, settled, unknown),
        },
    )


def acceptance_table(contacts: pa.Table, acceptance: Acceptance) -> pa.Table:
    """The truth on acceptance for the rows of the table `contacts`."""
    return pa.Table.from_arrays(
        [
            contacts[Col.CUSTOMER_ID],
            contacts[Col.OFFER_ID],
            contacts[Col.AT],
            pa.array(acceptance.with_trigger),
            pa.array(acceptance.without_trigger),
        ],
        schema=ACCEPTANCE,
    )
