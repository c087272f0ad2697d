"""Memberships and consents."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from followsuit.graph.schema import Col
from followsuit.simulator.columns import ids, rows, take, times, words
from followsuit.simulator.draw import DAY, Chance, Flags, Ints
from followsuit.simulator.people.customers import People
from followsuit.simulator.vocabulary import PROGRAMS, PURPOSES
from followsuit.simulator.world import World

NEVER = np.int64(2**60)
_CLUB, _GOLD, _STUDENT = range(len(PROGRAMS))
_WITHDRAWN = 0.05
_PLAIN_NO = 0.15
"""Share of customers without a consent who record a refusal."""


@dataclass(frozen=True)
class Memberships:
    """(customers, programs) seconds from the start of the period; `NEVER` if none."""

    since: Ints
    until: Ints


@dataclass(frozen=True)
class Consents:
    """(customers, purposes) arrays.

    `granted` is whether the customer consented on joining, `refused` whether they recorded a
    refusal then. `withdrawn` is the time of a withdrawal, in seconds from the start of the period,
    or `NEVER`.
    """

    granted: Flags
    refused: Flags
    withdrawn: Ints


def build_memberships(world: World, people: People, rng: Chance) -> Memberships:
    """Draw memberships: club for everybody, gold for frequent buyers, student for the young."""
    count, end = world.customers, world.days * DAY
    age = people.age(world.days)
    chance = np.zeros((count, len(PROGRAMS)))
    chance[:, _CLUB] = 0.45
    chance[:, _GOLD] = np.minimum(0.06 * people.activity, 0.6)
    chance[:, _STUDENT] = np.where((age >= 16) & (age < 28), 0.55, 0.0)
    holds = rng.random(chance.shape) < chance
    joined = people.joined[:, None]
    since = joined + (rng.random(chance.shape) ** 2 * (end - joined)).astype(np.int64)
    years = rng.integers(1, 5, chance.shape) * 365
    until = since + years * DAY
    until[:, _CLUB] = np.where(rng.random(count) < 0.1, until[:, _CLUB], NEVER)
    return Memberships(np.where(holds, since, NEVER), np.where(holds, until, NEVER))


def membership_table(world: World, memberships: Memberships) -> pa.Table:
    """The table `memberships`."""
    customer, program = np.nonzero(memberships.since < NEVER)
    until = memberships.until[customer, program]
    return rows(
        "memberships",
        {
            Col.CUSTOMER_ID: take(ids("c", world.customers, least=4), customer),
            Col.PROGRAM: take(words(PROGRAMS), program),
            Col.SINCE: times(world, memberships.since[customer, program]),
            Col.UNTIL: times(world, np.where(until == NEVER, 0, until), until == NEVER),
        },
    )


def build_consents(world: World, people: People, rng: Chance) -> Consents:
    """Draw who consents to what, and who withdraws it."""
    shape = (world.customers, len(PURPOSES))
    granted = rng.random(shape) < np.array(list(PURPOSES.values()))
    refused = ~granted & (rng.random(shape) < _PLAIN_NO)
    joined = people.joined[:, None]
    later = joined + 1 + (rng.random(shape) * (world.days * DAY - 1 - joined)).astype(np.int64)
    back = granted & (rng.random(shape) < _WITHDRAWN)
    return Consents(granted, refused, np.where(back, later, NEVER))


def consent_table(world: World, people: People, consents: Consents) -> pa.Table:
    """The table `consents`, in order of time."""
    first, purpose = np.nonzero(consents.granted | consents.refused)
    back, withdrawn = np.nonzero(consents.withdrawn < NEVER)
    customer = np.concatenate([first, back])
    at = np.concatenate([people.joined[first], consents.withdrawn[back, withdrawn]])
    yes = np.concatenate([consents.granted[first, purpose], np.zeros(len(back), dtype=np.bool_)])
    order = np.argsort(at, kind="stable")
    return rows(
        "consents",
        {
            Col.CUSTOMER_ID: take(ids("c", world.customers, least=4), customer[order]),
            Col.PURPOSE: take(words(list(PURPOSES)), np.concatenate([purpose, withdrawn])[order]),
            Col.GRANTED: pa.array(yes[order]),
            Col.AT: times(world, at[order]),
        },
    )
