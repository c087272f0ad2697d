"""The inputs, agenda and result of the compiled purchase loop."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from followsuit.simulator.draw import Floats, Ints, Shorts
from followsuit.simulator.people.crowd import Crowd
from followsuit.simulator.people.friends import Ties
from followsuit.simulator.people.journeys import Journeys, Lives
from followsuit.simulator.shop.places import Shelves
from followsuit.simulator.shop.products import Promotions

OWN, FRIEND, REFILL = 0, 1, 2
ONLINE = -1


class Market(NamedTuple):
    """The products; arrays are as in `Catalogue`, `refill` and `every` are by category."""

    start: Ints
    category: Shorts
    popularity: Floats
    launch: Shorts
    style: NDArray[np.float32]
    season: Floats
    refill: Floats
    every: Floats


class Sales(NamedTuple):
    """Purchases, in order of time.

    Attributes:
        customer: the buyer.
        product: the product.
        second: time in UTC, in seconds from the start of the period.
        store: the store; -1 online.
        cause: `OWN`, `FRIEND` or `REFILL`.
    """

    customer: Shorts
    product: Shorts
    second: Shorts
    store: Shorts
    cause: NDArray[np.int8]


class Setting(NamedTuple):
    """Everything that stays the same during the simulation."""

    crowd: Crowd
    market: Market
    promotions: Promotions
    shelves: Shelves
    journeys: Journeys
    lives: Lives
    ties: Ties


class Agenda(NamedTuple):
    """Future purchases, in a linked list for each day of the period.

    `head` (days) is the latest entry of a day and `next` the one entered before it, -1 for none;
    `used` (1) counts entries. A purchase takes place later than the second `after`.
    """

    head: Ints
    next: Ints
    used: Ints
    customer: Shorts
    product: Shorts
    after: Shorts
    cause: NDArray[np.int8]


def agenda_for(days: int, purchases: int) -> Agenda:
    """An empty agenda with room for all purchases that `purchases` can cause.

    On average a purchase causes at most 0.95 purchases by friends and 0.45 refills. More than the
    room would be many standard deviations above the mean of the sum.
    """
    room = purchases * 3 // 2 + 1000
    return Agenda(
        head=np.full(days, -1, dtype=np.int64),
        next=np.empty(room, dtype=np.int64),
        used=np.zeros(1, dtype=np.int64),
        customer=np.empty(room, dtype=np.int32),
        product=np.empty(room, dtype=np.int32),
        after=np.empty(room, dtype=np.int32),
        cause=np.empty(room, dtype=np.int8),
    )
