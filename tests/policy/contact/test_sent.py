"""What counts as sent: contacts, and offers of runs that were activated lately."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from support.snapshots import day, view_from

from followsuit.graph.state import StateFolder
from followsuit.policy.contact.sent import NOTED, Sent, note_activated, noted, sent

NOW = day(50)
THREE_DAYS = timedelta(days=3)


def offered(*rows: dict[str, Any]) -> pa.Table:
    given = [{"item_kind": "product", "item_id": "tea", "channel": "email", **row} for row in rows]
    names = [name for name in NOTED.names if name not in ("at", "run_id", "inputs")]
    return pa.Table.from_pylist(given, pa.schema([NOTED.field(name) for name in names]))


def note(state: StateFolder, run_id: str, as_of: datetime, rows: pa.Table) -> None:
    """Note a run whose inputs no other run shares."""
    note_activated(state, run_id, run_id, as_of, rows)


def contact(customer: str, offer: str, at: int) -> dict[str, Any]:
    return {
        "contact_id": f"{customer} {offer} {at}",
        "customer_id": customer,
        "offer_id": offer,
        "channel": "email",
        "at": day(at),
    }


def what_was_sent(folder: Path, *contacts: dict[str, Any], run_id: str = "now") -> Sent:
    shop = {
        "customers": [{"customer_id": c} for c in ("ann", "bob")],
        "products": [{"product_id": "tea"}],
        "offers": [{"offer_id": o} for o in ("x", "y")],
        "contacts": list(contacts),
    }
    view = view_from(folder / "view", NOW, **shop)
    return sent(view, StateFolder(folder / "state"), run_id, THREE_DAYS)


def pairs(messages: Sent) -> list[tuple[str, str]]:
    rows = messages.messages.order_by("customer_id", "offer_id", "at").to_pyarrow().to_pylist()
    return [(row["customer_id"], row["offer_id"]) for row in rows]


def test_offers_count_as_sent_for_a_while(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    note_activated(
        state,
        "2025-02-18-a",
        "2025-02-18-a",
        day(48),
        offered({"customer_id": "ann", "offer_id": "x"}),
    )
    note_activated(
        state,
        "2025-02-16-b",
        "2025-02-16-b",
        day(46),
        offered({"customer_id": "bob", "offer_id": "x"}),
    )
    assert pairs(what_was_sent(tmp_path)) == [("ann", "x")]


def test_the_contact_counts_once_it_has_arrived(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    rows = offered({"customer_id": "ann", "offer_id": "x"}, {"customer_id": "ann", "offer_id": "y"})
    note(state, "2025-02-18-a", day(48), rows)
    late = contact("ann", "x", 49)
    assert pairs(what_was_sent(tmp_path, late)) == [("ann", "x"), ("ann", "y")]
    earlier = contact("ann", "x", 30)
    both = [("ann", "x"), ("ann", "x"), ("ann", "y")]
    assert pairs(what_was_sent(tmp_path, earlier)) == both, "an earlier contact is another message"


def test_a_run_does_not_count_its_own_offers(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    note(state, "now", NOW, offered({"customer_id": "ann", "offer_id": "x"}))
    assert pairs(what_was_sent(tmp_path)) == []
    other = what_was_sent(tmp_path, run_id="another run of the day")
    assert pairs(other) == [("ann", "x")]
    assert other.of_the_day["offer_id"].to_pylist() == ["x"]
    assert other.of_offers(["x", "y"], today=True) == {"x": 1}
    assert other.of_offers(["x", "y"], today=False) == {}


def test_several_runs_of_a_day_count_the_same_offer_once(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    rows = offered({"customer_id": "ann", "offer_id": "x"})
    for run_id, at in (("a", NOW), ("b", NOW), ("c", NOW - timedelta(hours=6))):
        note(state, run_id, at, rows)
    messages = what_was_sent(tmp_path)
    assert pairs(messages) == [("ann", "x"), ("ann", "x")], "one of them of the day before"
    assert len(messages.of_the_day) == 1


def test_later_contacts_and_runs_are_not_known_yet(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    note_activated(
        state,
        "2025-02-22-a",
        "2025-02-22-a",
        day(52),
        offered({"customer_id": "ann", "offer_id": "x"}),
    )
    assert pairs(what_was_sent(tmp_path, contact("bob", "x", 51))) == []


def test_notes_are_private_and_go_after_a_month(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    note(state, f"{day(10):%Y-%m-%d}-a", day(10), offered())
    note_activated(
        state,
        f"{NOW:%Y-%m-%d}-b",
        f"{NOW:%Y-%m-%d}-b",
        NOW,
        offered({"customer_id": "a", "offer_id": "x"}),
    )
    (path,) = state.activated.iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert noted(state).schema == NOTED
    assert noted(state)["run_id"].to_pylist() == [f"{NOW:%Y-%m-%d}-b"]
