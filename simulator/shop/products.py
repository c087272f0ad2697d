"""Products, brands, the seasons of categories, and promotions."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from followsuit.graph.schema import Col
from followsuit.simulator.columns import ids, joined, rows, take, words
from followsuit.simulator.draw import (
    Chance,
    Floats,
    Ints,
    Shorts,
    apportion,
    directions,
    pick,
    uneven,
    unit,
)
from followsuit.simulator.vocabulary import (
    ADJECTIVES,
    BRAND_ENDS,
    BRAND_STARTS,
    CATEGORIES,
    Category,
)
from followsuit.simulator.world import World

_WEEK = (0.90, 0.88, 0.92, 1.00, 1.20, 1.45, 0.65)
"""Relative number of purchases from Monday to Sunday."""
_PRODUCTS_A_BRAND = 12
_MOST_BRANDS = 60
_ZIPF = 0.9
_NEW = 0.08
"""Share of products launched within the period."""
_PROMOTIONS = 0.5
"""Promotions per product and year."""


class Promotions(NamedTuple):
    """Times at which products `low` (included) to `high` (not) are `factor` times as popular.

    `first` and `last` are days of the period, both included. Everybody sees a promotion, so
    the purchases that follow from it aren't influence.
    """

    low: Shorts
    high: Shorts
    first: Shorts
    last: Shorts
    factor: Floats


@dataclass(frozen=True)
class Catalogue:
    """Products, numbered by category and within it by brand.

    Attributes:
        sold: the categories.
        season: (days, categories) demand relative to the category's usual demand.
        start: (categories + 1) the first product of each category.
        category: (products) index of the category.
        brand: (products) index of the brand.
        brands: names of the brands.
        price: (products) cents.
        margin: (products) cents per unit.
        popularity: (products) relative to others of the category.
        launch: (products) first day of sale; -1 if before the period.
        style: (products, 3) unit vectors; customers with a similar style like it more.
    """

    sold: tuple[Category, ...]
    season: Floats
    start: Ints
    category: Ints
    brand: Ints
    brands: list[str]
    price: Ints
    margin: Ints
    popularity: Floats
    launch: Shorts
    style: NDArray[np.float32]

    @property
    def shares(self) -> Floats:
        """(categories) share of purchases; they add up to 1."""
        weights = np.array([c.weight for c in self.sold])
        return np.asarray(weights / weights.sum())


def build_catalogue(world: World, rng: Chance) -> Catalogue:
    """Make the products."""
    sold = CATEGORIES[: world.products]
    counts = apportion(world.products, np.sqrt([c.weight for c in sold]), least=1)
    category = np.repeat(np.arange(len(sold)), counts)
    brand, brands = _brands(counts, rng)
    price = _prices(np.array([c.price for c in sold])[category], rng)
    share = np.array([c.margin for c in sold])[category] * rng.uniform(0.6, 1.3, len(price))
    start = np.concatenate([[0], np.cumsum(counts)])
    looks = directions(rng, len(brands))[brand] + 0.4 * directions(rng, world.products)
    return Catalogue(
        sold=sold,
        season=_seasons(world, sold),
        start=start,
        category=category,
        brand=brand,
        brands=brands,
        price=price,
        margin=np.rint(price * share).astype(np.int64),
        popularity=_popularity(counts, rng),
        launch=_launches(world, start, rng),
        style=unit(looks).astype(np.float32),
    )


def _brands(counts: Ints, rng: Chance) -> tuple[Ints, list[str]]:
    """A brand for each product, in order within each category, and the brands' names."""
    wanted = np.clip(counts // _PRODUCTS_A_BRAND, 1, _MOST_BRANDS)
    # There are fewer brands than the categories need, so some are in several categories.
    pool = max(int(wanted.max()), int(0.7 * wanted.sum()))
    parts = [
        np.sort(rng.permutation(pool)[:n][pick(rng, 1 / np.arange(1.0, n + 1), count)])
        for n, count in zip(wanted, counts, strict=True)
    ]
    names = rng.permutation([a + b for a in BRAND_STARTS for b in BRAND_ENDS])
    return np.concatenate(parts), [str(name) for name in names[:pool]]


def _prices(median: Floats, rng: Chance) -> Ints:
    """Prices in cents that end in 9."""
    cents = median * np.exp(rng.normal(0, 0.5, len(median))) * 100
    return np.maximum(cents.astype(np.int64) // 10, 2) * 10 + 9


def _popularity(counts: Ints, rng: Chance) -> Floats:
    ranks = [rng.permutation(n) + 1 for n in counts]
    return np.asarray(np.concatenate(ranks) ** -_ZIPF)


def _launches(world: World, start: Ints, rng: Chance) -> Shorts:
    launch = rng.integers(0, world.days, world.products)
    launch[rng.random(world.products) >= _NEW] = -1
    launch[start[:-1]] = -1  # A category always has something to sell.
    return launch.astype(np.int32)


def _seasons(world: World, sold: tuple[Category, ...]) -> Floats:
    year = np.datetime64(world.start, "Y")
    first = (np.datetime64(world.start, "D") - year.astype("datetime64[D]")).astype(int)
    day = first + np.arange(world.days)[:, None]
    peak = np.array([c.peak for c in sold])
    amplitude = np.array([c.amplitude for c in sold])
    return np.asarray(np.exp(amplitude * np.cos(2 * np.pi * (day - peak) / 365.25)))


def day_weights(world: World, catalogue: Catalogue) -> Floats:
    """(days) relative number of purchases, by weekday and season."""
    week = np.array(_WEEK)[(world.start.weekday() + np.arange(world.days)) % 7]
    return np.asarray(week * (catalogue.season * catalogue.shares).sum(axis=1))


def build_promotions(world: World, catalogue: Catalogue, rng: Chance) -> Promotions:
    """Draw promotions; none if the world's shock is 0."""
    year = world.days / 365
    count = max(3, round(_PROMOTIONS * world.products * year)) if world.shock else 0
    product = pick(rng, np.sqrt(catalogue.popularity), count)
    whole_brand = rng.random(count) < 0.3
    low, high = _brand_ranges(catalogue)
    first = rng.integers(0, world.days, count)
    strength = np.where(whole_brand, 8, 30) * uneven(rng, 0.5, count)
    return Promotions(
        low=np.where(whole_brand, low[product], product).astype(np.int32),
        high=np.where(whole_brand, high[product], product + 1).astype(np.int32),
        first=first.astype(np.int32),
        last=(first + rng.integers(2, 10, count)).astype(np.int32),
        factor=1 + world.shock * strength,
    )


def _brand_ranges(catalogue: Catalogue) -> tuple[Ints, Ints]:
    """For each product, the range of products of its brand and category."""
    key = catalogue.category * len(catalogue.brands) + catalogue.brand
    return np.searchsorted(key, key), np.searchsorted(key, key, side="right")


def product_table(world: World, catalogue: Catalogue, rng: Chance) -> pa.Table:
    """The table `products`."""
    nouns = [noun for c in catalogue.sold for noun in c.nouns]
    ends = np.cumsum([len(c.nouns) for c in catalogue.sold])
    sizes = np.array([len(c.nouns) for c in catalogue.sold])[catalogue.category]
    noun = (ends[catalogue.category] - 1) - rng.integers(0, sizes)
    brand = take(words(catalogue.brands), catalogue.brand)
    adjective = take(words(ADJECTIVES), rng.integers(0, len(ADJECTIVES), world.products))
    return rows(
        "products",
        {
            Col.PRODUCT_ID: ids("p", world.products, least=4),
            Col.NAME: joined([brand, adjective, take(words(nouns), noun)], " "),
            Col.CATEGORY: take(words([c.name for c in catalogue.sold]), catalogue.category),
            Col.BRAND: brand,
            Col.PRICE: pa.array(catalogue.price),
            Col.MARGIN: pa.array(catalogue.margin),
            Col.SENSITIVE: pa.array(
                np.array([c.sensitive for c in catalogue.sold])[catalogue.category]
            ),
        },
    )
