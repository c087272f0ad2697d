"""A customer with a text of their own in every field of every table, and the search for these."""

import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from support.deliveries import Rows

from followsuit.core.files import is_parquet
from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore

MARK = "Zwölfkänarienvögel"
"""What begins all these texts; it is short enough to stand in what shortens a value."""

PART = b"narienv"
"""What stands in the bytes of a file whatever the encoding of umlauts and the case."""


def text(field: str) -> str:
    """A text of over 60 characters that occurs nowhere else."""
    return f"{MARK}-{field}-".ljust(64, "ß") + "übermäßig"


CUSTOMER = text("customer")


def rows(friend: str, product: str, store: str, offer: str, day: str) -> dict[str, Rows]:
    """The customer's rows in every table with customers, some to be rejected."""
    me: dict[str, Any] = {"customer_id": CUSTOMER}
    sound = {
        "customers": me
        | {
            "name": text("name"),
            "birth_date": "1980-02-03",
            "city": text("city"),
            "joined_at": "2024-01-01",
            "email": text("email"),
            "phone": text("phone"),
            "timezone": text("timezone"),
            "note": text("note"),
        },
        "friendships": me | {"friend_id": friend, "since": "2024-02-01", "directed": "false"},
        "purchases": me
        | {
            "purchase_id": text("purchase"),
            "order_id": text("order"),
            "product_id": product,
            "at": day,
            "store_id": store,
            "amount": "12.50",
            "channel": text("channel"),
        },
        "visits": me | {"visit_id": text("visit"), "store_id": store, "at": day},
        "events": me
        | {
            "event_id": text("event"),
            "kind": text("kind"),
            "at": day,
            "city": text("travel"),
            "note": text("told"),
        },
        "likes": me | {"interest": text("interest"), "at": "2024-03-01"},
        "memberships": me | {"program": text("program"), "since": "2024-03-01"},
        "contacts": me
        | {
            "contact_id": text("contact"),
            "offer_id": offer,
            "channel": text("by"),
            "at": day,
            "arm": text("arm"),
            "outcome": text("outcome"),
        },
        "consents": me | {"purpose": "social_use", "granted": "true", "at": "2024-01-02"},
    }
    view = sound["events"] | {"event_id": text("view"), "kind": "view", "product_id": product}
    tables: dict[str, list[dict[str, Any]]] = {name: [row] for name, row in sound.items()}
    tables["events"].append(view)
    tables["consents"] += [sound["consents"] | {"purpose": p} for p in ("contact", "email")]
    faulty = {
        "customers": {"birth_date": text("born")},
        "friendships": {"since": text("since")},
        "purchases": {"amount": text("amount")},
        "visits": {"at": text("at")},
        "events": {"value": text("value")},
        "likes": {"at": text("liked")},
        "memberships": {"until": text("until")},
        "contacts": {"outcome_at": text("answered")},
        "consents": {"purpose": text("purpose"), "granted": "true"},
    }
    for name, wrong in faulty.items():
        tables[name].append(sound[name] | wrong)
    return tables


def found(store: GraphStore, folders: Iterable[Path]) -> list[str]:
    """Where any of the texts is: labels, relationship types and notes of the store, and files."""
    where = [element.name for element, content in _graph(store) if _names(content)]
    paths = sorted({each for folder in folders for each in _files(folder)})
    named = [path for path in paths if any(_names(content) for content in _contents(path))]
    return where + [path.name for path in named]


def _names(content: bytes) -> bool:
    forms = (MARK, MARK.lower())
    return any(f.encode() in content or json.dumps(f)[1:-1].encode() in content for f in forms)


def _graph(store: GraphStore) -> Iterator[tuple[g.Element, bytes]]:
    """Every label and relationship type of the store, decoded."""
    with store.reading(), tempfile.TemporaryDirectory() as folder:
        for element in g.EVERYTHING:
            path = Path(folder) / "rows.parquet"
            store.export(element, path)
            yield element, _decoded(path)


def _decoded(path: Path) -> bytes:
    rows: pa.Table = pq.read_table(path, memory_map=False, partitioning=None)
    return repr(rows.to_pylist()).encode() + repr(rows.schema.metadata).encode()


def _files(folder: Path) -> list[Path]:
    paths = folder.rglob("*") if folder.is_dir() else [folder]
    return [path for path in paths if path.is_file()]


def _contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what they hold once decoded."""
    yield path.read_bytes()
    if is_parquet(path):
        yield _decoded(path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as members:
            yield from map(members.read, members.namelist())
