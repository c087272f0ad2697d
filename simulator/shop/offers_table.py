"""Offers: their items, their customers, and when they are active."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from followsuit.graph.schema import Col
from followsuit.simulator.columns import ids, joined, rows, take, times, words
from followsuit.simulator.draw import DAY, Chance, Flags, Ints, pick
from followsuit.simulator.shop.places import Places
from followsuit.simulator.shop.products import Catalogue
from followsuit.simulator.vocabulary import DEPARTMENT_STORE, PROGRAMS
from followsuit.simulator.world import World

_ON = ("product", "category", "brand", "store", "interest")
_SHARES = (0.40, 0.25, 0.15, 0.15, 0.05)
_FOR_MEMBERS = 0.15
_SHORTEST, _LONGEST = 30, 90


@dataclass(frozen=True)
class Offers:
    """Offers, in order of their start.

    `product`, `category`, `brand`, `store`, `program` and `interest` are indices, -1 where the
    offer doesn't name one. `topic` is the category whose taste matters, one past the last for
    offers on everything. `opens` and `closes` are seconds from the start of the period, `cost` and
    `value` cents.
    """

    product: Ints
    category: Ints
    brand: Ints
    store: Ints
    program: Ints
    interest: Ints
    topic: Ints
    opens: Ints
    closes: Ints
    cost: Ints
    value: Ints

    def active_on(self, day: int) -> Ints:
        """The offers that are active for the whole day."""
        return np.flatnonzero((self.opens <= day * DAY) & (self.closes >= (day + 1) * DAY))


def build_offers(world: World, catalogue: Catalogue, places: Places, rng: Chance) -> Offers:
    """Make offers whose validity is spread evenly over the period and beyond its ends."""
    count = max(40, world.products // 10, world.days // 5)
    on = rng.choice(len(_ON), count, p=_SHARES)
    product = pick(rng, np.sqrt(catalogue.popularity), count)
    store = rng.integers(0, world.stores, count)
    topic = np.where(_is(on, "store"), places.category[store], catalogue.category[product])
    spread = world.days + _LONGEST - _SHORTEST
    opens = _SHORTEST - _LONGEST + (np.arange(count) + rng.random(count)) / count * spread
    member = rng.integers(0, len(PROGRAMS), count)
    price, margin = catalogue.price[product], catalogue.margin[product]
    return Offers(
        product=np.where(_is(on, "product"), product, -1),
        category=np.where(_is(on, "category"), topic, -1),
        brand=np.where(_is(on, "brand"), catalogue.brand[product], -1),
        store=np.where(_is(on, "store"), store, -1),
        program=np.where(rng.random(count) < _FOR_MEMBERS, member, -1),
        interest=np.where(_is(on, "interest"), topic, -1),
        topic=topic,
        opens=opens.astype(np.int64) * DAY,
        closes=(opens.astype(np.int64) + rng.integers(_SHORTEST, _LONGEST + 1, count)) * DAY,
        cost=np.rint(price * rng.uniform(0.02, 0.10, count)).astype(np.int64),
        value=np.rint(margin * rng.uniform(1.0, 2.5, count)).astype(np.int64),
    )


def _is(on: Ints, what: str) -> Flags:
    return np.asarray(on == _ON.index(what))


def offer_table(world: World, catalogue: Catalogue, offers: Offers, rng: Chance) -> pa.Table:
    """The table `offers`."""
    sold = [c.name for c in catalogue.sold]
    deals = words(["10 % off", "Two for one on", "Double points on", "A gift with", "20 % off"])
    deal = rng.integers(0, len(deals), len(offers.topic))
    return rows(
        "offers",
        {
            Col.OFFER_ID: ids("o", len(offers.topic), least=4),
            Col.NAME: joined(
                [take(deals, deal), take(words([*sold, DEPARTMENT_STORE]), offers.topic)], " "
            ),
            Col.PRODUCT_ID: take(ids("p", world.products, least=4), offers.product),
            Col.CATEGORY: take(words(sold), offers.category),
            Col.BRAND: take(words(catalogue.brands), offers.brand),
            Col.STORE_ID: take(ids("s", world.stores, least=3), offers.store),
            Col.PROGRAM: take(words(PROGRAMS), offers.program),
            Col.INTEREST: take(words(sold), offers.interest),
            Col.VALID_FROM: times(world, offers.opens),
            Col.VALID_UNTIL: times(world, offers.closes),
            Col.COST: pa.array(offers.cost),
            Col.VALUE: pa.array(offers.value),
        },
    )
