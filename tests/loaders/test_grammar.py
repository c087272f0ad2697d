"""The grammar of a mapping's columns and tables: texts, templates, amounts, filters, attributes."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.deliveries import write_csv
from support.loading import counts, load_from, rejects, rows
from support.reading import read

from followsuit.loaders.mapping import Mapping
from followsuit.testing.places import Place


def cells(folder: Path, table: str, column: str, mapping: Any, *rows_: dict[str, Any]) -> Any:
    """One column as it is read, and the reasons of faults; `mapping` is that of the column."""
    write_csv(folder / f"{table}.csv", rows_)
    columns = {"columns": {column: mapping}, "returns": True}
    if table != "purchases":
        del columns["returns"]
    sound, faults = read(folder, table, columns)
    return [row.get(column) for row in sound], [fault[2] for fault in faults]


PURCHASE = {"customer_id": "c", "product_id": "p", "at": "2025-01-01"}
CONSENT = {"customer_id": "c", "purpose": "email", "at": "2025-01-01"}


class TestTexts:
    def test_texts_mean_true_and_false(self, tmp_path: Path) -> None:
        mapping = {"column": "ok", "true": ["J", "ja"], "false": "N"}
        given_ = [CONSENT | {"ok": text} for text in (" j ", "JA", "n", "0", "true", "nein")]
        found = cells(tmp_path, "consents", "granted", mapping, *given_)
        assert found == ([True, True, False, False, True], ["is neither true nor false"])

    def test_texts_mean_codes(self, tmp_path: Path) -> None:
        mapping = {"column": "way", "email": ["E-Mail", "Mail"], "phone": ["Tel"]}
        given_ = [PURCHASE | {"way": text} for text in ("MAIL", "e-mail", "Tel", "Fax")]
        found = cells(tmp_path, "purchases", "channel", mapping, *given_)
        assert found == (["email", "email", "phone", "fax"], [])


class TestSeveralColumns:
    def test_a_list_of_columns_is_joined_with_blanks(self, tmp_path: Path) -> None:
        mapping = {"column": ["Day", "Time"], "format": "%d.%m.%Y %H:%M"}
        row = {"customer_id": "c", "product_id": "p", "day": "02.01.2025", "Time": "10:26"}
        (found,), faults = cells(tmp_path, "purchases", "at", mapping, row)
        assert (found.hour, found.minute, faults) == (10, 26, [])

    @pytest.mark.parametrize(
        ("first", "last", "name"),
        [("Ada", "Byron", "Ada Byron"), ("Ada", None, "Ada"), (None, "B", "B"), (None, None, None)],
    )
    def test_a_template_leaves_out_what_is_missing(
        self, tmp_path: Path, first: str | None, last: str | None, name: str | None
    ) -> None:
        row = {"customer_id": "c", "first": first, "last": last}
        assert cells(tmp_path, "customers", "name", "{first} {last}", row) == ([name], [])


class TestAmounts:
    @pytest.mark.parametrize(
        ("text", "options", "amount"),
        [
            ("1.234,56", {"decimal": ",", "thousands": "."}, 123456),
            ("-1.234.567,8", {"decimal": ",", "thousands": "."}, -123456780),
            ("12,5", {"decimal": ",", "thousands": "."}, 1250),
            ("1.23,45", {"decimal": ",", "thousands": "."}, None),
            ("1.2345,6", {"decimal": ",", "thousands": "."}, None),
            ("1,234.5", {"thousands": ","}, 123450),
            ("1\u202f234,5", {"decimal": ",", "thousands": " "}, 123450),
            ("1'234.50", {"thousands": "'"}, 123450),
            ("19,99 €", {"decimal": ",", "symbol": "€"}, 1999),
            ("-€ 5", {"symbol": ["€", "EUR"]}, -500),
            ("EUR5", {"symbol": ["€", "EUR"]}, 500),
            ("$5", {"symbol": "€"}, None),
            ("5 kr.", {"symbol": "kr."}, 500),
        ],
    )
    def test_an_amount_is_read_as_it_is_written(
        self, tmp_path: Path, text: str, options: dict[str, Any], amount: int | None
    ) -> None:
        found = cells(
            tmp_path, "purchases", "amount", {"column": "x"} | options, PURCHASE | {"x": text}
        )
        assert found == (([], ["isn't a valid amount"]) if amount is None else ([amount], []))

    def test_a_price_per_unit_is_multiplied(self, tmp_path: Path) -> None:
        mapping = {"column": "price", "times": "n", "decimal": ","}
        given_ = [PURCHASE | {"price": "1,15", "n": n} for n in ("3", "0,5", "x")]
        found = cells(tmp_path, "purchases", "amount", mapping, *given_)
        assert found == ([345, 58], ["isn't a valid amount"])

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(amounts=st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20))
    def test_amounts_written_in_german_come_back(self, tmp_path: Path, amounts: list[int]) -> None:
        def german(cents: int) -> str:
            return f"{cents / 100:,.2f} €".translate(str.maketrans(",.", ".,"))

        mapping = {"column": "x", "decimal": ",", "thousands": ".", "symbol": "€"}
        written = [PURCHASE | {"x": german(amount)} for amount in amounts]
        assert cells(tmp_path, "purchases", "amount", mapping, *written) == (amounts, [])


def test_a_time_has_a_blank_before_its_zone(tmp_path: Path) -> None:
    row = PURCHASE | {"at": "2025-01-01 11:19:00 +0100"}
    (found,), _ = cells(tmp_path, "purchases", "at", "at", row)
    assert found.hour == 10


class TestAttributes:
    def test_columns_outside_the_contract_are_kept(self, tmp_path: Path) -> None:
        given_ = [
            {"customer_id": "a", "Size": "M", "club": 'x"y'},
            {"customer_id": "b", "Size": None, "club": None},
        ]
        write_csv(tmp_path / "customers.csv", given_)
        sound, _ = read(tmp_path, "customers")
        assert [row.get("attributes") for row in sound] == ['{"Size":"M","club":"x\\"y"}', None]

    @pytest.mark.parametrize(
        ("chosen", "kept"), [(False, None), (["size"], '{"Size":"M"}'), (True, '{"Size":"M"}')]
    )
    def test_a_mapping_chooses_them(self, tmp_path: Path, chosen: Any, kept: str | None) -> None:
        write_csv(tmp_path / "customers.csv", [{"customer_id": "a", "Size": "M", "who": "Ada"}])
        mapping = {"attributes": chosen, "columns": {"name": "who"}}
        sound, _ = read(tmp_path, "customers", mapping)
        assert sound[0].get("attributes") == kept

    def test_text_that_is_no_object_is_a_fault(self, tmp_path: Path) -> None:
        given_ = [{"customer_id": "a", "attributes": text} for text in ('{"a": 1}', "[1]", "{")]
        write_csv(tmp_path / "customers.csv", given_)
        sound, faults = read(tmp_path, "customers")
        assert [row["attributes"] for row in sound] == ['{"a": 1}']
        assert {fault[2] for fault in faults} == {"isn't a JSON object"}


MANY = {
    "customers": {"file": "people.csv", "columns": {"customer_id": "no", "email": "mail"}},
    "purchases": [
        {
            "file": "till.csv",
            "where": {"card": {"empty": False}, "state": {"not": ["void"]}, "kind": ["A", "b"]},
            "columns": {"customer_id": "card"},
        },
        {
            "file": "web.csv",
            "columns": {"customer_id": {"column": "mail", "lookup": "customers.email"}},
        },
    ],
    "consents": [
        {
            "file": "people.csv",
            "columns": {
                "customer_id": "no",
                "purpose": {"value": purpose},
                "granted": column,
                "at": {"value": "2025-01-01"},
            },
        }
        for purpose, column in (("email", "news"), ("social_use", "friends"))
    ],
}


def many(folder: Path) -> Path:
    """A shop with a till, a web shop and two consents per customer."""
    folder.mkdir()
    people = [
        {"no": "1", "mail": "Ada@x.de", "news": "1", "friends": "0"},
        {"no": "2", "mail": "bo@x.de", "news": "0", "friends": "1"},
        {"no": "3", "mail": " BO@x.de", "news": "0", "friends": "1"},
    ]
    write_csv(folder / "people.csv", people)
    line = {"product_id": "p", "at": "2025-01-01", "state": "ok", "kind": "a"}
    till = [
        line | {"card": "1"},
        line | {"card": None},
        line | {"card": "2", "state": " VOID"},
        line | {"card": "2", "kind": "c"},
        line | {"card": "9"},
    ]
    write_csv(folder / "till.csv", till)
    web = [
        {"product_id": "p", "at": "2025-01-02", "mail": m} for m in ("ada @X.de", "bo@x.de", "y")
    ]
    write_csv(folder / "web.csv", web)
    return folder


class TestTables:
    def test_rows_are_filtered_looked_up_and_gathered(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        report = load_from(embedded, many(tmp_path / "d"), MANY)
        bought = report.tables["purchases"]
        assert (bought.read, bought.loaded, bought.rejected, bought.filtered) == (8, 2, 3, 3)
        assert report.as_dict()["filtered_by"]["purchases"] == {
            "card is empty": 1,
            "state is void": 1,
            "kind isn't one of A, b": 1,
        }
        assert counts(report)["consents"] == (6, 6, 0, 0)
        assert [(r["customer_id"], r["at"].day) for r in rows(embedded, "purchases")] in (
            [("1", 1), ("1", 2)],
            [("1", 2), ("1", 1)],
        )
        assert sorted(r[1:6] for r in rejects(report)) == [
            ("till.csv", 5, "customer_id", "isn't one of the customers", "9"),
            ("web.csv", 2, "customer_id", "is the email of several customers", "bo@x.de"),
            ("web.csv", 3, "customer_id", "isn't the email of one of the customers", "y"),
        ]
        # The file gives consents too, so its other columns are no attributes.
        assert all("attributes" not in row for row in rows(embedded, "customers"))

    def test_a_lookup_finds_customers_of_earlier_loads(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = many(tmp_path / "d")
        load_from(embedded, folder, {"customers": MANY["customers"]})
        web = {"purchases": MANY["purchases"][1]}  # type: ignore[index]
        assert load_from(embedded, folder, web).tables["purchases"].loaded == 1


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"granted": {"column": "x", "true": ["a"], "false": ["A"]}}, "means both true and false"),
        ({"granted": {"column": "x", "true": []}}, "`true` lists no text"),
        ({"granted": {"column": "x", "email": ["a"]}}, "kind boolean takes no codes"),
        ({"purpose": {"column": "x", "fromat": "%d"}}, "Extra inputs are not permitted"),
        ({"purpose": {"column": "x", "lookup": "customers.email"}}, "isn't one of any column"),
        (
            {"customer_id": {"column": "x", "lookup": "customers.mail"}},
            "lookup 'customers.mail' isn't",
        ),
        ({"at": {"column": "x", "lookup": "offers.name"}}, "lookup 'offers.name' isn't one of"),
        ({"customer_id": {"column": []}}, "valid string"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(
    mapping: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Mapping.model_validate({"tables": {"consents": {"columns": mapping}}})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"where": {"x": {}}}, "a condition has"),
        ({"attributes": True}, "has no attributes"),
        ([{"file": "a.csv"}, {}], "name the `file` of each"),
    ],
)
def test_a_table_that_can_not_be_read_so_is_refused(table: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Mapping.model_validate({"tables": {"consents": table}})


def test_the_thousands_sign_is_not_the_decimal_sign() -> None:
    columns = {"columns": {"amount": {"column": "x", "thousands": "."}}}
    with pytest.raises(ValidationError, match="thousands and decimal are both"):
        Mapping.model_validate({"tables": {"purchases": columns}})
