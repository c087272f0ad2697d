"""Purchases: the inputs of the compiled loop, and the table of its result."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from followsuit.core.progress import Advance
from followsuit.graph.schema import Col
from followsuit.simulator.behaviour.purchase_loop import in_order, shop
from followsuit.simulator.behaviour.setting import ONLINE, Market, Sales, Setting, agenda_for
from followsuit.simulator.behaviour.surroundings import Stage
from followsuit.simulator.columns import ids, rows, take, times, words
from followsuit.simulator.draw import Chance, Ints, apportion
from followsuit.simulator.shop.products import Catalogue, day_weights
from followsuit.simulator.world import World

_CHEAP = 2_000
"""Cents up to which several pieces are often bought at once."""
_MOST_PIECES = 6


def _market(catalogue: Catalogue) -> Market:
    return Market(
        start=catalogue.start,
        category=catalogue.category.astype(np.int32),
        popularity=catalogue.popularity,
        launch=catalogue.launch,
        style=catalogue.style,
        season=catalogue.season,
        refill=np.array([c.refill for c in catalogue.sold], dtype=np.float64),
        every=np.array([c.every for c in catalogue.sold], dtype=np.float64),
    )


def build_sales(stage: Stage, rng: Chance, advance: Advance) -> Sales:
    """Simulate the purchases, in order of time; calls `advance` once per day."""
    world, catalogue = stage.world, stage.catalogue
    setting = Setting(
        crowd=stage.crowd,
        market=_market(catalogue),
        promotions=stage.promotions,
        shelves=stage.places.shelves,
        journeys=stage.journeys,
        lives=stage.lives,
        ties=stage.ties,
    )
    count = world.purchases
    sales = Sales(
        customer=np.empty(count, dtype=np.int32),
        product=np.empty(count, dtype=np.int32),
        second=np.empty(count, dtype=np.int32),
        store=np.empty(count, dtype=np.int32),
        cause=np.empty(count, dtype=np.int8),
    )
    quota = np.cumsum(apportion(count, day_weights(world, catalogue)))
    shop(rng, quota, setting, sales, agenda_for(world.days, count), advance)
    return in_order(sales, count)


def pieces(price: Ints, rng: Chance) -> Ints:
    """How many pieces each purchase has."""
    one = np.where(price <= _CHEAP, 0.75, 0.97)
    more = np.floor(np.log1p(-rng.random(len(price))) / np.log1p(-one)).astype(np.int64)
    return np.minimum(1 + more, _MOST_PIECES)


def purchase_table(world: World, catalogue: Catalogue, sales: Sales, rng: Chance) -> pa.Table:
    """The table `purchases`."""
    count = world.purchases
    price = catalogue.price[sales.product]
    quantity = pieces(price, rng)
    return rows(
        "purchases",
        {
            Col.PURCHASE_ID: ids("t", count, least=6),
            Col.CUSTOMER_ID: take(ids("c", world.customers, least=4), sales.customer),
            Col.PRODUCT_ID: take(ids("p", world.products, least=4), sales.product),
            Col.AT: times(world, sales.second),
            Col.STORE_ID: take(ids("s", world.stores, least=3), sales.store),
            Col.QUANTITY: pa.array(quantity.astype(np.float64)),
            Col.AMOUNT: pa.array(price * quantity),
            Col.CURRENCY: take(words(["EUR"]), np.zeros(count, dtype=np.int8)),
            Col.CHANNEL: take(words(["store", "web", "app"]), _channels(sales.store, rng)),
        },
    )


def _channels(store: NDArray[np.int32], rng: Chance) -> NDArray[np.int8]:
    online = np.where(rng.random(len(store)) < 0.55, 1, 2)
    return np.where(store == ONLINE, online, 0).astype(np.int8)
