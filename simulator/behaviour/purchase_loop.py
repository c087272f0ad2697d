"""The compiled purchase loop: each day's purchases, and the later ones that they cause.

A purchase has one of three causes. *Own*: a customer (by activity) chooses a category (by
taste, season and life events) and a product of it (by popularity, promotion and style). *Friend*:
after a customer's first purchase of a product, each friend who doesn't have it follows once, with
the tie's probability and an exponentially distributed delay. *Refill*: used-up products are bought
again. Purchases that are due on a day come first; own purchases fill the day's quota.
"""

import numpy as np

from followsuit.core.compiled import compiled
from followsuit.core.progress import Advance
from followsuit.simulator.behaviour.setting import (
    FRIEND,
    ONLINE,
    OWN,
    REFILL,
    Agenda,
    Market,
    Sales,
    Setting,
)
from followsuit.simulator.draw import DAY, HOUR, Chance, Floats, Ints, Shorts
from followsuit.simulator.people.crowd import Crowd
from followsuit.simulator.people.journeys import Journeys
from followsuit.simulator.shop.places import CLOSE, OPEN
from followsuit.simulator.shop.products import Promotions

# numba caches the compiled code by this file alone. When you change an imported constant, or a type
# in `setting`, touch this file too.
_WAKE, _SLEEP = 5 * HOUR, 24 * HOUR
_IN_STORE = 0.6
_LOYAL = 0.7
"""Share of the purchases in a store that are made in the customer's favourite one."""
_STYLE = 2.0
"""Weight of style: a fitting product is chosen exp(2 x this) times as often as its opposite."""
_TRIES = 64
_DELAY = 4.0
_LONGEST_DELAY = 13.0
"""Days. With the wait until stores open, a friend still follows within 14 days."""
_FREE = np.int64(-1)


def shop(
    rng: Chance, quota: Ints, setting: Setting, sales: Sales, agenda: Agenda, advance: Advance
) -> None:
    """Fill `sales`, day by day, until day d ends with `quota[d]` purchases in all.

    If more purchases are due than the quota allows, later days get fewer own purchases. Purchases
    that are due after the last day's quota are omitted, so that the total is exact. Control returns
    to Python between days, so that Ctrl-C works.

    Args:
        rng: random generator.
        quota: (days) cumulative number of purchases.
        setting: the setting.
        sales: the purchases to fill.
        agenda: an empty agenda.
        advance: called once per day.
    """
    owned = np.full(_table_size(len(sales.customer)), _FREE)
    done = 0
    for day in range(len(quota)):
        done = _shop_on(rng, day, quota[day], done, owned, setting, sales, agenda)
        advance(1)


@compiled
def _shop_on(
    rng: Chance,
    day: int,
    quota: int,
    done: int,
    owned: Ints,
    setting: Setting,
    sales: Sales,
    agenda: Agenda,
) -> int:
    """Add a day's purchases; returns the total number so far."""
    reach = np.empty(len(setting.market.popularity))
    _cumulate(day, setting.market, setting.promotions, reach)
    while done < len(sales.customer):
        due = _due(agenda, day)
        own = max(0, quota - done - len(due))
        if len(due) + own == 0:
            break
        batch = _collect(rng, day, due, own, setting, agenda, reach)
        done = _settle(rng, batch, done, owned, setting, sales, agenda)
    return done


def _table_size(entries: int) -> int:
    size = 16
    while size < 2 * entries:
        size *= 2
    return size


@compiled
def _cumulate(day: int, market: Market, promotions: Promotions, reach: Floats) -> None:
    """Cumulate the day's popularity of all products into `reach`."""
    for i in range(len(reach)):
        reach[i] = market.popularity[i] if market.launch[i] <= day else 0.0
    for p in range(len(promotions.low)):
        if promotions.first[p] <= day <= promotions.last[p]:
            reach[promotions.low[p] : promotions.high[p]] *= promotions.factor[p]
    for i in range(1, len(reach)):
        reach[i] += reach[i - 1]


@compiled
def _due(agenda: Agenda, day: int) -> Ints:
    """Take the day's entries off the agenda."""
    count = 0
    entry = agenda.head[day]
    while entry >= 0:
        count += 1
        entry = agenda.next[entry]
    entries = np.empty(count, dtype=np.int64)
    entry = agenda.head[day]
    for k in range(count):
        entries[k] = entry
        entry = agenda.next[entry]
    agenda.head[day] = -1
    return entries


@compiled
def _enter(agenda: Agenda, day: int, customer: int, product: int, after: int, cause: int) -> None:
    """Put a purchase on the agenda, unless its day is past the period."""
    if day >= len(agenda.head):
        return
    entry = agenda.used[0]
    agenda.used[0] += 1
    agenda.customer[entry] = customer
    agenda.product[entry] = product
    agenda.after[entry] = after
    agenda.cause[entry] = cause
    agenda.next[entry] = agenda.head[day]
    agenda.head[day] = entry


@compiled
def _collect(
    rng: Chance,
    day: int,
    due: Ints,
    own: int,
    setting: Setting,
    agenda: Agenda,
    reach: Floats,
) -> Sales:
    """The due and `own` further purchases of a day, in order of time."""
    size = len(due) + own
    batch = Sales(
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int8),
    )
    filled = 0
    for k in range(size):
        if k < len(due):
            entry = due[k]
            customer, product = agenda.customer[entry], agenda.product[entry]
            after, cause = agenda.after[entry], agenda.cause[entry]
        else:
            customer = _somebody(rng, day, setting.crowd)
            product = _something(rng, day, customer, setting, reach)
            after, cause = np.int32(day * DAY - 1), np.int8(OWN)
        second, store = _time_and_place(rng, day, customer, product, after, setting)
        if second < 0:
            _enter(agenda, day + 1, customer, product, after, cause)
            continue
        batch.customer[filled] = customer
        batch.product[filled] = product
        batch.second[filled] = second
        batch.store[filled] = store
        batch.cause[filled] = cause
        filled += 1
    return in_order(batch, filled)


@compiled
def in_order(sales: Sales, count: int) -> Sales:
    """The first `count` sales in order of time."""
    order = np.argsort(sales.second[:count], kind="mergesort")
    return Sales(
        sales.customer[order],
        sales.product[order],
        sales.second[order],
        sales.store[order],
        sales.cause[order],
    )


@compiled
def _somebody(rng: Chance, day: int, crowd: Crowd) -> int:
    reach = crowd.reach[: crowd.present[day]]
    place = np.searchsorted(reach, rng.random() * reach[-1], side="right")
    return int(crowd.queue[min(place, len(reach) - 1)])


@compiled
def _something(rng: Chance, day: int, customer: int, setting: Setting, reach: Floats) -> int:
    """A product by taste, season, popularity, promotion and style."""
    market, style = setting.market, setting.crowd.style
    category = _want(rng, day, customer, setting)
    low, high = market.start[category], market.start[category + 1]
    under = reach[low - 1] if low > 0 else 0.0
    product = low
    for _ in range(_TRIES):
        x = under + rng.random() * (reach[high - 1] - under)
        place = int(np.searchsorted(reach[low:high], x, side="right"))
        product = low + min(place, high - low - 1)
        fit = 0.0
        for d in range(3):
            fit += style[customer, d] * market.style[product, d]
        if rng.random() < np.exp(_STYLE * (fit - 1)):
            break
    return int(product)


@compiled
def _want(rng: Chance, day: int, customer: int, setting: Setting) -> int:
    """A category by taste, season and life events."""
    season, taste, lives = setting.market.season[day], setting.crowd.taste[customer], setting.lives
    reach = np.empty(len(taste))
    total = 0.0
    kind = lives.kind[customer]
    affected = kind >= 0 and 0 <= day - lives.day[customer] < lives.lasts[kind]
    for c in range(len(taste)):
        total += taste[c] * season[c]
        if affected and lives.category[kind] == c:
            total += taste[c] * season[c] * (lives.factor[kind] - 1)
        reach[c] = total
    wanted = int(np.searchsorted(reach, rng.random() * total, side="right"))
    return min(wanted, len(taste) - 1)


@compiled
def _time_and_place(
    rng: Chance, day: int, customer: int, product: int, after: int, setting: Setting
) -> tuple[int, int]:
    """Second and store of a purchase on a day, later than `after`; second -1 if it is too late."""
    shelves, market = setting.shelves, setting.market
    city = city_on(setting.journeys, customer, day)
    midnight = day * DAY - shelves.offset[city, day]
    earliest = after - midnight + 60
    shelf = city * (len(market.start) - 1) + market.category[product]
    low, high = shelves.pointer[shelf], shelves.pointer[shelf + 1]
    store = ONLINE
    if low < high and rng.random() < _IN_STORE and earliest < CLOSE:
        share, opens, closes = (rng.random() + rng.random()) / 2, OPEN, CLOSE
        favourite = (customer * 7919 + market.category[product]) % (high - low)
        other = rng.integers(0, high - low)
        store = int(shelves.store[low + (favourite if rng.random() < _LOYAL else other)])
    else:
        share, opens, closes = max(rng.random(), rng.random()), _WAKE, _SLEEP
    opens = max(opens, earliest)
    if opens >= closes:
        return -1, ONLINE
    return midnight + int(opens + (closes - opens) * share), store


@compiled
def _settle(
    rng: Chance,
    batch: Sales,
    done: int,
    owned: Ints,
    setting: Setting,
    sales: Sales,
    agenda: Agenda,
) -> int:
    """Add a batch of purchases; returns the total number so far."""
    products = len(setting.market.category)
    for k in range(len(batch.customer)):
        if done == len(sales.customer):
            break
        customer, product = batch.customer[k], batch.product[k]
        key = np.int64(customer) * products + product
        place = _place(owned, key)
        first = owned[place] == _FREE
        if batch.cause[k] == FRIEND and not first:
            continue
        owned[place] = key
        sales.customer[done] = customer
        sales.product[done] = product
        sales.second[done] = batch.second[k]
        sales.store[done] = batch.store[k]
        sales.cause[done] = batch.cause[k]
        done += 1
        if first:
            _set_example(rng, customer, product, batch.second[k], owned, setting, agenda)
        _use_up(rng, customer, product, batch.second[k], setting.market, agenda)
    return done


@compiled
def _place(owned: Ints, key: np.int64) -> int:
    """The position of a key in the hash table, or the free one for it."""
    mask = len(owned) - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    place = np.int64(mixed >> np.uint64(20)) & mask
    while owned[place] != _FREE and owned[place] != key:
        place = (place + 1) & mask
    return int(place)


@compiled
def _set_example(
    rng: Chance,
    customer: int,
    product: int,
    second: int,
    owned: Ints,
    setting: Setting,
    agenda: Agenda,
) -> None:
    """Let friends follow a first purchase."""
    ties, market = setting.ties, setting.market
    pull = min(ties.contagion[market.category[product]], ties.limit[customer])
    if pull == 0:
        return
    for e in range(ties.pointer[customer], ties.pointer[customer + 1]):
        if ties.since[e] > second or rng.random() >= pull * ties.chance[e]:
            continue
        key = np.int64(ties.friend[e]) * len(market.category) + product
        if owned[_place(owned, key)] == _FREE:
            delay = _LONGEST_DELAY
            while delay >= _LONGEST_DELAY:
                delay = rng.exponential(_DELAY)
            day = int((second + delay * DAY) // DAY)
            _enter(agenda, day, ties.friend[e], product, second, FRIEND)


@compiled
def _use_up(
    rng: Chance, customer: int, product: int, second: int, market: Market, agenda: Agenda
) -> None:
    """Put refills of used-up products on the agenda."""
    category = market.category[product]
    if rng.random() < market.refill[category]:
        days = max(1, round(market.every[category] * (1 + 0.15 * rng.standard_normal())))
        _enter(agenda, second // DAY + days, customer, product, second, REFILL)


@compiled
def city_on(journeys: Journeys, customer: int, day: int) -> int:
    """The city in which a customer is on a day."""
    for trip in range(journeys.pointer[customer], journeys.pointer[customer + 1]):
        if journeys.first[trip] <= day <= journeys.last[trip]:
            return int(journeys.where[trip])
    if day < journeys.moved[customer]:
        return int(journeys.before[customer])
    return int(journeys.after[customer])


@compiled
def cities_on(journeys: Journeys, customers: Ints, days: Ints) -> Shorts:
    """The cities in which customers are on days, row by row."""
    cities = np.empty(len(customers), dtype=np.int32)
    for i in range(len(customers)):
        cities[i] = city_on(journeys, customers[i], days[i])
    return cities
