"""Standardised values: trimmed text, codes in one case, times in UTC, money in minor units."""

import csv
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver
from support.loading import load_from, rejects, rows

from followsuit.testing.places import Place

REJECTED = "rejected"
DEFAULTS: dict[str, dict[str, object]] = {
    "purchases": {"customer_id": "c", "product_id": "p", "at": "2025-01-01"},
    "events": {"customer_id": "c", "kind": "view", "at": "2025-01-01"},
    "contacts": {"customer_id": "c", "offer_id": "o", "channel": "sms", "at": "2025-01-01"},
}
KEYS = {"events": "event_id", "purchases": "purchase_id", "contacts": "contact_id"} | {
    "customers": "customer_id",
    "products": "product_id",
    "stores": "store_id",
}


def understood(
    folder: Path, table: str, column: str, cells: Sequence[str], **options: Any
) -> list[Any]:
    """The stored value of each cell of a column; None if it is missing."""
    key = KEYS[table]
    delivered = [
        DEFAULTS.get(table, {}) | {key: f"k{i:03}", "given": cell} for i, cell in enumerate(cells)
    ]
    place = Place(str(folder / "store.lbug"))
    mapping = {table: {"columns": {column: {"column": "given", **options}}}}
    report = load_from(place, deliver(folder / "delivery", **{table: delivered}), mapping)
    values = {row[key]: row.get(column) for row in rows(place, table)}
    faulty = {reject[2] - 1 for reject in rejects(report)}
    return [REJECTED if i in faulty else values[f"k{i:03}"] for i in range(len(cells))]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def check(folder: Path, table: str, column: str, meant: dict[str, Any], **options: Any) -> None:
    values = understood(folder, table, column, list(meant), **options)
    assert dict(zip(meant, values, strict=True)) == meant


class TestText:
    def test_ids_stay_as_written_but_for_space_around_them(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        ids = [
            "007",
            "7",
            "1e5",
            "1.0",
            "-0",
            "+1",
            "0x1F",
            "NaN",
            "null",
            "NULL",
            "None",
            "true",
            "2025-01-01",
            "a b",
            "O'Neil",
            'say "hi"',
            "back\\slash",
            "semi;colon",
            "com,ma",
            "#1",
            "tab\there",
            "line\nbreak",
            "É",
            "e\u0301",
            "😀",
            "İ",
            "ß",
            "Ab",
            "aB",
            "x" * 1000,
            "100000000000000000000000000001",
            "$1",
            "{id}",
            "`id`",
            "%",
            "-- id",
        ]
        padded = [*(f" {each}\t" for each in ids[:20]), *(f"\u00a0{each} " for each in ids[20:])]
        load_from(
            embedded, deliver(tmp_path / "d", customers=[{"customer_id": each} for each in padded])
        )
        stored_ids = {row["customer_id"] for row in rows(embedded, "customers")}
        assert stored_ids == {unicodedata.normalize("NFC", each) for each in ids}

    def test_ids_come_out_of_relationships_and_queries_as_they_went_in(
        self, place: Place, tmp_path: Path
    ) -> None:
        ids = ["007", "O'Neil", 'say "hi"', "back\\slash", "line\nbreak", "😀", "$1", "`id`", "1e5"]
        friends = [{"customer_id": a, "friend_id": "7", "directed": "true"} for a in ids]
        load_from(place, deliver(tmp_path / "d", friendships=friends))
        assert [row["customer_id"] for row in rows(place, "friendships")] == sorted(ids)
        with place.open() as store:
            for each in ids:
                answer = store.query(
                    "MATCH (c:Customer {customer_id: $id}) RETURN c.customer_id AS id", {"id": each}
                )
                assert answer["id"].to_pylist() == [each]

    def test_text_is_trimmed_and_empty_text_is_missing(self, tmp_path: Path) -> None:
        meant = {"Tea": "Tea", "  Tea  bag\t": "Tea  bag", "\u00a0Tea\u00a0": "Tea"}
        meant |= {"": None, "   ": None, "\u00a0": None, "\r\n": None, "NULL": "NULL", "nan": "nan"}
        check(tmp_path, "products", "name", meant)

    def test_codes_lose_their_case_and_names_keep_it(self, tmp_path: Path) -> None:
        check(tmp_path / "1", "purchases", "channel", {"WEB": "web", " Store ": "store", "": None})
        check(tmp_path / "2", "purchases", "currency", {"eur": "EUR", " Usd": "USD", "": None})
        check(tmp_path / "3", "events", "kind", {"VIEW": "view", "Cart": "cart"})
        check(tmp_path / "4", "products", "category", {"Tea": "Tea", "TEA": "TEA"})


class TestTimes:
    def test_iso_times_are_read_and_become_utc(self, tmp_path: Path) -> None:
        meant = {
            "2025-01-05": utc(2025, 1, 5),
            "2025-1-5": utc(2025, 1, 5),
            "2025-01-05T10:00": utc(2025, 1, 5, 10),
            "2025-01-05 10:00:30": utc(2025, 1, 5, 10, 0, 30),
            "2025-01-05T10:00:00Z": utc(2025, 1, 5, 10),
            "2025-01-05T10:00:00z": utc(2025, 1, 5, 10),
            "2025-01-05 10:00:00 UTC": utc(2025, 1, 5, 10),
            "2025-01-05T10:00:00+02:00": utc(2025, 1, 5, 8),
            "2025-01-05T10:00:00+0530": utc(2025, 1, 5, 4, 30),
            "2025-01-05 10:00:00-05": utc(2025, 1, 5, 15),
            "2025-01-05T10:00:00.5Z": utc(2025, 1, 5, 10, 0, 0, 500_000),
            "2025-01-05T10:00:00.123456": utc(2025, 1, 5, 10, 0, 0, 123_456),
            "2025-01-05T10:00:00.123456789Z": utc(2025, 1, 5, 10, 0, 0, 123_456),
            " 2025-01-05 ": utc(2025, 1, 5),
            "2024-02-29T23:59:59Z": utc(2024, 2, 29, 23, 59, 59),
            "2000-02-29": utc(2000, 2, 29),
            "0001-01-01": utc(1, 1, 1),
            "9999-12-31T23:59:59.999999Z": utc(9999, 12, 31, 23, 59, 59, 999_999),
        }
        check(tmp_path, "purchases", "at", meant)

    def test_times_that_are_not_iso_8601_are_rejected(self, tmp_path: Path) -> None:
        cells = [
            "2025-02-29",
            "1900-02-29",
            "2025-01-05T10:00:60Z",
            "2025-01-05T10",
            "20250105",
            "05.01.2025",
            "01/05/2025",
            "2025-01-05T10:00:00Z later",
            "infinity",
            "epoch",
            "now",
            "2025-01-05 (BC)",
            "2025-01-05 10:00:00 Europe/Berlin",
            "1735689600",
            "1.7e9",
            "9999-12-31T23:59:59-02:00",
            "0001-01-01T00:00:00+01:00",
            "12:00",
            "2025",
            "2025-01",
            "2025-01-05T24:00:00",
            "2025-01-05T10:60",
            "2025-01-05T10:00:00 +1:00",
        ]
        good = "2025-01-05"
        values = understood(tmp_path, "purchases", "at", [*cells, good])
        assert values == [REJECTED] * len(cells) + [utc(2025, 1, 5)]

    def test_the_mappings_zone_holds_for_times_that_name_none(self, tmp_path: Path) -> None:
        meant = {
            "2025-01-05": utc(2025, 1, 5, 5),
            "2025-01-05T10:00": utc(2025, 1, 5, 15),
            "2025-07-05T10:00": utc(2025, 7, 5, 14),
            "2025-07-05T10:00:00Z": utc(2025, 7, 5, 10),
            "2025-07-05 10:00:00 UTC": utc(2025, 7, 5, 10),
            "2025-07-05T10:00:00+02:00": utc(2025, 7, 5, 8),
            # The clock went from 2:00 to 3:00 that night: 2:30 was not, and is taken as 3:30.
            "2025-03-09T01:59:59": utc(2025, 3, 9, 6, 59, 59),
            "2025-03-09T02:30:00": utc(2025, 3, 9, 7, 30),
            "2025-03-09T03:00:00": utc(2025, 3, 9, 7),
            # The clock went back from 2:00 to 1:00: 1:30 was twice, and is taken as the later.
            "2025-11-02T00:59:59": utc(2025, 11, 2, 4, 59, 59),
            "2025-11-02T01:30:00": utc(2025, 11, 2, 6, 30),
            "2025-11-02T02:00:00": utc(2025, 11, 2, 7),
        }
        check(tmp_path, "purchases", "at", meant, timezone="America/New_York")

    def test_a_format_is_followed_in_the_mappings_zone(self, tmp_path: Path) -> None:
        meant = {
            "05.01.2025 10:00": utc(2025, 1, 5, 9),
            "05.07.2025 10:00": utc(2025, 7, 5, 8),
            "2025-01-05": REJECTED,
        }
        form = "%d.%m.%Y %H:%M"
        check(tmp_path, "purchases", "at", meant, format=form, timezone="Europe/Berlin")

    def test_a_zone_in_a_format_goes_before_the_mappings(self, tmp_path: Path) -> None:
        options = {"timezone": "America/New_York"}
        meant = {"05.01.2025 10:00 +0200": utc(2025, 1, 5, 8)}
        check(tmp_path / "1", "purchases", "at", meant, format="%d.%m.%Y %H:%M %z", **options)
        meant = {"05.07.2025 10:00 Europe/Berlin": utc(2025, 7, 5, 8)}
        check(tmp_path / "2", "purchases", "at", meant, format="%d.%m.%Y %H:%M %Z", **options)

    @pytest.mark.parametrize(
        ("unit", "number"),
        [
            ("microseconds", "1735689600500000"),
            ("milliseconds", "1735689600500"),
            ("seconds", "1735689600.5"),
            ("minutes", "28928160.008333333"),
            ("hours", "482136.00013888889"),
            ("days", "20089.000005787037"),
        ],
    )
    def test_a_bare_number_is_a_time_where_the_mapping_names_the_unit(
        self, tmp_path: Path, unit: str, number: str
    ) -> None:
        values = understood(tmp_path, "purchases", "at", [number, "x", "1e300", "nan"], unit=unit)
        assert abs(values[0] - utc(2025, 1, 1, 0, 0, 0, 500_000)).total_seconds() < 1e-3
        assert values[1:] == [REJECTED] * 3

    def test_numbers_count_from_the_mappings_origin(self, tmp_path: Path) -> None:
        meant = {"0": utc(2012, 4, 1), "25": utc(2012, 4, 2, 1), "-1": utc(2012, 3, 31, 23)}
        meant |= {"1.5": utc(2012, 4, 1, 1, 30), "1e9": REJECTED}
        check(tmp_path, "purchases", "at", meant, unit="hours", origin=datetime(2012, 4, 1))  # noqa: DTZ001

    def test_dates_are_read_with_and_without_a_format(self, tmp_path: Path) -> None:
        meant = {
            "1990-05-01": date(1990, 5, 1),
            "1990-5-1": date(1990, 5, 1),
            "1990-05-01T23:30:00Z": date(1990, 5, 1),
            "2000-02-29": date(2000, 2, 29),
            "0001-01-01": date(1, 1, 1),
            "9999-12-31": date(9999, 12, 31),
            "": None,
            "0000-01-01": REJECTED,
            "1990-05-32": REJECTED,
        }
        check(tmp_path / "1", "customers", "birth_date", meant)
        meant = {"01/05/1990": date(1990, 5, 1), "1990-05-01": REJECTED}
        check(tmp_path / "2", "customers", "birth_date", meant, format="%d/%m/%Y")


class TestMoneyAndNumbers:
    def test_money_in_major_units_becomes_whole_minor_units(self, tmp_path: Path) -> None:
        meant: dict[str, Any] = {
            "19.99": 1999,
            "19.990": 1999,
            "0.1": 10,
            "1e2": 10_000,
            "+5": 500,
            ".5": 50,
            "1.": 100,
            "0": 0,
            "-0.00": 0,
            "": None,
            "0.285": 28,  # halves go to the even neighbour, so that sums are not pushed up
            "0.295": 30,
            "92233720368547758.07": 2**63 - 1,
            "92233720368547758.08": REJECTED,
            "12 345": REJECTED,
            "€5": REJECTED,
        }
        check(tmp_path, "purchases", "amount", meant)

    def test_money_in_minor_units_stays_what_it_is(self, tmp_path: Path) -> None:
        meant = {"1999": 1999, "0": 0, "5.0": 5, "9223372036854775807": 2**63 - 1, "x": REJECTED}
        check(tmp_path, "purchases", "amount", meant, unit="minor")

    def test_a_decimal_comma_is_read_where_the_mapping_says_so(self, tmp_path: Path) -> None:
        meant = {"19,99": 1999, "7": 700, "1.234": REJECTED, "1.234,50": REJECTED, ",5": 50}
        check(tmp_path / "1", "purchases", "amount", meant, decimal=",")
        check(tmp_path / "2", "purchases", "quantity", {"1,5": 1.5, "1.5": REJECTED}, decimal=",")

    def test_numbers_are_read_to_the_last_digit(self, tmp_path: Path) -> None:
        meant: dict[str, Any] = {
            "1": 1.0,
            "0.1": 0.1,
            "1e308": 1e308,
            "5e-324": 5e-324,
            "3.141592653589793": 3.141592653589793,
            "-2.5": -2.5,
            "": None,
            "1e309": REJECTED,
            "inf": REJECTED,
            "-Infinity": REJECTED,
            "NaN": REJECTED,
            "1_0": REJECTED,
            "0x10": REJECTED,
            "٣": REJECTED,
            "1,5": REJECTED,
        }
        check(tmp_path, "events", "value", meant)

    def test_booleans_are_true_false_1_or_0_in_any_case(self, tmp_path: Path) -> None:
        meant: dict[str, Any] = {"true": True, "TRUE": True, " True ": True, "1": True}
        meant |= {"false": False, "False": False, "0": False, "": None}
        meant |= {"yes": REJECTED, "t": REJECTED, "2": REJECTED, "1.0": REJECTED, "-1": REJECTED}
        check(tmp_path, "products", "sensitive", meant)


class TestExtremes:
    def test_the_ends_of_every_kind_come_out_as_they_went_in(
        self, place: Place, tmp_path: Path
    ) -> None:
        first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
        customer = {"customer_id": "😀" * 1000, "city": "é" * 1000, "name": "n" * 100_000}
        dates = {"birth_date": "0001-01-01", "joined_at": first}
        bought = {"customer_id": customer["customer_id"], "product_id": "'", "purchase_id": "b1"}
        ends = {"at": last, "quantity": "1.7976931348623157e308", "amount": "92233720368547758.07"}
        load_from(
            place, deliver(tmp_path / "d", customers=[customer | dates], purchases=[bought | ends])
        )
        assert rows(place, "customers") == [
            customer | {"birth_date": date(1, 1, 1), "joined_at": utc(1, 1, 1)}
        ]
        assert rows(place, "purchases") == [
            bought
            | {"at": utc(9999, 12, 31, 23, 59, 59, 999_999), "amount": 2**63 - 1}
            | {"quantity": 1.7976931348623157e308}
        ]


class TestMapping:
    def test_a_constant_stands_for_a_column(self, embedded: Place, tmp_path: Path) -> None:
        folder = deliver(tmp_path / "d", visits=[{"who": "a", "day": "2025-01-02"}])
        columns = {"customer_id": "who", "at": "day", "store_id": {"value": "web"}}
        load_from(embedded, folder, {"visits": {"columns": columns}})
        (visit,) = rows(embedded, "visits")
        assert (visit["customer_id"], visit["store_id"]) == ("a", "web")
        assert rows(embedded, "stores") == [{"store_id": "web"}]

    def test_columns_of_any_name_can_be_mapped(self, embedded: Place, tmp_path: Path) -> None:
        names = {"customer_id": "row", "name": "ROW", "city": 'the "city", please', "email": "c0"}
        with (tmp_path / "people.txt").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([list(names.values()), ["c1", "Ann", "Rome", "a@example.org"]])
        mapping = {"customers": {"file": "people.txt", "columns": names}}
        load_from(embedded, tmp_path, mapping)
        assert rows(embedded, "customers") == [
            {"customer_id": "c1", "name": "Ann", "city": "Rome", "email": "a@example.org"}
        ]

    def test_header_names_are_taken_without_space_around_them(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = tmp_path / "d"
        folder.mkdir()
        (folder / "customers.csv").write_text(" customer_id , name\t\nc1,Ann\n")
        load_from(embedded, folder)
        assert rows(embedded, "customers") == [{"customer_id": "c1", "name": "Ann"}]

    def test_a_delimiter_an_encoding_and_a_path_outside_the_folder_can_be_said(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        (tmp_path / "d").mkdir()
        elsewhere = tmp_path / "crm.dat"
        elsewhere.write_bytes("customer_id|name\nc1|Zoë\nc2|5 €\n".encode("cp1252"))
        mapping = {"customers": {"file": str(elsewhere), "delimiter": "|", "encoding": "cp1252"}}
        load_from(embedded, tmp_path / "d", mapping)
        assert [row["name"] for row in rows(embedded, "customers")] == ["Zoë", "5 €"]
