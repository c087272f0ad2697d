"""Interactions other than purchases: visits, views, searches, trips, life events and likes."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from followsuit.graph.schema import Col
from followsuit.simulator.behaviour.purchase_loop import cities_on
from followsuit.simulator.behaviour.setting import ONLINE, Sales
from followsuit.simulator.behaviour.surroundings import Stage
from followsuit.simulator.columns import day_of, ids, rows, take, times, words
from followsuit.simulator.draw import DAY, HOUR, Chance, Ints, Shorts
from followsuit.simulator.people.crowd import some_days, somebody
from followsuit.simulator.people.customers import People
from followsuit.simulator.people.journeys import Journeys
from followsuit.simulator.shop.places import CLOSE, OPEN, Shelves, city_names
from followsuit.simulator.shop.products import Catalogue
from followsuit.simulator.vocabulary import LIFE_EVENTS
from followsuit.simulator.world import World

_VISITS, _EVENTS = 0.2, 0.2
"""The number of visits, and of events, per purchase."""
_KINDS = ("view", "search", "basket", "trip", *(e.kind for e in LIFE_EVENTS))
_VIEW, _SEARCH, _BASKET, _TRIP, _LIFE = range(5)


@dataclass(frozen=True)
class Visits:
    """Visits to stores, in order of time; `second` counts from the start of the period."""

    customer: Ints
    store: Ints
    second: Ints


def build_visits(stage: Stage, sales: Sales, rng: Chance) -> Visits:
    """Draw visits: half before a purchase in the store, some on trips, the others at random."""
    world, journeys, shelves = stage.world, stage.journeys, stage.places.shelves
    count = round(_VISITS * world.purchases)
    bought = np.flatnonzero(sales.store != ONLINE)
    bought = np.sort(rng.choice(bought, min(count // 2, len(bought)), replace=False))
    trips = rng.integers(0, len(journeys.first), count // 20 if len(journeys.first) else 0)
    day = some_days(world, stage.catalogue, count - len(bought) - len(trips), rng)
    customer = np.concatenate([journeys.traveller[trips], somebody(stage.crowd, day, rng)])
    day = np.concatenate([_day_of_trip(world, journeys, trips, rng), day])
    customer, store, second = _strolls(shelves, journeys, customer, day, rng)
    visits = Visits(
        customer=np.concatenate([sales.customer[bought], customer]),
        store=np.concatenate([sales.store[bought], store]),
        second=np.concatenate([_before_purchase(shelves, sales, bought, rng), second]),
    )
    order = np.argsort(visits.second, kind="stable")
    return Visits(visits.customer[order], visits.store[order], visits.second[order])


def _day_of_trip(world: World, journeys: Journeys, trips: Ints, rng: Chance) -> Ints:
    first = journeys.first[trips].astype(np.int64)
    last = np.minimum(journeys.last[trips], world.days - 1)
    return rng.integers(first, last + 1)


def _strolls(
    shelves: Shelves, journeys: Journeys, customer: Ints, day: Ints, rng: Chance
) -> tuple[Ints, Ints, Ints]:
    """Visits to stores of each customer's city on the day; none if the city has no store."""
    city = cities_on(journeys, customer, day)
    stores = np.diff(shelves.first)[city]
    some = stores > 0
    customer, day, city = customer[some], day[some], city[some]
    store = shelves.first[city] + rng.integers(0, stores[some])
    local = OPEN + (CLOSE - OPEN) * rng.random((2, len(day))).mean(axis=0)
    return customer, store, day * DAY + local.astype(np.int64) - shelves.offset[city, day]


def _before_purchase(shelves: Shelves, sales: Sales, bought: Ints, rng: Chance) -> Ints:
    second = sales.second[bought].astype(np.int64)
    day = day_of(second)
    opened = day * DAY + OPEN - shelves.offset[shelves.city[sales.store[bought]], day]
    lead = rng.random(len(bought)) * np.minimum(second - opened, HOUR // 2)
    return second - lead.astype(np.int64)


def visit_table(world: World, visits: Visits) -> pa.Table:
    """The table `visits`."""
    return rows(
        "visits",
        {
            Col.VISIT_ID: ids("v", len(visits.second), least=6),
            Col.CUSTOMER_ID: take(ids("c", world.customers, least=4), visits.customer),
            Col.STORE_ID: take(ids("s", world.stores, least=3), visits.store),
            Col.AT: times(world, visits.second),
        },
    )


def event_table(stage: Stage, sales: Sales, rng: Chance) -> pa.Table:
    """The table `events`: views, searches, baskets, trips and life events."""
    world, journeys, lives = stage.world, stage.journeys, stage.lives
    life = np.flatnonzero(lives.kind >= 0)
    trips = len(journeys.first)
    n_before = round(_EVENTS * world.purchases) - len(life) - trips
    browse_kind, of = _events_before(sales, max(n_before, 0), rng)
    moved = np.where(journeys.moved[life] < world.days, journeys.after[life], -1)
    nothing = np.full(trips + len(life), -1)
    kind = np.concatenate([browse_kind, np.full(trips, _TRIP), _LIFE + lives.kind[life]])
    customer = np.concatenate([sales.customer[of], journeys.traveller, life])
    product = _browsed_products(stage.catalogue, sales, browse_kind, of, rng)
    second = np.concatenate(
        [
            _before(stage, sales, of, product, rng),
            journeys.first * np.int64(DAY) + rng.integers(5 * HOUR, 9 * HOUR, trips),
            lives.day[life] * np.int64(DAY) + rng.integers(8 * HOUR, 18 * HOUR, len(life)),
        ]
    )
    city = np.concatenate([np.full(len(of), -1), journeys.where, moved])
    days = np.zeros(len(kind))
    days[len(of) : len(of) + trips] = journeys.last - journeys.first + 1
    order = np.argsort(second, kind="stable")
    return rows(
        "events",
        {
            Col.EVENT_ID: ids("e", len(kind), least=6),
            Col.CUSTOMER_ID: take(ids("c", world.customers, least=4), customer[order]),
            Col.KIND: take(words(_KINDS), kind[order]),
            Col.AT: times(world, second[order]),
            Col.PRODUCT_ID: take(
                ids("p", world.products, least=4), np.concatenate([product, nothing])[order]
            ),
            Col.CITY: take(city_names(), city[order]),
            Col.VALUE: pa.array(days[order], mask=days[order] == 0),
        },
    )


def _events_before(sales: Sales, count: int, rng: Chance) -> tuple[Ints, Ints]:
    """The kinds of events that precede purchases (view, search, basket), and those purchases."""
    purchases = len(sales.customer)
    of = rng.integers(0, purchases, count if purchases else 0)
    share = rng.random(len(of))
    return np.where(share < 0.65, _VIEW, np.where(share < 0.85, _SEARCH, _BASKET)), of


def _browsed_products(
    catalogue: Catalogue, sales: Sales, browse_kind: Ints, of: Ints, rng: Chance
) -> Ints:
    """The products of these events: half the one bought, half another of its category."""
    product = sales.product[of].astype(np.int64)
    category = catalogue.category[product]
    reach = np.concatenate([[0.0], np.cumsum(catalogue.popularity)])
    low, high = reach[catalogue.start[category]], reach[catalogue.start[category + 1]]
    x = low + rng.random(len(of)) * (high - low)
    other = np.clip(
        np.searchsorted(reach[1:], x, side="right"),
        catalogue.start[category],
        catalogue.start[category + 1] - 1,
    )
    # A product can't be viewed before its launch.
    sold = catalogue.launch[other] <= day_of(sales.second[of])
    product = np.where((rng.random(len(of)) < 0.5) & sold, other, product)
    return np.where(browse_kind == _SEARCH, -1, product)


def _before(stage: Stage, sales: Sales, of: Ints, product: Ints, rng: Chance) -> Ints:
    """Times some days before the purchase, but after the customer joined and the launch."""
    second = sales.second[of].astype(np.int64)
    launch = np.where(product >= 0, stage.catalogue.launch[product], -1) * np.int64(DAY)
    earliest = np.maximum(np.maximum(launch, stage.people.joined[sales.customer[of]]), 0)
    lead = np.minimum(
        rng.exponential(1.5 * DAY, len(of)), rng.random(len(of)) * (second - earliest)
    )
    return second - lead.astype(np.int64)


def like_table(world: World, catalogue: Catalogue, people: People, rng: Chance) -> pa.Table:
    """The table `likes`: interests named after categories, by taste."""
    shape = people.taste.shape
    liked = rng.random(shape, dtype=np.float32) < np.minimum(2.0 * people.taste, 0.9)
    customer, category = np.nonzero(liked)
    joined = people.joined[customer]
    end = world.days * DAY
    at = joined + (rng.random(len(customer)) ** 2 * (end - joined)).astype(np.int64)
    return rows(
        "likes",
        {
            Col.CUSTOMER_ID: take(ids("c", world.customers, least=4), _signed(customer)),
            Col.INTEREST: take(words([c.name for c in catalogue.sold]), _signed(category)),
            Col.AT: times(world, at, rng.random(len(customer)) < 0.2),
        },
    )


def _signed(index: NDArray[np.intp]) -> Shorts:
    return index.astype(np.int32)
