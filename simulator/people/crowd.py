"""The customers who can buy or visit on a day."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from followsuit.simulator.columns import day_of
from followsuit.simulator.draw import Chance, Floats, Ints, Shorts, within
from followsuit.simulator.people.customers import People
from followsuit.simulator.shop.products import Catalogue, day_weights
from followsuit.simulator.world import World


class Crowd(NamedTuple):
    """The customers in order of joining, with their tastes; for the compiled loops.

    Attributes:
        queue: (customers) indices in order of joining.
        reach: (customers) activity, cumulated along `queue`.
        present: (days) how many of `queue` had joined before the day.
        taste: (customers, categories) as in `People`.
        style: (customers, 3) as in `People`.
    """

    queue: Shorts
    reach: Floats
    present: Ints
    taste: NDArray[np.float32]
    style: NDArray[np.float32]


def build_crowd(world: World, people: People) -> Crowd:
    """Put the customers in order of joining."""
    queue = np.argsort(people.joined, kind="stable")
    day = day_of(people.joined)[queue]
    return Crowd(
        queue=queue.astype(np.int32),
        reach=np.cumsum(people.activity[queue]),
        present=np.searchsorted(day, np.arange(world.days)).astype(np.int64),
        taste=people.taste,
        style=people.style,
    )


def somebody(crowd: Crowd, days: Ints, rng: Chance) -> Ints:
    """Draw a customer for each day, in proportion to activity, who had joined before it."""
    x = rng.random(len(days)) * crowd.reach[crowd.present[days] - 1]
    place = within(np.searchsorted(crowd.reach, x, side="right"), len(crowd.queue))
    return crowd.queue[place].astype(np.int64)


def some_days(world: World, catalogue: Catalogue, size: int, rng: Chance) -> Ints:
    """Draw sorted days of the period, in proportion to how busy they are.

    Args:
        world: the settings of the world.
        catalogue: the products.
        size: how many days to draw.
        rng: random generator.
    """
    weights = day_weights(world, catalogue)
    return np.repeat(np.arange(world.days), rng.multinomial(size, weights / weights.sum()))
