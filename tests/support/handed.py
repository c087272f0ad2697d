"""Offers to hand over: single ones, and rows of a small shop as of a day."""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
from support.snapshots import Rows, day, view_from

from followsuit.graph import schema as g
from followsuit.graph.views.view import View
from followsuit.offers.decisions.decision_rows import SCHEMA
from followsuit.offers.handoff.checks import checked
from followsuit.offers.handoff.offer import Offer

NOW = day(20)
ADULT = date(1980, 5, 5)


def an_offer(**changed: Any) -> Offer:
    """An offer of tea to Ann, with other attributes where they are given."""
    values: dict[str, Any] = {
        "customer_id": "c1",
        "name": "Ann Weber",
        "email": "ann@example.com",
        "phone": "+49 30 555 1",
        "city": "Ulm",
        "refused_channels": None,
        "offer_id": "o1",
        "offer_name": "Tea week",
        "item_id": "p1",
        "item_name": "Darjeeling",
        "price": "4.50",
        "reason": "popular with people you know",
        "stores": "",
        "send_after": None,
        "until": None,
        "timezone": None,
        "currency": "EUR",
    }
    return Offer(**{**values, **changed})


def consent(purpose: str, granted: bool = True, number: int = 1, **row: Any) -> dict[str, Any]:
    """Ann's answer about a purpose, on a day of January."""
    return {
        "customer_id": "ann",
        "purpose": purpose,
        "granted": granted,
        "at": day(number),
        **row,
    }


def a_shop(folder: Path, **changed: Rows) -> View:
    """A shop in which Ann may get tea by e-mail, as of `NOW`; tables may be others."""
    tables: dict[str, Rows] = {
        "customers": [{"customer_id": "ann", "birth_date": ADULT, "email": "ann@example.com"}],
        "products": [{"product_id": "tea", "name": "Darjeeling", "price": 450}],
        "stores": [{"store_id": "kiosk", "name": "Kiosk Ulm", "city": "Ulm"}],
        "offers": [{"offer_id": "t1", "name": "Tea week"}],
        "consents": [consent("email")],
    }
    return view_from(folder, NOW, **{**tables, **changed})


def offered(*rows: dict[str, Any]) -> ibis.Table:
    """Rows as `still_offered` gives them: offers of tea to Ann, with other columns if given."""
    names = (
        "customer_id",
        "offer_id",
        "item_kind",
        "item_id",
        "rank",
        "channel",
        "until",
        "store_ids",
        "reason",
        "send_after",
    )
    schema = pa.schema([SCHEMA.field(name) for name in names])
    filled = [
        {
            "customer_id": "ann",
            "offer_id": "t1",
            "item_kind": "product",
            "item_id": "tea",
            "rank": rank,
            "channel": "email",
            "reason": "popular",
            **row,
        }
        for rank, row in enumerate(rows or ({},), start=1)
    ]
    return ibis.memtable(pa.Table.from_pylist(filled, schema=schema))


def rules(view: View, *rows: dict[str, Any]) -> list[str | None]:
    """The rule that drops each of these offers, in their order."""
    table = checked(view, offered(*rows)).order_by("rank").to_pyarrow()
    assert table.schema.field("until").type == g.TIME
    return list(table["dropped_by"].to_pylist())


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
