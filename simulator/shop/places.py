"""Cities, their clocks, and the stores in them."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from followsuit.graph.schema import Col
from followsuit.simulator.columns import Column, ids, joined, rows, take, words
from followsuit.simulator.draw import HOUR, Chance, Floats, Ints, Shorts, apportion, pick
from followsuit.simulator.vocabulary import (
    BRAND_STARTS,
    CATEGORIES,
    CITIES,
    DEPARTMENT_STORE,
    DISTRICTS,
)
from followsuit.simulator.world import World

OPEN, CLOSE = 9 * HOUR, 20 * HOUR
"""When stores are open, by their city's clock."""

_DEPARTMENT_STORES = 0.4


class Shelves(NamedTuple):
    """Which stores sell what, and each city's clock: arrays for the compiled loops.

    Attributes:
        offset: (cities, days) seconds by which the city's clock is ahead of UTC.
        pointer: (cities * categories + 1) bounds in `store`, by city, then category.
        store: stores of a city that sell a category.
        first: (cities + 1) the first store of each city; stores are numbered by city.
        city: (stores) the city of a store.
    """

    offset: Shorts
    pointer: Ints
    store: Shorts
    first: Ints
    city: Shorts


@dataclass(frozen=True)
class Places:
    """Stores and cities; a department store's `category` is one past the last."""

    shelves: Shelves
    category: Ints
    latitude: Floats
    longitude: Floats


def build_places(world: World, categories: int, rng: Chance) -> Places:
    """Spread the stores over the cities, and decide what they sell."""
    weights = np.array([c.weight for c in CITIES])
    city = np.repeat(
        np.arange(len(CITIES)),
        apportion(world.stores, weights, least=int(world.stores >= len(CITIES))),
    )
    shares = np.array([c.weight for c in CATEGORIES[:categories]])
    category = pick(rng, shares, world.stores)
    category[rng.random(world.stores) < _DEPARTMENT_STORES] = categories
    scatter = rng.normal(0, 0.04, (2, world.stores))
    return Places(
        shelves=_shelves(world, city, category, categories),
        category=category,
        latitude=np.round(np.array([c.latitude for c in CITIES])[city] + scatter[0], 5),
        longitude=np.round(np.array([c.longitude for c in CITIES])[city] + scatter[1], 5),
    )


def _shelves(world: World, city: Ints, category: Ints, categories: int) -> Shelves:
    first = np.searchsorted(city, np.arange(len(CITIES) + 1)).astype(np.int64)
    lists = []
    for low, high in pairwise(first):
        own = np.arange(low, high)
        for c in range(categories):
            selling = own[(category[low:high] == c) | (category[low:high] == categories)]
            # If no store of the city sells the category, all of them do.
            lists.append(selling if len(selling) else own)
    pointer = np.concatenate([[0], np.cumsum([len(x) for x in lists])]).astype(np.int64)
    store = np.concatenate(lists).astype(np.int32)
    return Shelves(_offsets(world), pointer, store, first, city.astype(np.int32))


def _offsets(world: World) -> Shorts:
    days = [datetime.combine(world.start + timedelta(d), time(12)) for d in range(world.days)]
    zones = {c.timezone: ZoneInfo(c.timezone) for c in CITIES}
    by_zone = {
        name: [int((zone.utcoffset(day) or timedelta()).total_seconds()) for day in days]
        for name, zone in zones.items()
    }
    return np.array([by_zone[c.timezone] for c in CITIES], dtype=np.int32)


def city_names() -> Column:
    """The names of the cities, in their order."""
    return words([c.name for c in CITIES])


def store_table(world: World, places: Places, categories: int) -> pa.Table:
    """The table `stores`."""
    city = places.shelves.city
    rank = np.arange(world.stores) - places.shelves.first[city]
    chains = words([start + "mart" for start in BRAND_STARTS[:categories]] + ["Meridian"])
    district = take(words(DISTRICTS), rank % len(DISTRICTS))
    sold = [c.name for c in CATEGORIES[:categories]]
    return rows(
        "stores",
        {
            Col.STORE_ID: ids("s", world.stores, least=3),
            Col.NAME: joined(
                [take(chains, places.category), take(city_names(), city), district], " "
            ),
            Col.CATEGORY: take(words([*sold, DEPARTMENT_STORE]), places.category),
            Col.CITY: take(city_names(), city),
            Col.LATITUDE: pa.array(places.latitude),
            Col.LONGITUDE: pa.array(places.longitude),
        },
    )
