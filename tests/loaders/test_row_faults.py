"""Rows with faults or unknown references: each is rejected with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from support import commands
from support.deliveries import deliver
from support.loading import counts, load_from, rejects, rows

from followsuit.errors import DeliveryError
from followsuit.graph.tables import TABLES
from followsuit.loaders.load_report import LoadReport
from followsuit.testing.places import Place

GOOD: dict[str, dict[str, object]] = {
    "customers": {"customer_id": "c1", "birth_date": "1990-05-01", "joined_at": "2024-01-01"},
    "products": {"product_id": "p1", "price": "9.99", "margin": "-1.50", "sensitive": "0"},
    "stores": {"store_id": "s1", "latitude": "-90", "longitude": "180"},
    "offers": {"offer_id": "o1", "product_id": "p1", "store_id": "s1", "cost": "1", "value": "2"},
    "friendships": {"customer_id": "c1", "friend_id": "c2", "directed": "false"},
    "purchases": {
        "purchase_id": "b1",
        "customer_id": "c1",
        "product_id": "p1",
        "at": "2025-01-01",
        "store_id": "s1",
        "quantity": "0",
        "amount": "0",
    },
    "visits": {"visit_id": "v1", "customer_id": "c1", "store_id": "s1", "at": "2025-01-01"},
    "events": {
        "event_id": "e1",
        "customer_id": "c1",
        "kind": "view",
        "at": "2025-01-01",
        "product_id": "p1",
        "store_id": "s1",
        "value": "-3",
    },
    "likes": {"customer_id": "c1", "interest": "tea"},
    "memberships": {"customer_id": "c1", "program": "gold"},
    "contacts": {
        "contact_id": "k1",
        "customer_id": "c1",
        "offer_id": "o1",
        "channel": "email",
        "at": "2025-01-01",
    },
    "consents": {"customer_id": "c1", "purpose": "email", "granted": "1", "at": "2025-01-01"},
}
TIME, DATE, AMOUNT, NUMBER = (
    "isn't a valid time",
    "isn't a valid date",
    "isn't a valid amount",
    "isn't a valid number",
)
FLAG, EMPTY, NEGATIVE = "is neither true nor false", "is empty", "is negative"
LONG = "is longer than 1000 characters"
BARE = "is a bare number, and the mapping names no unit"
UNKNOWN = "isn't a known purpose; the nearest is"
GRANTS_ALL = "grants all purposes at once, which can only be refused; grant each one separately"
LONG_VALUE = "x" * 39 + "…"

FAULTS: list[tuple[str, str, str, str, str | None]] = [
    # A table, its column, the cell that is put there, the reason, and the value of the reject.
    ("customers", "birth_date", "1.5.1990", DATE, "1.5.1990"),
    ("customers", "birth_date", "1999-02-29", DATE, "1999-02-29"),
    ("customers", "birth_date", "0000-00-00", DATE, "0000-00-00"),
    ("customers", "birth_date", "19900501", DATE, "19900501"),
    ("customers", "joined_at", "yesterday", TIME, "yesterday"),
    ("customers", "joined_at", "2024-13-01", TIME, "2024-13-01"),
    ("customers", "joined_at", "2024-01-01T25:00:00", TIME, "2024-01-01T25:00:00"),
    ("customers", "joined_at", "10000-01-01", TIME, "10000-01-01"),
    ("customers", "joined_at", "2024-01-01 10:00 Rome", TIME, "2024-01-01 10:00 Rome"),
    ("customers", "joined_at", "1704067200", BARE, "1704067200"),
    ("customers", "joined_at", "-1704067200.5", BARE, "-1704067200.5"),
    ("customers", "customer_id", "", EMPTY, None),
    ("customers", "customer_id", " \t\u00a0", EMPTY, None),
    ("customers", "customer_id", "x" * 1001, LONG, LONG_VALUE),
    ("customers", "city", "x" * 1001, LONG, LONG_VALUE),
    ("products", "product_id", "", EMPTY, None),
    ("products", "price", "free", AMOUNT, "free"),
    ("products", "price", "9,99", AMOUNT, "9,99"),
    ("products", "price", "1_000", AMOUNT, "1_000"),
    ("products", "price", "1e308", AMOUNT, "1e308"),
    ("products", "price", "inf", AMOUNT, "inf"),
    ("products", "price", "nan", AMOUNT, "nan"),
    ("products", "price", "99999999999999999999", AMOUNT, "99999999999999999999"),
    ("products", "price", "-0.01", NEGATIVE, "-0.01"),
    ("products", "margin", "much", AMOUNT, "much"),
    ("products", "sensitive", "yes", FLAG, "yes"),
    ("products", "sensitive", "2", FLAG, "2"),
    ("products", "category", "x" * 1001, LONG, LONG_VALUE),
    ("products", "brand", "x" * 1001, LONG, LONG_VALUE),
    ("stores", "store_id", "", EMPTY, None),
    ("stores", "latitude", "north", NUMBER, "north"),
    ("stores", "latitude", "90.5", "is not within 90 degrees of zero", "90.5"),
    ("stores", "longitude", "-181", "is not within 180 degrees of zero", "-181.0"),
    ("offers", "offer_id", "", EMPTY, None),
    ("offers", "product_id", "p9", "isn't one of the products", "p9"),
    ("offers", "store_id", "s9", "isn't one of the stores", "s9"),
    ("offers", "valid_from", "soon", TIME, "soon"),
    ("offers", "valid_until", "20250101", BARE, "20250101"),
    ("offers", "cost", "-1", NEGATIVE, "-1.00"),
    ("offers", "value", "?", AMOUNT, "?"),
    ("friendships", "customer_id", "", EMPTY, None),
    ("friendships", "friend_id", "", EMPTY, None),
    ("friendships", "friend_id", "c1", "is the same customer", "c1"),
    ("friendships", "friend_id", " c1 ", "is the same customer", "c1"),
    ("friendships", "customer_id", "c9", "isn't one of the customers", "c9"),
    ("friendships", "friend_id", "c9", "isn't one of the customers", "c9"),
    ("friendships", "since", "long ago", TIME, "long ago"),
    ("friendships", "interactions", "many", NUMBER, "many"),
    ("friendships", "interactions", "-1", NEGATIVE, "-1.0"),
    ("friendships", "directed", "maybe", FLAG, "maybe"),
    ("purchases", "customer_id", "", EMPTY, None),
    ("purchases", "product_id", "", EMPTY, None),
    ("purchases", "at", "", EMPTY, None),
    ("purchases", "at", "2025-02-30", TIME, "2025-02-30"),
    ("purchases", "customer_id", "c9", "isn't one of the customers", "c9"),
    ("purchases", "product_id", "p9", "isn't one of the products", "p9"),
    ("purchases", "store_id", "s9", "isn't one of the stores", "s9"),
    ("purchases", "quantity", "two", NUMBER, "two"),
    ("purchases", "quantity", "1e400", NUMBER, "1e400"),
    ("purchases", "quantity", "inf", NUMBER, "inf"),
    ("purchases", "quantity", "nan", NUMBER, "nan"),
    ("purchases", "quantity", "-1", NEGATIVE, "-1.0"),
    ("purchases", "amount", "-3.5", NEGATIVE, "-3.50"),
    ("purchases", "amount", "-0.001", NEGATIVE, "-0.001"),
    ("purchases", "purchase_id", "x" * 1001, LONG, LONG_VALUE),
    ("visits", "customer_id", "c9", "isn't one of the customers", "c9"),
    ("visits", "store_id", "s9", "isn't one of the stores", "s9"),
    ("visits", "store_id", "", EMPTY, None),
    ("visits", "at", "1735689600", BARE, "1735689600"),
    ("events", "kind", "", EMPTY, None),
    ("events", "kind", "", EMPTY, None),
    ("events", "customer_id", "c9", "isn't one of the customers", "c9"),
    ("events", "product_id", "p9", "isn't one of the products", "p9"),
    ("events", "store_id", "s9", "isn't one of the stores", "s9"),
    ("events", "value", "big", NUMBER, "big"),
    ("likes", "customer_id", "c9", "isn't one of the customers", "c9"),
    ("likes", "interest", "", EMPTY, None),
    ("likes", "interest", "x" * 1001, LONG, LONG_VALUE),
    ("memberships", "customer_id", "c9", "isn't one of the customers", "c9"),
    ("memberships", "program", "", EMPTY, None),
    ("memberships", "until", "never", TIME, "never"),
    ("contacts", "customer_id", "c9", "isn't one of the customers", "c9"),
    ("contacts", "offer_id", "o9", "isn't one of the offers", "o9"),
    ("contacts", "channel", "", EMPTY, None),
    ("contacts", "outcome_at", "later", TIME, "later"),
    ("consents", "customer_id", "c9", "isn't one of the customers", "c9"),
    ("consents", "purpose", "", EMPTY, None),
    ("consents", "purpose", "Named Use", f"{UNKNOWN} named_use", "named use"),
    ("consents", "purpose", "all", GRANTS_ALL, "True"),
    ("consents", "granted", "", EMPTY, None),
    ("consents", "granted", "y", FLAG, "y"),
    ("consents", "at", "", EMPTY, None),
]


def faulty_delivery(folder: Path) -> Path:
    """Every table with its good row first (two customers), then a row for each of its faults."""
    tables: dict[str, list[dict[str, object]]] = {}
    for name, good in GOOD.items():
        empty: dict[str, object] = dict.fromkeys(f.name for f in TABLES[name].fields)
        tables[name] = [empty | good]
        if name == "customers":
            tables[name].append(empty | {"customer_id": "c2"})
    for table, column, cell, _, _ in FAULTS:
        key = TABLES[table].key
        own = {key[0]: f"f{len(tables[table])}"} if len(key) == 1 else {}
        tables[table].append(tables[table][0] | own | {column: cell})
    return deliver(folder, **tables)


def expected() -> list[tuple[Any, ...]]:
    reached = dict.fromkeys(GOOD, 1) | {"customers": 2}
    rejects = []
    for table, column, _, reason, value in FAULTS:
        reached[table] += 1
        told = "granted" if reason == GRANTS_ALL else column
        rejects.append((table, f"{table}.csv", reached[table], told, reason, value))
    return rejects


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> LoadReport:
    folder = tmp_path_factory.mktemp("row-faults")
    return load_from(Place(str(folder / "store.lbug")), faulty_delivery(folder / "delivery"))


class TestFaultyRows:
    @pytest.mark.parametrize(
        "reject", expected(), ids=lambda r: f"{r[0]}-{r[2]}-{r[3]} {r[4]}".replace(" ", "_")
    )
    def test_each_is_a_reject_that_says_where_and_why(
        self, report: LoadReport, reject: tuple[Any, ...]
    ) -> None:
        assert [r for r in rejects(report) if r[0] == reject[0] and r[2] == reject[2]] == [reject]

    def test_nothing_else_is_rejected_and_the_good_rows_are_loaded(
        self, report: LoadReport
    ) -> None:
        assert sorted(rejects(report), key=repr) == sorted(expected(), key=repr)
        for name, (read, loaded, duplicates, rejected) in counts(report).items():
            faults = sum(table == name for table, *_ in FAULTS)
            good = 2 if name == "customers" else 1
            assert (read, loaded, duplicates, rejected) == (good + faults, good, 0, faults)

    def test_both_engines_reject_the_same_and_hold_the_same(
        self, embedded: Place, server: Place, tmp_path: Path
    ) -> None:
        folder = faulty_delivery(tmp_path / "delivery")
        reports = [load_from(place, folder) for place in (embedded, server)]
        assert rejects(reports[0]) == rejects(reports[1])
        for name, good in GOOD.items():
            assert rows(embedded, name) == rows(server, name)
            assert len(rows(embedded, name)) == (2 if name == "customers" else 1), good


class TestReturns:
    ROWS = (
        {"customer_id": "c", "product_id": "p", "at": "2025-01-01", "quantity": -1, "amount": -3.5},
        {"customer_id": "c", "product_id": "p", "at": "2025-01-02", "quantity": 1, "amount": 3.5},
    )

    def test_a_negative_purchase_is_loaded_where_the_mapping_says_that_it_is_a_return(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = deliver(tmp_path / "delivery", purchases=self.ROWS)
        report = load_from(embedded, folder, {"purchases": {"returns": True}})
        assert counts(report) == {"purchases": (2, 2, 0, 0)}
        purchases = sorted((r["quantity"], r["amount"]) for r in rows(embedded, "purchases"))
        assert purchases == [(-1.0, -350), (1.0, 350)]

    def test_a_negative_purchase_is_a_reject_where_it_does_not(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        report = load_from(embedded, deliver(tmp_path / "delivery", purchases=self.ROWS))
        assert rejects(report) == [
            ("purchases", "purchases.csv", 1, "quantity", "is negative", "-1.0")
        ]

    def test_other_negative_amounts_are_faults_all_the_same(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        products = [{"product_id": "a", "price": "-1"}, {"product_id": "b", "price": "1"}]
        folder = deliver(tmp_path / "delivery", products=products)
        report = load_from(embedded, folder, {"products": {"returns": True}})
        assert counts(report) == {"products": (2, 1, 0, 1)}


class TestExitCodes:
    def test_rejects_leave_the_exit_code_at_0_and_are_counted_and_named(
        self, tmp_path: Path
    ) -> None:
        faulty_delivery(tmp_path / "delivery")
        done = commands.run("load", "delivery", "--json", "report.json", folder=tmp_path)
        assert done.code == 0, done.said
        report = json.loads((tmp_path / "report.json").read_text())
        assert list(report["tables"]["likes"].items()) == [
            ("read", 4),
            ("loaded", 1),
            ("duplicates", 0),
            ("rejected", 3),
            ("filtered", 0),
        ]
        assert Path(report["rejects"]).is_file()
        assert report["rejects"] in done.said

    def test_a_table_of_which_no_row_survives_is_exit_code_2_in_one_line(
        self, tmp_path: Path
    ) -> None:
        deliver(
            tmp_path / "delivery",
            customers=[{"customer_id": "c1"}],
            purchases=[{"customer_id": "c9", "product_id": "p", "at": "2025-01-01"}] * 3,
        )
        done = commands.run("load", "delivery", folder=tmp_path)
        assert done.code == 2
        assert done.said == (
            "followsuit: No row of purchases survives: all 3 were rejected, the first (row 1 of "
            "purchases.csv) because customer_id isn't one of the customers. Fix them, or describe "
            "them in a --mapping.\n"
        )

    def test_where_no_row_of_a_table_survives_nothing_is_loaded(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        load_from(embedded, deliver(tmp_path / "first", customers=[{"customer_id": "c1"}]))
        second = deliver(
            tmp_path / "second",
            customers=[{"customer_id": "c2"}],
            likes=[{"customer_id": "", "interest": "tea"}],
        )
        with pytest.raises(DeliveryError, match=r"No row of likes survives: all 1 .* is empty"):
            load_from(embedded, second)
        assert rows(embedded, "customers") == [{"customer_id": "c1"}]
