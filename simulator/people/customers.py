"""Customers: who they are, what they like, and which community they belong to."""

import unicodedata
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from followsuit.graph.schema import Col
from followsuit.simulator.columns import (
    Column,
    dates,
    ids,
    joined,
    rows,
    take,
    times,
    words,
)
from followsuit.simulator.draw import (
    DAY,
    HOUR,
    Chance,
    Flags,
    Floats,
    Ints,
    Shorts,
    directions,
    pick,
    uneven,
    unit,
)
from followsuit.simulator.shop.places import city_names
from followsuit.simulator.shop.products import Catalogue
from followsuit.simulator.vocabulary import CITIES, FIRST_NAMES, LAST_NAMES
from followsuit.simulator.world import World

_COMMUNITY = 150
_STRONG = 0.9
"""Share of taste, and of homes, that a community has in common at homophily 1."""
_TASTE = 1.0
"""Deviation of the logarithm of a customer's liking for a category."""
_YEAR = 365.25
_YOUNGEST_TO_JOIN = 13


@dataclass(frozen=True)
class People:
    """Customers, in no particular order.

    Attributes:
        community: (customers) index of the community.
        home: (customers) city at the start of the period.
        taste: (customers, categories) share of purchases by category, without seasons; rows add
            up to 1.
        style: (customers, 3) unit vectors, to compare with those of products.
        activity: (customers) number of purchases, relative to the mean.
        birth: (customers) day of birth, from the start of the period.
        joined: (customers) second of joining, from the start of the period.
    """

    community: Ints
    home: Shorts
    taste: NDArray[np.float32]
    style: NDArray[np.float32]
    activity: Floats
    birth: Ints
    joined: Ints

    def age(self, day: int) -> Ints:
        """Whole years on a day of the period."""
        return np.floor((day - self.birth) / _YEAR).astype(np.int64)


def build_people(world: World, catalogue: Catalogue, rng: Chance) -> People:
    """Make the customers; `homophily` says how much a community has in common."""
    communities = max(1, round(world.customers / _COMMUNITY))
    community = pick(rng, uneven(rng, 0.7, communities), world.customers)
    birth = _births(world, rng)
    return People(
        community=community,
        home=_homes(world, community, communities, rng),
        taste=_tastes(world, community, communities, catalogue, rng),
        style=_styles(world, community, communities, rng),
        activity=uneven(rng, 0.9, world.customers),
        birth=birth,
        joined=_joined(world, birth, rng),
    )


def _homes(world: World, community: Ints, communities: int, rng: Chance) -> Shorts:
    weights = np.array([c.weight for c in CITIES])
    own = pick(rng, weights, world.customers)
    shared = pick(rng, weights, communities)[community]
    local = rng.random(world.customers) < _STRONG * world.homophily
    return np.where(local, shared, own).astype(np.int32)


def _shared(common: Floats, own: Floats, share: float) -> Floats:
    """Mix standard normal rows so that two of one community correlate by `share`."""
    return np.asarray(np.sqrt(share) * common + np.sqrt(1 - share) * own)


def _tastes(
    world: World, community: Ints, communities: int, catalogue: Catalogue, rng: Chance
) -> NDArray[np.float32]:
    categories = len(catalogue.sold)
    common = rng.standard_normal((communities, categories))[community]
    own = rng.standard_normal((world.customers, categories))
    liking = np.exp(_TASTE * _shared(common, own, _STRONG * world.homophily))
    liking *= catalogue.shares
    liking /= liking.sum(axis=1, keepdims=True)
    return liking.astype(np.float32)


def _styles(world: World, community: Ints, communities: int, rng: Chance) -> NDArray[np.float32]:
    common = directions(rng, communities)[community]
    own = directions(rng, world.customers)
    return unit(_shared(common, own, _STRONG * world.homophily)).astype(np.float32)


def _births(world: World, rng: Chance) -> Ints:
    """Ages from 14 to 85 at the end of the period; 4 % are minors."""
    adult = 18 + 67 * rng.beta(1.6, 2.4, world.customers)
    young = rng.uniform(14, 18, world.customers)
    age = np.where(rng.random(world.customers) < 0.04, young, adult)
    return world.days - np.floor(age * _YEAR).astype(np.int64) - 1


def _joined(world: World, birth: Ints, rng: Chance) -> Ints:
    day = -1 - np.minimum(rng.exponential(700, world.customers), 3000).astype(np.int64)
    new = rng.random(world.customers) < 0.1
    day = np.where(new, rng.integers(0, world.days, world.customers), day)
    day = np.maximum(day, birth + int(_YOUNGEST_TO_JOIN * _YEAR))
    day[np.argmin(day)] = min(-1, day.min())  # At least one customer joins before the first day.
    return np.asarray(day * DAY + rng.integers(7 * HOUR, 21 * HOUR, world.customers))


def customer_table(world: World, people: People, city: Shorts, rng: Chance) -> pa.Table:
    """The table `customers`.

    Args:
        world: the settings of the world.
        people: the customers.
        city: (customers) each customer's city at the end of the period.
        rng: random generator.
    """
    count = world.customers
    first = rng.integers(0, len(FIRST_NAMES), count)
    last = rng.integers(0, len(LAST_NAMES), count)
    return rows(
        "customers",
        {
            Col.CUSTOMER_ID: ids("c", count, least=4),
            Col.NAME: joined([take(words(FIRST_NAMES), first), take(words(LAST_NAMES), last)], " "),
            Col.BIRTH_DATE: dates(world, people.birth, rng.random(count) < 0.02),
            Col.CITY: take(city_names(), city),
            Col.JOINED_AT: times(world, people.joined),
            Col.EMAIL: _emails(first, last, rng),
            Col.PHONE: _phones(city, rng),
            Col.TIMEZONE: take(words([c.timezone for c in CITIES]), city),
        },
    )


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return letters.replace("'", "").lower()


def _emails(first: Ints, last: Ints, rng: Chance) -> Column:
    given = words([_plain(name) for name in FIRST_NAMES])
    family = words([_plain(name) for name in LAST_NAMES])
    number = _where(rng.random(len(first)) < 0.97, np.arange(len(first)) + 1)
    host = words(["example.com", "example.org"])
    address = joined([take(given, first), take(family, last), number], ".")
    return joined([address, take(host, rng.integers(0, 2, len(first)))], "@")


def _phones(city: Shorts, rng: Chance) -> Column:
    prefix = words([c.prefix for c in CITIES])
    number = _where(rng.random(len(city)) < 0.9, rng.integers(100_000, 1_000_000, len(city)))
    return joined([take(prefix, city), number], " 555 ")


def _where(present: Flags, numbers: Ints) -> Column:
    """Numbers as text; missing where not present."""
    return pa.array(numbers, mask=~present).cast(pa.string())
