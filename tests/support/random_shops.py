"""Small random shops in which every kind of consent, age and sensitivity occurs."""

from datetime import timedelta
from typing import Any

import numpy as np
from support.snapshots import day

DAYS = 80
NOW = day(DAYS)

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]


def random_shop(seed: int) -> Tables:
    """Tables of 36 customers, 12 products and 4 stores; the last three customers are minors."""
    draw = np.random.default_rng([seed, 1])
    people = [f"c{i:02}" for i in range(36)]
    items = [f"p{i:02}" for i in range(12)]
    return {
        "customers": [
            {
                "customer_id": c,
                "birth_date": "2012-05-05" if c in people[-3:] else "1980-05-05",
                "city": f"City {draw.integers(2)}",
            }
            for c in people
        ],
        "products": [
            {"product_id": p, "category": f"k{n % 3}", "margin": 1 + n, "sensitive": n >= 10}
            for n, p in enumerate(items)
        ],
        "stores": [{"store_id": f"s{n}", "city": f"City {n % 2}"} for n in range(4)],
        "friendships": [
            {"customer_id": people[a], "friend_id": people[b]}
            for a, b in sorted({tuple(sorted(draw.choice(36, 2, False))) for _ in range(90)})
        ],
        "purchases": [_bought(draw, people, items, n) for n in range(420)],
        "visits": [
            {
                "visit_id": f"v{n}",
                "customer_id": draw.choice(people),
                "store_id": f"s{draw.integers(4)}",
                "at": _time(draw),
            }
            for n in range(80)
        ],
        "likes": [{"customer_id": c, "interest": "tea"} for c in draw.choice(people, 9, False)],
        "memberships": [
            {"customer_id": c, "program": "gold"} for c in draw.choice(people, 9, replace=False)
        ],
        "consents": [
            {"customer_id": c, "purpose": purpose, "granted": "true", "at": day(1).isoformat()}
            for c in people
            for purpose, share in (("social_use", 0.7), ("contact", 0.8))
            if draw.random() < share
        ],
    }


def random_offers(seed: int) -> Rows:
    """Offers for the items of `random_shop`: some for an audience alone, some not active."""
    draw = np.random.default_rng([seed, 3])
    names = ("product_id", "category", "store_id", "program", "interest", "valid_until", "value")
    offers = []
    for number in range(9):
        offer: dict[str, Any] = dict.fromkeys(names)
        kind = draw.choice(["product_id", "product_id", "category", "store_id"])
        offer[kind] = {
            "product_id": f"p{draw.integers(12):02}",
            "category": f"k{draw.integers(3)}",
            "store_id": f"s{draw.integers(4)}",
        }[kind]
        audience = draw.choice(["program", "interest", "everybody", "everybody"])
        if audience != "everybody":
            offer[audience] = {"program": "gold", "interest": "tea"}[audience]
        if draw.random() < 0.2:
            offer["valid_until"] = NOW.isoformat()
        offers.append({"offer_id": f"o{number}", **offer, "value": int(draw.integers(1, 5))})
    return offers


def addition(shop: Tables, seed: int) -> tuple[str, str, dict[str, Any]]:
    """A row about one customer that nobody else's results may show: customer, table, row.

    An interaction, like or membership of a customer who doesn't share or is a minor, or a sensitive
    purchase of anybody.
    """
    draw = np.random.default_rng([seed, 2])
    sharing = {r["customer_id"] for r in shop["consents"] if r["purpose"] == "social_use"}
    people = [r["customer_id"] for r in shop["customers"]]
    silent = sorted((set(people) - sharing) | set(people[-3:]))
    someone = str(draw.choice(silent))
    kind = ("purchases", "visits", "likes", "memberships", "sensitive", "friendships")[seed % 6]
    match kind:
        case "purchases":
            row = _bought(draw, [someone], [f"p{i:02}" for i in range(10)], 999)
        case "visits":
            row = {"visit_id": "v999", "customer_id": someone, "store_id": "s0", "at": _time(draw)}
        case "likes":
            row = {"customer_id": someone, "interest": str(draw.choice(["tea", "new"]))}
        case "memberships":
            row = {"customer_id": someone, "program": str(draw.choice(["gold", "new"]))}
        case "friendships":
            others = [c for c in people if c > someone] or ["c00"]
            row = {"customer_id": someone, "friend_id": str(draw.choice(others))}
        case _:
            someone = str(draw.choice(people))
            row = _bought(draw, [someone], ["p10", "p11"], 999)
    return someone, kind.replace("sensitive", "purchases"), row


def _bought(
    draw: np.random.Generator, people: list[str], items: list[str], number: int
) -> dict[str, Any]:
    # A few items are popular, or few friends would ever have bought the same.
    chance = 1 / np.arange(1, len(items) + 1)
    return {
        "purchase_id": f"b{number}",
        "customer_id": str(draw.choice(people)),
        "product_id": str(draw.choice(items, p=chance / chance.sum())),
        "at": _time(draw),
    }


def _time(draw: np.random.Generator) -> str:
    """An instant before `NOW`, to the millisecond, most of them late."""
    back = timedelta(milliseconds=int(draw.exponential(18 * 86_400_000)) % (75 * 86_400_000))
    return (NOW - back).isoformat()
