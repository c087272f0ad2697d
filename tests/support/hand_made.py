"""A small hand-written shop, for which every answer can be computed by hand."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.deliveries import deliver

ZOE = "zoë-😀"
NOW = datetime(2025, 7, 1, tzinfo=UTC)

MAPPING = """
[tables.purchases]
returns = true
"""
"""Of this shop's delivery: a negative amount is a return."""


def day(month: int, day_: int, hour: int = 0, second: int = 0) -> datetime:
    """An instant of the shop's year, 2025."""
    return datetime(2025, month, day_, hour, 0, second, tzinfo=UTC)


def _rows(columns: str, *rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    names = columns.split()
    return [dict(zip(names, row, strict=True)) for row in rows]


def hand_made(folder: Path) -> Path:
    """Deliver the shop as CSV files."""
    return deliver(
        folder,
        customers=_rows(
            "customer_id name birth_date city joined_at",
            ("ana", "Ana", "1990-05-05", "Porto", "2024-01-01"),
            ("ben", "Ben", "1991-05-05", "Porto", "2024-01-01"),
            ("cem", "Cem", "1992-05-05", "Lyon", "2024-01-01"),
            ("dia", None, "1993-05-05", None, None),
            ("eve", "Eve", "1994-05-05", "Lyon", "2024-01-01"),
            ("fay", "Fay", "1995-05-05", "Lyon", "2024-01-01"),
            ("gus", "Gus", "1996-05-05", "Lyon", "2024-01-01"),
            (ZOE, 'Zoë, "the" 1st', "1997-05-05", "Lyon", "2024-01-01"),
        ),
        products=_rows(
            "product_id name category brand price",
            ("p1", "Green tea", "Tea", "Acme", "10.00"),
            ("p2", "Black tea", "Tea", "Acme", "5.50"),
            ("p3", "Mug", "Ware", None, None),
            ("p4", "Pot", "Ware", "Bold", "4.00"),
            ("p9", None, None, None, None),
        ),
        stores=_rows(
            "store_id name city category",
            ("s1", "One", "Porto", "Tea"),
            ("s2", "Two", "Porto", "Tea"),
            ("s3", "Three", "Lyon", None),
            ("s4", "Nowhere", None, None),
        ),
        friendships=_rows(
            "customer_id friend_id since directed",
            ("ana", "ben", None, "false"),
            ("ana", "cem", "2025-01-01", "true"),
            ("dia", "ana", "2025-01-01", "true"),
            ("ana", "eve", "2025-06-15", "false"),
            ("fay", "ana", "2025-01-01", "true"),
            ("ana", "fay", "2025-09-01", "true"),
            ("ben", "cem", "2024-01-01", "false"),
            ("ben", ZOE, None, "false"),
            ("cem", ZOE, None, "false"),
        ),
        purchases=_rows(
            "purchase_id customer_id product_id at store_id quantity amount currency channel",
            ("u01", "ben", "p1", "2025-03-01T10:00:00Z", "s1", 1, "10.00", "EUR", "store"),
            ("u02", "cem", "p1", "2025-03-05", "s1", 2, "20.00", "EUR", "store"),
            ("u03", "cem", "p2", "2025-03-05", None, 1, "5.50", "EUR", "web"),
            ("u04", "ana", "p1", "2025-03-10T02:00:00+02:00", None, 1, "10.00", "EUR", "web"),
            ("u05", "dia", "p2", "2025-03-12", None, 1, "3.00", "USD", None),
            ("u06", "eve", "p3", "2025-03-15", None, None, None, None, None),
            ("u07", "fay", "p3", "2025-03-20", None, 1, "1.00", "EUR", None),
            ("u08", "ana", "p2", "2025-03-19", None, 1, "7.00", "USD", None),
            ("u09", "ana", "p3", "2025-04-05T00:00:01Z", None, 1, "2.00", "EUR", None),
            ("u10", "ben", "p2", "2025-04-01", None, -1, "-5.50", "EUR", None),
            ("u11", ZOE, "p4", "2025-05-01", None, 1, "4.00", "EUR", None),
            ("u12", "ana", "p1", "2025-06-01", None, 1, "10.00", "EUR", None),
            ("u13", "ben", "p1", "2025-08-01", None, 1, "10.00", "EUR", None),
            ("u14", "ben", "p9", "2025-03-01T10:00:00Z", None, 1, "4.50", "EUR", None),
        ),
        visits=_rows(
            "visit_id customer_id store_id at",
            ("v1", "ana", "s1", "2025-03-01"),
            ("v2", "ana", "s1", "2025-03-02"),
            ("v3", "ben", "s2", "2025-03-03"),
            ("v4", "cem", "s3", "2025-03-04"),
            ("v5", "cem", "s3", "2025-03-05"),
            ("v6", "eve", "s3", "2025-03-06"),
            ("v7", "eve", "s4", "2025-03-07"),
            ("v8", "fay", "s3", "2025-08-01"),
        ),
        events=_rows(
            "event_id customer_id kind at product_id city value",
            ("e1", "ana", "view", "2025-03-01T09:00:00Z", "p4", None, None),
            ("e2", "ana", "travel", "2025-03-20", None, "Lyon", 2.5),
        ),
        likes=_rows(
            "customer_id interest at",
            ("ana", "Hiking", "2025-02-01"),
            ("eve", "Hiking", None),
        ),
        memberships=_rows(
            "customer_id program since until",
            ("ana", "Gold", "2025-01-15", None),
            ("ben", "Gold", "2025-01-16", "2025-02-01"),
        ),
        offers=_rows(
            "offer_id name product_id category brand store_id program interest "
            "valid_from valid_until cost value",
            (
                "o1",
                "Tea week",
                "p1",
                None,
                None,
                "s1",
                None,
                None,
                "2025-01-01",
                "2025-07-01",
                "0.50",
                "2.00",
            ),
            (
                "o2",
                "Any tea",
                None,
                "Tea",
                None,
                None,
                None,
                None,
                "2025-07-01",
                None,
                None,
                "2.50",
            ),
            ("o3", "Acme black", "p2", None, "Acme", None, None, None, None, None, None, None),
            ("o4", "Come by", None, None, None, "s2", None, None, None, "2026-01-01", "1.00", None),
            ("o5", None, None, None, None, None, "Gold", "Hiking", None, None, None, None),
            (
                "o6",
                "Later",
                "p3",
                None,
                None,
                None,
                None,
                None,
                "2025-07-01T00:00:01Z",
                None,
                None,
                None,
            ),
            (
                "o7",
                "Over",
                "p4",
                None,
                None,
                None,
                None,
                None,
                "2025-01-01",
                "2025-02-01",
                None,
                None,
            ),
        ),
        contacts=_rows(
            "contact_id customer_id offer_id channel at",
            ("k1", "ana", "o7", "email", "2025-01-20"),
            ("k2", "ben", "o7", "sms", "2025-01-21"),
        ),
        consents=_rows(
            "customer_id purpose granted at",
            ("ana", "social_use", "true", "2025-01-01"),
            ("ana", "email", "false", "2025-01-02"),
            ("ben", "social_use", "true", "2025-01-03"),
        ),
    )
