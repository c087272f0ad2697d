"""The offers of the active run are handed over, each checked once more."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.deliveries import deliver
from support.handed import read_csv
from support.linear_taste import score
from support.shops import ADULT, NOW, deliver_shop, tables
from support.snapshots import day

from followsuit.graph.results.runs import DECISIONS, DamagedRun, UnknownRun, active_run, run_folder
from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.offers.decisions.decision_rows import SCHEMA
from followsuit.offers.handoff.hand_off import HandOff, HandOffError, hand_off
from followsuit.testing.places import Place

pytestmark = pytest.mark.usefixtures("few_days")

LATER = datetime(2026, 1, 1, tzinfo=UTC)
EMAIL = "mailing-email.csv"


def customers(**changed: Any) -> list[dict[str, Any]]:
    """The shop's customers; Ann and Dan have an e-mail and a phone unless they are changed."""
    of_ann = {"name": "Änne Müller", "email": "ann@example.com", "phone": "+49 30 555", **changed}
    nothing = dict.fromkeys(of_ann)
    rows = tables()["customers"]
    return [row | (of_ann if row["customer_id"] in ("ann", "dan") else nothing) for row in rows]


def answer(customer: str, purpose: str, granted: bool, number: int = 1) -> dict[str, Any]:
    at = day(number).isoformat()
    return {"customer_id": customer, "purpose": purpose, "granted": str(granted).lower(), "at": at}


class Shop:
    """A scored shop whose customers may be contacted by e-mail and SMS."""

    def __init__(self, store: GraphStore, folder: Path) -> None:
        self.store = store
        self._folder = folder
        granted = [answer(c, p, True) for c in ("ann", "dan") for p in ("email", "sms")]
        consents = [*tables()["consents"], *granted]
        load(store, str(deliver_shop(folder / "d", customers=customers(), consents=consents)))
        self.run = score(store, NOW, LATER)

    def deliver(self, **rows: Any) -> None:
        number = sum(1 for _ in self._folder.iterdir())
        load(self.store, str(deliver(self._folder / f"more-{number}", **rows)))

    def hand_off(self, at: datetime = NOW, to: str = "out") -> HandOff:
        return hand_off(self.store, self._folder / to, at)

    def handed(self, to: str = "out") -> set[tuple[str, str]]:
        """Who gets what by e-mail."""
        path = self._folder / to / EMAIL
        rows = read_csv(path) if path.exists() else []
        return {(row["customer_id"], row["item_id"]) for row in rows}

    def in_graph(self) -> set[tuple[str, str]]:
        rows = self.store.query(
            "MATCH (c:Customer)-[r:RECOMMENDED]->(i) WHERE r.run_id = $run "
            "RETURN c.customer_id AS c, coalesce(i.product_id, i.store_id) AS i",
            {"run": active_run(self.store).run_id},
        )
        return {(row["c"], row["i"]) for row in rows.to_pylist()}


@pytest.fixture
def shop(embedded: Place, tmp_path: Path) -> Iterator[Shop]:
    with embedded.open() as store:
        yield Shop(store, tmp_path)


@pytest.fixture
def on_each_engine(place: Place, tmp_path: Path) -> Iterator[Shop]:
    with place.open() as store:
        yield Shop(store, tmp_path)


def test_all_offers_go_out_for_their_owner_alone(on_each_engine: Shop, tmp_path: Path) -> None:
    shop = on_each_engine
    handed = shop.hand_off()
    assert shop.handed() == shop.in_graph() >= {("ann", "tea"), ("ann", "kiosk"), ("dan", "tea")}
    n = len(shop.in_graph())
    assert handed.as_dict() == {
        "run_id": shop.run.run_id,
        "files": [
            {
                "path": str(tmp_path / "out" / EMAIL),
                "channel": "email",
                "offers": n,
                "customers": 2,
            }
        ],
        "dropped": {},
    }
    rows = read_csv(tmp_path / "out" / EMAIL)
    assert {row["name"] for row in rows} == {"Änne Müller"}
    assert {row["email"] for row in rows} == {"ann@example.com"}
    assert {row["send_after"] for row in rows} == {""}
    assert read_csv(tmp_path / "out" / "dropped.csv") == []
    modes = {
        p.name: p.stat().st_mode & 0o777 for p in [tmp_path / "out", *(tmp_path / "out").iterdir()]
    }
    assert modes == {"out": 0o700, EMAIL: 0o600, "dropped.csv": 0o600}


def test_the_same_again_gives_the_same_bytes(shop: Shop, tmp_path: Path) -> None:
    for name in ("out", "again", "again"):
        shop.hand_off(to=name)
    for name in (EMAIL, "dropped.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_what_a_load_has_withdrawn_is_left_out(on_each_engine: Shop) -> None:
    shop = on_each_engine
    shop.deliver(consents=[answer("bob", "social_use", False, 12)])
    handed = shop.hand_off()
    assert shop.handed() == shop.in_graph() == {("ann", "jam"), ("ann", "rye")}
    assert handed.dropped == {}


def test_a_channel_refused_after_scoring_is_not_used(shop: Shop, tmp_path: Path) -> None:
    n = len(shop.in_graph())
    shop.deliver(consents=[answer("ann", "email", False, 30)])
    handed = shop.hand_off()
    assert {customer for customer, _ in shop.handed()} == {"dan"}
    assert handed.dropped == {"no_channel_consent": n - len(shop.handed())}
    dropped = read_csv(tmp_path / "out" / "dropped.csv")
    assert {(row["customer_id"], row["channel"], row["why"]) for row in dropped} == {
        ("ann", "email", "the customer has not agreed to be contacted by this channel")
    }


def test_an_email_that_has_gone_missing_drops_the_offer(shop: Shop) -> None:
    shop.deliver(customers=[row | {"email": None} for row in customers()])
    handed = shop.hand_off()
    assert handed.files == []
    assert set(handed.dropped) == {"no_address"}
    assert shop.handed() == set()


def test_reasons_that_end_before_the_hand_off_are_dropped(shop: Shop, tmp_path: Path) -> None:
    shop.hand_off()
    ended = sum(row["until"] != "" for row in read_csv(tmp_path / "out" / EMAIL))
    handed = shop.hand_off(at=day(365))
    left = read_csv(tmp_path / "out" / EMAIL)
    assert {row["until"] for row in left} == {""}  # They rest on no trigger.
    assert handed.dropped == {"expired": ended}
    assert ended + len(left) == len(shop.in_graph())


def test_a_run_for_some_customers_hands_over_the_others_offers_too(on_each_engine: Shop) -> None:
    shop = on_each_engine
    before = shop.in_graph()
    shop.deliver(purchases=[{"customer_id": "bob", "product_id": "egg", "at": day(19).isoformat()}])
    score(shop.store, NOW, LATER, customers=["dan"])
    after = shop.in_graph()
    assert {pair for pair in after if pair[0] == "ann"} == {p for p in before if p[0] == "ann"}
    assert ("dan", "egg") in after
    shop.hand_off()
    assert shop.handed() == after


def test_cells_that_a_spreadsheet_would_run_are_quoted(shop: Shop, tmp_path: Path) -> None:
    shop.deliver(customers=customers(name="=cmd()"), products=[{"product_id": "tea", "name": "@x"}])
    shop.hand_off()
    rows = read_csv(tmp_path / "out" / EMAIL)
    assert {row["name"] for row in rows} == {"'=cmd()"}
    assert "'@x" in {row["item_name"] for row in rows}


def test_the_decisions_say_when_to_send_so_they_must_be_there(shop: Shop, tmp_path: Path) -> None:
    path = run_folder(shop.store, shop.run.run_id) / DECISIONS
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedRun, match=f"{shop.run.run_id} are missing or damaged"):
        shop.hand_off()
    assert not (tmp_path / "out").exists()


def test_send_after_is_that_of_the_decision(shop: Shop, tmp_path: Path) -> None:
    path = run_folder(shop.store, shop.run.run_id) / DECISIONS
    decisions = pq.read_table(path, memory_map=False)
    index = decisions.column_names.index("send_after")
    at_eight = pa.array([day(21, 8)] * len(decisions), SCHEMA.field("send_after").type)
    pq.write_table(decisions.set_column(index, "send_after", at_eight), path)
    shop.hand_off()
    rows = read_csv(tmp_path / "out" / EMAIL)
    assert {row["send_after"] for row in rows} == {"2025-01-21T08:00:00+00:00"}


def test_without_a_run_or_with_a_file_for_a_folder_nothing_is_written(
    embedded: Place, tmp_path: Path
) -> None:
    with embedded.open() as store:
        load(store, str(deliver_shop(tmp_path / "d")))
        with pytest.raises(UnknownRun, match="has no offers yet"):
            hand_off(store, tmp_path / "out", NOW)
        assert not (tmp_path / "out").exists()
        (tmp_path / "file").touch()
        with pytest.raises(HandOffError, match="is a file"):
            hand_off(store, tmp_path / "file", NOW)


def test_a_friend_is_named_nowhere(shop: Shop, tmp_path: Path) -> None:
    shop.deliver(customers=[{"customer_id": "bob", "name": "Bob Secret", "birth_date": ADULT}])
    shop.hand_off()
    texts = [path.read_text() for path in (tmp_path / "out").iterdir()]
    assert not any("Secret" in text or "bob" in text for text in texts)
