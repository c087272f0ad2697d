"""The settings of a simulated world."""

from dataclasses import dataclass
from datetime import date

from followsuit.core.errors import FollowsuitError


class WorldError(FollowsuitError):
    """The settings of the world aren't valid."""


_SIZES = {
    "customers": (1, 20_000_000),
    "products": (1, 5_000_000),
    "stores": (1, 1_000_000),
    "friendships": (0, 150_000_000),
    "purchases": (0, 150_000_000),
    "days": (1, 3650),
    "seed": (0, 2**64 - 1),
}
_DIALS = ("homophily", "influence", "shock", "dirt")
_YEARS = (1980, 2200)


@dataclass(frozen=True)
class World:
    """The settings of a world; they determine everything else.

    Attributes:
        customers: rows of `customers`.
        products: rows of `products`.
        stores: rows of `stores`.
        friendships: rows of `friendships`, each undirected and named once.
        purchases: rows of `purchases` within the period.
        days: length of the period.
        homophily: how much friends share taste and city: 0 not at all, 1 strongly.
        influence: how strongly friends follow each other: a first purchase causes about
            0.6 x `influence` purchases by friends; 0 none.
        shock: strength of promotions, which all customers see at once: 0 none.
        dirt: share of faulty rows in the files: 0 none, 1 about 5 %.
        seed: random seed; equal settings give the same world to the byte.
        start: first day (UTC) of the period.

    Raises:
        WorldError: a value is out of its range, or the values contradict each other.
    """

    customers: int = 10_000
    products: int = 1_000
    stores: int = 50
    friendships: int = 60_000
    purchases: int = 100_000
    days: int = 365
    homophily: float = 0.5
    influence: float = 0.5
    shock: float = 0.3
    dirt: float = 0.0
    seed: int = 0
    start: date = date(2025, 1, 1)

    def __post_init__(self) -> None:
        for name, (low, high) in _SIZES.items():
            _check_size(name, getattr(self, name), low, high)
        for name in _DIALS:
            _check_dial(name, getattr(self, name))
        if not _YEARS[0] <= self.start.year <= _YEARS[1]:
            raise WorldError(
                f"start is {self.start}; choose a day of the years {_YEARS[0]} to {_YEARS[1]}."
            )
        pairs = self.customers * (self.customers - 1) // 2
        if self.friendships > pairs:
            raise WorldError(
                f"friendships is {self.friendships}, but {self.customers} customers make only "
                f"{pairs} pairs; ask for at most {pairs} friendships or for more customers."
            )


def _check_size(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WorldError(f"{name} is {value!r}; give a whole number from {low} to {high}.")
    if not low <= value <= high:
        raise WorldError(f"{name} is {value}; give a whole number from {low} to {high}.")


def _check_dial(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise WorldError(f"{name} is {value!r}; give a number from 0 (none) to 1 (strong).")
