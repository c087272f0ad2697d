"""Contacts: the offers sent to customers, with time and channel."""

from dataclasses import dataclass

import numpy as np

from followsuit.simulator.draw import DAY, HOUR, Chance, Flags, Ints
from followsuit.simulator.people.customers import People
from followsuit.simulator.people.programs import Consents, Memberships
from followsuit.simulator.shop.offers_table import Offers
from followsuit.simulator.vocabulary import CHANNELS, PURPOSES
from followsuit.simulator.world import World

_PER_CUSTOMER = 0.3


@dataclass(frozen=True)
class Contacts:
    """Contacts, in order of time; `channel` indexes `CHANNELS`, `second` counts from the start."""

    customer: Ints
    offer: Ints
    channel: Ints
    second: Ints


def build_contacts(
    world: World,
    people: People,
    offers: Offers,
    memberships: Memberships,
    consents: Consents,
    rng: Chance,
) -> Contacts:
    """Contact adults by a channel they opted in to, with active offers that they may use."""
    wanted = round(_PER_CUSTOMER * world.customers)
    size = 3 * wanted + 20
    customer = rng.integers(0, world.customers, size)
    day = rng.integers(0, world.days, size)
    second = day * DAY + rng.integers(7 * HOUR, 19 * HOUR, size)
    offer = _some_offer(world, offers, day, rng)
    channel = _some_channel(consents, customer, second, rng)
    possible = (
        (offer >= 0)
        & (channel >= 0)
        & (people.joined[customer] < second)
        & (people.age(0)[customer] >= 18)
        & _may_use(memberships, offers.program[offer], customer, second)
    )
    chosen = np.flatnonzero(possible)[:wanted]
    chosen = chosen[np.argsort(second[chosen], kind="stable")]
    return Contacts(customer[chosen], offer[chosen], channel[chosen], second[chosen])


def _some_offer(world: World, offers: Offers, day: Ints, rng: Chance) -> Ints:
    """An active offer on each day; -1 if there is none."""
    lists = [offers.active_on(d) for d in range(world.days)]
    counts = np.array([len(x) for x in lists])
    first = np.cumsum(counts) - counts
    place = first[day] + np.floor(rng.random(len(day)) * counts[day]).astype(np.int64)
    every = np.concatenate([*lists, [-1]])
    return np.where(counts[day] > 0, every[np.minimum(place, len(every) - 1)], -1)


def _some_channel(consents: Consents, customer: Ints, second: Ints, rng: Chance) -> Ints:
    """A channel that each customer has opted in to at that time; -1 if there is none."""
    columns = [list(PURPOSES).index(c) for c in CHANNELS]
    granted = consents.granted[customer][:, columns]
    still = consents.withdrawn[customer][:, columns] > second[:, None]
    liking = np.where(granted & still, rng.random((len(customer), len(columns))), -1.0)
    return np.where(liking.max(axis=1) < 0, -1, liking.argmax(axis=1))


def _may_use(memberships: Memberships, program: Ints, customer: Ints, second: Ints) -> Flags:
    held = memberships.since[customer, program] <= second
    held &= second < memberships.until[customer, program]
    return held | (program < 0)
