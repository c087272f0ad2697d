"""Known minors have no rank: they are not listed, and nothing of them is in the graph."""

from pathlib import Path

from support.deliveries import deliver
from support.snapshots import day

from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import view_of
from followsuit.influence.analysis import Analysis
from followsuit.loaders.load import load
from followsuit.testing.places import Place

NAMES = ("ann", "bob", "kim")


def deliver_people(folder: Path, **born: str) -> Path:
    customers = [{"customer_id": c, "birth_date": born.get(c)} for c in NAMES]
    items = [f"p{n}" for n in range(20)]
    pairs = [("ann", "bob"), ("ann", "kim"), ("kim", "bob")]
    bought = [
        {"customer_id": c, "product_id": p, "at": day(2 + n, 2 * k).isoformat()}
        for n, p in enumerate(items)
        for k, c in enumerate(NAMES)
        if (n + k) % 4
    ]
    return deliver(
        folder,
        customers=customers,
        products=[{"product_id": p} for p in items],
        friendships=[{"customer_id": a, "friend_id": b} for a, b in pairs],
        purchases=bought,
    )


def ranked(store: GraphStore) -> tuple[list[str], dict[str, object]]:
    """Who is listed, and what the graph then holds of each."""
    rows, _ = Analysis(store, view_of(store, day(60))).rank(write=True)
    held = store.read(g.CUSTOMER_RANK).to_pylist()
    return sorted(rows.customer_id), {
        row["customer_id"]: {v for k, v in row.items() if k != "customer_id"} for row in held
    }


def test_who_turns_out_to_be_a_minor_is_not_listed_and_loses_what_was_written(
    place: Place, tmp_path: Path
) -> None:
    with place.open() as store:
        load(store, str(deliver_people(tmp_path / "first")), assume_consent=True)
        listed, held = ranked(store)
        assert listed == list(NAMES)
        assert None not in held["kim"]  # type: ignore[operator]
        load(store, str(deliver_people(tmp_path / "second", kim="2012-05-05")), assume_consent=True)
        listed, held = ranked(store)
    assert listed == ["ann", "bob"]
    assert held.get("kim", {None}) == {None}
    assert None not in held["ann"]  # type: ignore[operator]
