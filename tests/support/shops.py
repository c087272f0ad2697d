"""A small shop with a case for every rule that blocks an offer."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from support.deliveries import deliver
from support.snapshots import day

NOW = day(20)
ADULT, CHILD = "1985-03-02", "2012-03-02"

Rows = list[dict[str, Any]]


def tables() -> dict[str, Rows]:
    """The shop as of `NOW`.

    Ann is eligible. Her friends are Bob, Eve, Fay and Gus, who share activity; Cas, who doesn't;
    and Kim, a minor. Bob's friends are Dan, who hasn't agreed to contact; Una, whose age is
    unknown; and Kim.
    """
    born = {"kim": CHILD, "una": None}
    customers = [
        {"customer_id": c, "birth_date": born.get(c, ADULT), "city": "Ulm"}
        for c in ("ann", "bob", "cas", "dan", "eve", "fay", "gus", "kim", "una")
    ]
    products = [
        {"product_id": p, "category": "food", "sensitive": p == "pill", "margin": 1.5}
        for p in ("tea", "jam", "rye", "oil", "egg", "bun", "pill")
    ]
    friends = [("ann", f) for f in ("bob", "cas", "eve", "fay", "gus", "kim")]
    friends += [(c, "bob") for c in ("dan", "kim", "una")]
    acts = [
        ("bob", "tea", 19),
        ("eve", "tea", 18),
        ("fay", "tea", 17),
        ("gus", "jam", 19),
        ("cas", "oil", 19),
        ("kim", "egg", 19),
        ("bob", "bun", 18),
        ("ann", "bun", 5),
        ("bob", "pill", 19),
        ("eve", "rye", 15),
    ]
    granted = [(c, "social_use") for c in ("bob", "eve", "fay", "gus", "kim")]
    granted += [(c, "contact") for c in ("ann", "kim", "una")]
    granted += [("ann", "email")]
    return {
        "customers": customers,
        "products": products,
        "stores": [
            {"store_id": "kiosk", "city": "Ulm"},
            {"store_id": "pier", "city": "Kiel"},
        ],
        "friendships": [{"customer_id": a, "friend_id": b} for a, b in friends],
        "purchases": [
            {"customer_id": c, "product_id": p, "at": day(d).isoformat()} for c, p, d in acts
        ],
        "visits": [
            {"customer_id": "bob", "store_id": s, "at": (NOW - timedelta(days=1)).isoformat()}
            for s in ("kiosk", "pier")
        ],
        "consents": [
            {"customer_id": c, "purpose": p, "granted": "true", "at": day(1).isoformat()}
            for c, p in granted
        ],
    }


def offers() -> Rows:
    """Two for tea, one of jam for members alone, one of rye that has ended."""
    made = [
        ("t1", "tea", None, None, 2, None),
        ("t2", "tea", "food", None, 3, None),
        ("j1", "jam", None, "gold", 1, None),
        ("r1", "rye", None, None, 1, NOW.isoformat()),
    ]
    names = ("offer_id", "product_id", "category", "program", "value", "valid_until")
    return [dict(zip(names, offer, strict=True)) for offer in made]


def deliver_shop(folder: Path, **changed: Rows) -> Path:
    """Write the shop as a delivery; `changed` tables come in the place of its own or beside."""
    return deliver(folder, **{**tables(), **changed})
