"""What the compiled loop of purchases works on: its setting, its agenda and its result."""

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
    """What is sold; the columns are as in `Catalogue`, `refill` and `every` by category."""

    start: Ints
    category: Shorts
    popularity: Floats
    launch: Shorts
    style: NDArray[np.float32]
    season: Floats
    refill: Floats
    every: Floats


class Sales(NamedTuple):
    """Purchases, filled one by one.

    Attributes:
        customer: the buyer.
        product: what is bought.
        second: of the period, in UTC.
        store: where; -1 online.
        cause: `OWN`, `FRIEND` or `REFILL`.
    """

    customer: Shorts
    product: Shorts
    second: Shorts
    store: Shorts
    cause: NDArray[np.int8]


class Setting(NamedTuple):
    """All that does not change while the days go by."""

    crowd: Crowd
    market: Market
    promotions: Promotions
    shelves: Shelves
    journeys: Journeys
    lives: Lives
    ties: Ties


class Agenda(NamedTuple):
    """Purchases that are to come, in a linked list for each day of the period.

    `head` (days) is the latest entry of a day and `next` the one entered before it, -1 for none;
    `used` (1) counts entries. The other columns say who, what, since when (second) and why.
    """

    head: Ints
    next: Ints
    used: Ints
    customer: Shorts
    product: Shorts
    after: Shorts
    cause: NDArray[np.int8]


def agenda_for(days: int, purchases: int) -> Agenda:
    """An empty agenda with room for all that `purchases` can cause.

    A purchase causes at most 0.95 of friends' and 0.45 of its own refills on average; what is
    past that is many deviations of their sum.
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
