"""The words and numbers that make a simulated world resemble a real shop."""

import tomllib
from importlib import resources
from typing import NamedTuple


class City(NamedTuple):
    """A city; `weight` is its relative number of customers, `prefix` that of its phone numbers."""

    name: str
    weight: float
    timezone: str
    latitude: float
    longitude: float
    prefix: str


class Category(NamedTuple):
    """A category of products.

    `weight` is its share of purchases, `price` the median in the currency's unit, `margin` a share
    of the price; demand peaks on the `peak`-th day of the year with `amplitude` (of the logarithm).
    `kappa` is how contagious it is (about 1 on average). The share `refill` of its purchases is
    repeated after about `every` days.
    """

    name: str
    weight: float
    price: float
    margin: float
    peak: int
    amplitude: float
    kappa: float
    refill: float
    every: int
    nouns: tuple[str, ...]
    sensitive: bool = False


class LifeEvent(NamedTuple):
    """A life event: the share of adults per year who have it, their ages, and what they then buy.

    For `days` after it, `category` is bought `factor` times as often.
    """

    kind: str
    rate: float
    ages: tuple[int, int]
    category: str
    factor: float
    days: int


_FILE = tomllib.loads(
    resources.files("followsuit.simulator").joinpath("vocabulary.toml").read_text("utf-8")
)
CITIES = tuple(City(**row) for row in _FILE["city"])
CATEGORIES = tuple(Category(**row | {"nouns": tuple(row["nouns"])}) for row in _FILE["category"])
LIFE_EVENTS = tuple(LifeEvent(**row | {"ages": tuple(row["ages"])}) for row in _FILE["life_event"])
FIRST_NAMES, LAST_NAMES = tuple(_FILE["first_names"]), tuple(_FILE["last_names"])
BRAND_STARTS, BRAND_ENDS = tuple(_FILE["brand_starts"]), tuple(_FILE["brand_ends"])
ADJECTIVES, DISTRICTS = tuple(_FILE["adjectives"]), tuple(_FILE["districts"])

DEPARTMENT_STORE = "department store"
"""The category of stores that sell everything."""

PROGRAMS = ("club", "gold card", "student")
PURPOSES = {"social_use": 0.75, "named_use": 0.25, "email": 0.65, "sms": 0.35, "push": 0.45}
"""The purposes of consent, and the share of customers who grant each."""
CHANNELS = ("email", "sms", "push")
"""The channels among `PURPOSES`."""
