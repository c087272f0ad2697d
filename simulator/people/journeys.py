"""Trips and life events: where customers are on a day, and what they then buy more often."""

from typing import NamedTuple

import numpy as np

from followsuit.simulator.columns import day_of
from followsuit.simulator.draw import (
    Chance,
    Floats,
    Ints,
    Shorts,
    pick,
)
from followsuit.simulator.people.customers import People
from followsuit.simulator.shop.products import Catalogue
from followsuit.simulator.vocabulary import CITIES, LIFE_EVENTS
from followsuit.simulator.world import World

_TRIPS = 0.3
"""Trips per customer and year."""
_NEVER = 1_000_000


class Journeys(NamedTuple):
    """Where customers are, for the compiled loops. Days count from the start of the period.

    Attributes:
        pointer: (customers + 1) bounds of each customer's trips.
        traveller: (trips) the customer.
        first: (trips) day of departure, part of the trip.
        last: (trips) day of return, part of the trip.
        where: (trips) city.
        before: (customers) home city before `moved`.
        after: (customers) home city from `moved` on.
        moved: (customers) first day in the new home; far beyond the period for most.
    """

    pointer: Ints
    traveller: Ints
    first: Shorts
    last: Shorts
    where: Shorts
    before: Shorts
    after: Shorts
    moved: Ints


class Lives(NamedTuple):
    """Life events, at most one per customer, for the compiled loops.

    Attributes:
        kind: (customers) index into `LIFE_EVENTS`; -1 for none.
        day: (customers) day of the event.
        category: (kinds) the category bought more often; -1 if this world doesn't sell it.
        factor: (kinds) how many times as often.
        lasts: (kinds) for how many days.
    """

    kind: Shorts
    day: Shorts
    category: Shorts
    factor: Floats
    lasts: Shorts


def build_lives(world: World, people: People, catalogue: Catalogue, rng: Chance) -> Lives:
    """Draw life events for customers of the right age."""
    rates = np.array([e.rate for e in LIFE_EVENTS]) * world.days / 365
    kind = np.searchsorted(np.cumsum(rates), rng.random(world.customers), side="right")
    day = rng.integers(0, world.days, world.customers)
    low, high = np.array([e.ages for e in LIFE_EVENTS] + [(0, 0)])[kind].T
    age = people.age(0)
    apt = (age >= low) & (age < high) & (day_of(people.joined) < day)
    names = [c.name for c in catalogue.sold]
    return Lives(
        kind=np.where(apt, kind, -1).astype(np.int32),
        day=day.astype(np.int32),
        category=np.array(
            [names.index(e.category) if e.category in names else -1 for e in LIFE_EVENTS],
            dtype=np.int32,
        ),
        factor=np.array([e.factor for e in LIFE_EVENTS]),
        lasts=np.array([e.days for e in LIFE_EVENTS], dtype=np.int32),
    )


def build_journeys(world: World, people: People, lives: Lives, rng: Chance) -> Journeys:
    """Draw trips, and the new cities of customers who move."""
    kinds = [e.kind for e in LIFE_EVENTS]
    moves = lives.kind == kinds.index("moved")
    after = np.where(moves, _elsewhere(people.home, rng), people.home).astype(np.int32)
    moved = np.where(moves, lives.day, _NEVER).astype(np.int64)
    traveller, first, last = _trips(world, people, rng)
    home = np.where(first < moved[traveller], people.home[traveller], after[traveller])
    return Journeys(
        pointer=np.searchsorted(traveller, np.arange(world.customers + 1)).astype(np.int64),
        traveller=traveller,
        first=first.astype(np.int32),
        last=last.astype(np.int32),
        where=_elsewhere(home.astype(np.int32), rng),
        before=people.home,
        after=after,
        moved=moved,
    )


def _elsewhere(home: Shorts, rng: Chance) -> Shorts:
    """A city that is not home; large ones more often."""
    city = pick(rng, np.array([c.weight for c in CITIES]), len(home))
    other = rng.integers(1, len(CITIES), len(home))
    return np.where(city == home, (home + other) % len(CITIES), city).astype(np.int32)


def _trips(world: World, people: People, rng: Chance) -> tuple[Ints, Ints, Ints]:
    """Traveller, first and last day, sorted; trips of a customer don't overlap."""
    count = rng.poisson(_TRIPS * world.customers * world.days / 365)
    traveller = rng.integers(0, world.customers, count)
    first = rng.integers(0, world.days, count)
    last = first + rng.integers(1, 14, count)
    known = day_of(people.joined)[traveller] < first
    order = np.lexsort((first, traveller))
    order = order[known[order]]
    traveller, first, last = traveller[order], first[order], last[order]
    span = world.days + 30
    back = np.maximum.accumulate(traveller * span + last)
    free = np.ones(len(order), dtype=np.bool_)
    free[1:] = traveller[1:] * span + first[1:] > back[:-1]
    return traveller[free], first[free], last[free]
