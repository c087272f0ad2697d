"""Small random worlds for policies, and a checker that knows nothing of how `decide` works."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from followsuit.core.codes import Codes
from followsuit.graph.consent import CHANNELS
from followsuit.policy.contact.customers import ANY, Customers, MessagesLeft
from followsuit.policy.contact.sent import NOTED, Sent
from followsuit.policy.decide import Decided
from followsuit.policy.decision import OFFERED, OUTRANKED
from followsuit.policy.declared.policy import Policy
from followsuit.policy.limits.friends import FriendLimits, limits_of_friends
from followsuit.policy.messages import Ranked
from followsuit.policy.rules import SENTENCES

_USED = ("email", "sms", "phone")


@dataclass(frozen=True)
class PolicyWorld:
    """A policy, and what it is applied to."""

    policy: Policy
    ranked: Ranked
    customers: Customers
    stores: pd.DataFrame
    friend_limits: FriendLimits | None
    drivers: pd.DataFrame
    top: int


Listed = list[tuple[int, int, str | None]]
"""Position of a candidate, its customer, the channel."""


class _Sent(Sent):
    """Messages that were sent, with counts of offers that are known."""

    def of_offers(self, offers: Any, *, today: bool) -> dict[str, int]:
        counts: Any = self.messages if today else self.before_the_day
        return {name: counts[name] for name in offers if name in counts}


def policy_world(seed: int) -> PolicyWorld:
    """A world of a few customers, with some of the rules of a policy."""
    draw = np.random.default_rng([seed, 19])
    policy = _policy(draw)
    n = int(draw.integers(1, 7))
    ids = np.array([f"c{i}" for i in range(n)], dtype=object)
    counts = draw.integers(0, 7, n)
    customer = np.repeat(np.arange(n), counts)
    rows = len(customer)
    rank = np.concatenate([np.arange(1, k + 1) for k in counts]) if rows else np.empty(0)
    offers = np.array([f"o{draw.integers(5)}" for _ in range(rows)], dtype=object)
    items = np.array([f"product:p{i}" for i in range(rows)], dtype=object)
    ranked = Ranked(
        customer=customer.astype(np.int64),
        offer_id=offers,
        item=items,
        probability=draw.random(rows),
        acceptance=np.where(draw.random(rows) < 0.5, draw.random(rows), np.nan),
        value=np.where(draw.random(rows) < 0.85, draw.integers(0, 2_000, rows), np.nan),
        cost=np.where(draw.random(rows) < 0.5, draw.integers(0, 300, rows), 0).astype(float),
        rank=rank.astype(np.int64),
        tie=draw.permutation(rows).astype(np.int64),
        with_trigger=np.ones(rows, dtype=bool),
        reveals=draw.random(rows) < 0.03,
    )
    stores = pd.DataFrame({"row": np.arange(rows), "name": [f"s{i % 2}" for i in range(rows)]})
    stores = stores[draw.random(rows) < 0.5].reset_index(drop=True)
    customers = _customers(draw, ids, policy, ranked, stores)
    drivers, friend_limits = _friends(draw, customers, policy, ranked)
    return PolicyWorld(
        policy, ranked, customers, stores, friend_limits, drivers, int(draw.integers(1, 5))
    )


def _policy(draw: np.random.Generator) -> Policy:
    def maybe(value: Any, share: float = 0.5) -> Any:
        return value if draw.random() < share else None

    window = {"at_most": int(draw.integers(0, 4)), "within": "7d"}
    contact = {
        "per_customer": maybe(window),
        "per_channel": maybe({"sms": {"at_most": int(draw.integers(0, 3)), "within": "30d"}}),
        "per_offer": maybe({"at_most": 1, "within": "90d"}),
        "per_friend": maybe({"at_most": int(draw.integers(0, 4))}),
    }
    limits = {
        "budget": maybe(float(draw.integers(0, 20))),
        "channels": maybe({"email": int(draw.integers(0, 6)), "phone": int(draw.integers(0, 3))}),
        "costs": maybe({"sms": 0.08, "phone": 4.5}),
        "offers": maybe({"o1": int(draw.integers(0, 4))}),
        "stores": maybe({"s0": int(draw.integers(0, 4))}),
    }
    if draw.random() < 0.3:
        limits = {"costs": limits["costs"]}
    given: dict[str, Any] = {
        "contact": {name: value for name, value in contact.items() if value is not None},
        "limits": {name: value for name, value in limits.items() if value is not None},
        "never": {"min_expected_value": float(draw.choice([0.0, 0.0, 0.5, 3.0]))},
    }
    if draw.random() < 0.3:
        given["holdout"] = {"share": 0.3, "salt": "x"}
    return Policy.model_validate(given)


def _customers(
    draw: np.random.Generator,
    ids: np.ndarray,
    policy: Policy,
    ranked: Ranked,
    stores: pd.DataFrame,
) -> Customers:
    n = len(ids)
    may = np.zeros((n, len(CHANNELS) + 1), dtype=bool)
    for name in _USED:
        may[:, CHANNELS.index(name)] = draw.random(n) < 0.6
    may[:, ANY] = ~may.any(axis=1)
    today = _offered_today(draw, ids, ranked, may, stores)
    before = _room_before(draw, n, policy, ranked)
    return Customers(
        codes=Codes(pa.array(ids, pa.string())),
        may=may,
        before=before,
        after=_room_after(before, ids, today, policy),
        rate=draw.random(may.shape),
        held_out=(draw.random(n) < 0.3) & (policy.holdout is not None),
        shares=draw.random(n) < 0.6,
        send_after=np.full(n, None),
        sent=_Sent(Counter(today["offer_id"].to_pylist()), {}, today),  # type: ignore[arg-type]
    )


def _room_before(draw: np.random.Generator, n: int, policy: Policy, ranked: Ranked) -> MessagesLeft:
    room = np.full(n, 2**31)
    if policy.contact.per_customer:
        room = draw.integers(0, policy.contact.per_customer.at_most + 1, n)
    by_channel = np.full((n, len(CHANNELS) + 1), 2**31)
    for name, window in policy.contact.per_channel.items():
        by_channel[:, CHANNELS.index(name)] = draw.integers(0, window.at_most + 1, n)
    told = pd.DataFrame({"row": np.empty(0, dtype=np.int64), "offer_id": np.empty(0, object)})
    if policy.contact.per_offer:
        chosen = draw.random(len(ranked)) < 0.2
        told = pd.DataFrame({"row": ranked.customer, "offer_id": ranked.offer_id})[chosen]
    return MessagesLeft(room.astype(np.int64), by_channel.astype(np.int64), told.drop_duplicates())


def _room_after(
    before: MessagesLeft, ids: np.ndarray, today: pa.Table, policy: Policy
) -> MessagesLeft:
    room, by_channel = before.in_all.copy(), before.by_channel.copy()
    told = [before.told]
    for row in today.to_pylist():
        customer = int(np.flatnonzero(ids == row["customer_id"])[0])
        if policy.contact.per_customer:
            room[customer] = max(room[customer] - 1, 0)
        if row["channel"] in policy.contact.per_channel:
            channel = CHANNELS.index(row["channel"])
            by_channel[customer, channel] = max(by_channel[customer, channel] - 1, 0)
        if policy.contact.per_offer:
            told.append(pd.DataFrame({"row": [customer], "offer_id": [row["offer_id"]]}))
    return MessagesLeft(room, by_channel, pd.concat(told).drop_duplicates())


def _offered_today(
    draw: np.random.Generator,
    ids: np.ndarray,
    ranked: Ranked,
    may: np.ndarray,
    stores: pd.DataFrame,
) -> pa.Table:
    """Some candidates that earlier runs of the day have offered, whatever their policy was."""
    rows = []
    for at in np.flatnonzero(draw.random(len(ranked)) < 0.1):
        customer = ranked.customer[at]
        channel = int(draw.choice(np.flatnonzero(may[customer])))
        rows.append(
            {
                "customer_id": ids[customer],
                "offer_id": ranked.offer_id[at],
                "item_kind": "product",
                "item_id": ranked.item[at].split(":")[1],
                "channel": [*CHANNELS, None][channel],
                "store_ids": stores["name"][stores.row == at].to_list(),
                "cost": float(draw.integers(0, 500)),
            }
        )
    return pa.Table.from_pylist(rows, NOTED)


def _friends(
    draw: np.random.Generator, customers: Customers, policy: Policy, ranked: Ranked
) -> tuple[pd.DataFrame, FriendLimits | None]:
    pairs = [
        {"row": row, "friend_id": f"f{friend}"}
        for row in range(len(ranked))
        for friend in range(3)
        if draw.random() < 0.4
    ]
    drivers = pd.DataFrame(pairs, columns=["row", "friend_id"])
    limit = policy.contact.per_friend
    if limit is None:
        return drivers, None
    return drivers, limits_of_friends(customers, drivers, limit.at_most, ranked.customer)


def problems(world: PolicyWorld, decided: Decided) -> Iterator[str]:
    """Everything that is wrong with decisions, in words."""
    ranked, customers, policy = world.ranked, world.customers, world.policy
    channels = [*CHANNELS, None]
    today = {
        (r["customer_id"], r["offer_id"], r["item_id"], r["channel"])
        for r in customers.sent.of_the_day.to_pylist()
    }
    new, every = [], []
    for row in range(len(ranked)):
        decision, rank = decided.decision[row], decided.rank[row]
        if decision not in (OFFERED, OUTRANKED, *SENTENCES):
            yield f"row {row} has the unknown decision {decision}"
        if (rank > 0) != (decision in (OFFERED, OUTRANKED)):
            yield f"row {row} is {decision} with rank {rank}"
        if decision != OFFERED:
            continue
        customer = int(ranked.customer[row])
        channel = channels[int(decided.channel[row])]
        item = ranked.item[row].split(":")[1]
        every.append((row, customer, channel))
        if (customers.codes.ids[customer], ranked.offer_id[row], item, channel) not in today:
            new.append((row, customer, channel))
        if not customers.may[customer, int(decided.channel[row])]:
            yield f"row {row} uses {channel} without consent"
        if customers.held_out[customer]:
            yield f"row {row} is in the holdout"
        if ranked.reveals[row]:
            yield f"row {row} reveals something"
        yield from _worth(world, decided, row, channel)
    for rows, allowed in ((every, customers.before), (new, customers.after)):
        yield from _counts(world, rows, allowed)
    yield from _shared(world, decided, every, [])
    yield from _shared(world, decided, new, customers.sent.of_the_day.to_pylist())
    yield from _friends_of(world, {row for row, _, _ in every})
    for customer in range(len(customers.codes)):
        own = np.flatnonzero(ranked.customer == customer)
        ranks = sorted(decided.rank[own][decided.rank[own] > 0])
        if ranks != list(range(1, len(ranks) + 1)):
            yield f"customer {customer} has ranks {ranks}"
        offered = [r for r in own if decided.decision[r] == OFFERED]
        if len(offered) > world.top:
            yield f"customer {customer} gets {len(offered)} offers"
        idle = len(offered) < min(world.top, customers.after.in_all[customer])
        free = not policy.limits.any and not customers.held_out[customer]
        if idle and free and (decided.decision[own] == OUTRANKED).any():
            yield f"customer {customer} has room, but a candidate is outranked"


def _worth(world: PolicyWorld, decided: Decided, row: int, channel: str | None) -> Iterator[str]:
    ranked, policy = world.ranked, world.policy
    chance = decided.acceptance[row]
    if np.isnan(chance):
        chance = ranked.probability[row]
    sending = 100 * policy.limits.costs.get(channel or "", 0.0)
    worth = chance * (ranked.value[row] - ranked.cost[row]) - sending
    if not np.isclose(worth, decided.expected_value[row], equal_nan=True):
        yield f"row {row} says {decided.expected_value[row]}, but is worth {worth}"
    least = 100 * policy.never.min_expected_value
    if worth < least or (np.isnan(worth) and least > 0):
        yield f"row {row} is worth {worth}, less than {least}"


def _counts(world: PolicyWorld, new: Listed, allowed: MessagesLeft) -> Iterator[str]:
    ranked = world.ranked
    told = {(r.row, r.offer_id) for r in allowed.told.itertuples()}
    per_customer, per_channel = Counter(c for _, c, _ in new), Counter((c, ch) for _, c, ch in new)
    for customer, n in per_customer.items():
        if n > allowed.in_all[customer]:
            yield f"customer {customer} gets {n} messages, not {allowed.in_all[customer]}"
    for (customer, channel), n in per_channel.items():
        number = CHANNELS.index(channel) if channel else ANY
        if n > allowed.by_channel[customer, number]:
            yield f"customer {customer} gets {n} messages through {channel}"
    for row, customer, _ in new:
        if (customer, ranked.offer_id[row]) in told:
            yield f"row {row} is about an offer that the customer has been told of"


def _shared(
    world: PolicyWorld, decided: Decided, rows: Listed, today: list[dict[str, Any]]
) -> Iterator[str]:
    """What rows use of the limits, after what other runs of the day have offered."""
    limits = world.policy.limits
    if limits.budget is not None:
        left = max(100 * limits.budget - sum(r["cost"] for r in today), 0)
        spent = sum(decided.cost[row] for row, _, _ in rows)
        if spent > left * (1 + 1e-9) + 1e-9:
            yield f"{spent} is spent of {left}"
    channels = Counter(channel for _, _, channel in rows)
    used = Counter(r["channel"] for r in today)
    for name, most in limits.channels.items():
        if channels[name] > max(most - used[name], 0):
            yield f"{channels[name]} messages through {name}"
    offers = Counter(world.ranked.offer_id[row] for row, _, _ in rows)
    used = Counter(r["offer_id"] for r in today)
    for name, most in limits.offers.items():
        if offers[name] > max(most - used[name], 0):
            yield f"{offers[name]} messages about {name}"
    positions = {row for row, _, _ in rows}
    pointed = zip(world.stores.row, world.stores["name"], strict=True)
    stores = Counter(name for row, name in pointed if row in positions)
    used = Counter(name for row in today for name in row["store_ids"])
    for name, most in limits.stores.items():
        if stores[name] > max(most - used[name], 0):
            yield f"{stores[name]} offers point to {name}"


def _friends_of(world: PolicyWorld, offered: set[int]) -> Iterator[str]:
    limit = world.policy.contact.per_friend
    driven = zip(world.drivers.row, world.drivers.friend_id, strict=True)
    friends = Counter(friend for row, friend in driven if row in offered)
    for name, n in friends.items():
        if limit is not None and n > limit.at_most:
            yield f"{name} drives {n} offers"
