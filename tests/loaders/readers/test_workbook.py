"""Excel workbooks: cells, headers, sheets, row numbers, and files that can't be read."""

import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from support.deliveries import write_csv
from support.loading import counts, load_from, rejects, rows
from support.reading import read

from followsuit.errors import DeliveryError, MappingError
from followsuit.loaders.mapping import Mapping
from followsuit.loaders.readers import workbook
from followsuit.loaders.sources import find_delivery
from followsuit.testing.places import Place

FORMATS: dict[type, str] = {
    date: "dd.mm.yyyy",
    datetime: "dd.mm.yyyy hh:mm",
    time: "hh:mm",
    timedelta: "[h]:mm",
}
AT = "2025-01-01"


def save(path: Path, *lines: Sequence[Any], **more: Sequence[Sequence[Any]]) -> Path:
    """Write a workbook: a sheet `Sheet1` of these rows, if any, and further sheets by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path) as book:
        formats = {kind: book.add_format({"num_format": f}) for kind, f in FORMATS.items()}
        for name, content in (({"Sheet1": lines} if lines else {}) | more).items():
            sheet = book.add_worksheet(name)
            for i, line in enumerate(content):
                for k, value in enumerate(line):
                    if value is not None:
                        sheet.write(i, k, value, formats.get(type(value)))
    return path.parent


PURCHASE = ("customer_id", "product_id", "at")


class TestCells:
    def test_a_workbook_gives_the_rows_of_a_text_file(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        columns = ["customer_id", "name", "birth_date", "joined_at"]
        save(
            tmp_path / "d" / "customers.XLSX",
            columns,
            ["007", "Ada", date(1985, 12, 10), datetime(2025, 1, 2, 9, 15)],  # noqa: DTZ001
            [8, "Zoë 😀", "1982-06-23", "2025-01-02T10:00:00+01:00"],
            [8.5, True, None, datetime(2025, 1, 2, 23, 59, 59)],  # noqa: DTZ001
        )
        assert counts(load_from(embedded, tmp_path / "d")) == {"customers": (3, 3, 0, 0)}
        people = {row["customer_id"]: row for row in rows(embedded, "customers")}
        assert [people["007"]["name"], people["8"]["name"], people["8.5"]["name"]] == [
            "Ada",
            "Zoë 😀",
            "true",
        ]
        assert people["007"]["birth_date"] == date(1985, 12, 10)
        assert {key: str(row["joined_at"]) for key, row in people.items()} == {
            "007": "2025-01-02 09:15:00+00:00",
            "8": "2025-01-02 09:00:00+00:00",
            "8.5": "2025-01-02 23:59:59+00:00",
        }

    def test_whole_numbers_are_ids_without_a_point(self, tmp_path: Path) -> None:
        lines = [[value, "p", AT] for value in (12, 12.0, "12", 12.5, 2**53 - 1, 1e300, -0.0)]
        save(tmp_path / "purchases.xlsx", PURCHASE, *lines)
        sound, faults = read(tmp_path, "purchases")
        ids = [row["customer_id"] for row in sound]
        assert ids == ["12", "12", "12", "12.5", "9007199254740991", "1e+300", "0"]
        assert faults == []

    @pytest.mark.parametrize(
        ("cell", "amount"), [(1.234, 123), (1234.5, 123450), ("1.234,5", 123450), (-7, -700)]
    )
    def test_a_number_is_read_as_such_where_the_mapping_names_a_comma(
        self, tmp_path: Path, cell: Any, amount: int
    ) -> None:
        save(tmp_path / "purchases.xlsx", [*PURCHASE, "Betrag"], ["c", "p", AT, cell])
        column = {"column": "betrag", "decimal": ",", "thousands": "."}
        mapping = {"returns": True, "columns": {"amount": column}}
        assert [row["amount"] for row in read(tmp_path, "purchases", mapping)[0]] == [amount]

    @pytest.mark.parametrize(
        ("day", "clock"),
        [
            (date(2025, 6, 2), time(9, 15)),
            (date(2025, 6, 2), timedelta(hours=9, minutes=15)),
            ("02.06.2025", "09:15"),
            (date(2025, 6, 2), "09:15"),
        ],
    )
    def test_dates_are_read_whatever_format_the_mapping_names(
        self, tmp_path: Path, day: Any, clock: Any
    ) -> None:
        save(tmp_path / "purchases.xlsx", [*PURCHASE[:2], "Day", "Time"], ["c", "p", day, clock])
        at = {"column": ["Day", "Time"], "format": "%d.%m.%Y %H:%M", "timezone": "Europe/Berlin"}
        (row,), faults = read(tmp_path, "purchases", {"columns": {"at": at}})
        assert (row["at"].isoformat(), faults) == ("2025-06-02T07:15:00+00:00", [])

    def test_a_birth_date_is_a_date_or_has_the_format(self, tmp_path: Path) -> None:
        cells = (date(1985, 12, 10), "10.12.1985", 12, "1985/12/10")
        save(tmp_path / "customers.xlsx", ["customer_id", "born"], *(["c", v] for v in cells))
        born = {"column": "born", "format": "%d.%m.%Y"}
        sound, faults = read(tmp_path, "customers", {"columns": {"birth_date": born}})
        assert [row["birth_date"] for row in sound] == [date(1985, 12, 10)] * 2
        assert [fault[0] for fault in faults] == [3, 4]

    def test_booleans(self, tmp_path: Path) -> None:
        cells = (True, "WAHR", 1, False, 0, "maybe")
        header = ["customer_id", "purpose", "at", "granted"]
        save(tmp_path / "consents.xlsx", header, *(["c", "email", AT, cell] for cell in cells))
        granted = {"column": "granted", "true": ["wahr"], "false": ["falsch"]}
        sound, faults = read(tmp_path, "consents", {"columns": {"granted": granted}})
        assert [row["granted"] for row in sound] == [True, True, True, False, False]
        assert faults == [(6, "granted", "is neither true nor false", "maybe")]

    def test_a_formula_gives_its_last_result_and_an_error_rejects_the_row(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        with xlsxwriter.Workbook(tmp_path / "purchases.xlsx") as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, [*PURCHASE, "amount", "note"])
            for row in range(1, 5):
                sheet.write_row(row, 0, [f"c{row}", "p", AT])
            sheet.write_formula(1, 3, "=6*7", value=42)
            sheet.write_formula(2, 3, "=1/0", value="#DIV/0!")
            sheet.write_formula(3, 0, "=VLOOKUP(1,Z:Z,1)", value="#N/A")
            sheet.write_formula(4, 4, "=NA()", value="#N/A")
        mapping = {"purchases": {"columns": {"channel": {"value": "shop"}}}}
        report = load_from(embedded, tmp_path, mapping)
        assert counts(report) == {"purchases": (4, 2, 0, 2)}
        assert sorted(r[1:] for r in rejects(report)) == [
            ("purchases.xlsx", 2, "amount", "is an error of Excel", "#DIV/0!"),
            ("purchases.xlsx", 3, "customer_id", "is an error of Excel", "#N/A"),
        ]
        assert {r["customer_id"]: r.get("amount") for r in rows(embedded, "purchases")} == {
            "c1": 4200,
            "c4": None,
        }

    def test_an_error_in_an_attribute_is_left_out(self, tmp_path: Path) -> None:
        save(tmp_path / "customers.xlsx", ["customer_id", "size", "hat"], ["c", "#REF!", "M"])
        assert read(tmp_path, "customers")[0][0]["attributes"] == '{"hat":"M"}'

    def test_an_error_in_a_refusal_blocks_its_customer(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        header = ["customer_id", "purpose", "granted", "at"]
        lines = [
            ["z", "email", True, AT],
            ["a", "email", False, "#N/A"],
            ["b", "email", True, "#N/A"],
        ]
        save(tmp_path / "consents.xlsx", header, *lines)
        assert load_from(embedded, tmp_path).blocked_customers == ["a"]


class TestRowsAndHeaders:
    def test_rows_are_counted_below_the_header_and_empty_ones_are_no_rows(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        save(
            tmp_path / "customers.xlsx",
            [" "],
            [" Customer_ID ", "birth_date", None],
            ["a", None, "beside the table"],
            [None, " "],
            [None, None, "no table"],
            ["b", "soon"],
            [None, "1990-01-01"],
        )
        report = load_from(embedded, tmp_path)
        assert counts(report) == {"customers": (3, 1, 0, 2)}
        assert [r[2:4] for r in rejects(report)] == [(4, "birth_date"), (5, "customer_id")]

    def test_a_mapping_names_the_columns_of_a_sheet_without_a_header(self, tmp_path: Path) -> None:
        save(tmp_path / "customers.xlsx", ["a", "Ada", "x"], ["b"])
        sound, _ = read(tmp_path, "customers", {"header": ["customer_id", "name"]})
        assert sound == [{"customer_id": "a", "name": "Ada"}, {"customer_id": "b"}]

    def test_a_sheet_with_a_header_only_has_no_rows(self, embedded: Place, tmp_path: Path) -> None:
        save(tmp_path / "customers.xlsx", ["customer_id"])
        assert counts(load_from(embedded, tmp_path)) == {"customers": (0, 0, 0, 0)}

    def test_parts_and_many_rows(self, embedded: Place, tmp_path: Path) -> None:
        n = 40_000
        save(tmp_path / "customers" / "1.xlsx", ["customer_id"], *([i] for i in range(n)))
        write_csv(tmp_path / "customers" / "2.csv", [{"customer_id": "0"}, {"customer_id": "x"}])
        assert counts(load_from(embedded, tmp_path)) == {"customers": (n + 2, n + 1, 1, 0)}

    def test_a_wrong_size_of_the_sheet_does_not_matter(self, tmp_path: Path) -> None:
        save(tmp_path / "d" / "customers.xlsx", ["customer_id", "name"], ["a", "Ada"])
        rewrite(tmp_path / "d" / "customers.xlsx", 'ref="A1:B2"', 'ref="A1"')
        assert read(tmp_path / "d", "customers")[0] == [{"customer_id": "a", "name": "Ada"}]


def rewrite(path: Path, old: str, new: str) -> None:
    """Change the text of a workbook's first sheet."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            text = content.replace(old.encode(), new.encode())
            archive.writestr(name, text if name.endswith("sheet1.xml") else content)


class TestSheets:
    def test_a_mapping_names_the_sheets_of_one_workbook(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        people = [["card", "Size"], ["a", "M"]]
        sales = [["card", "sku", "at"], ["a", "p", AT]]
        save(tmp_path / "shop.xlsx", notes=[["x"]], People=people, Sales=sales)
        columns = {"customer_id": "card"}
        mapping = {
            "customers": {"file": "shop.xlsx", "sheet": " people", "columns": columns},
            "purchases": {
                "file": "shop.xlsx",
                "sheet": "Sales",
                "columns": columns | {"product_id": "sku"},
            },
        }
        report = load_from(embedded, tmp_path, mapping)
        assert counts(report) == {"customers": (1, 1, 0, 0), "purchases": (1, 1, 0, 0)}
        assert rows(embedded, "customers") == [{"customer_id": "a", "attributes": '{"Size":"M"}'}]

    def test_the_sheet_of_the_tables_name_is_read_or_the_only_one_with_cells(
        self, tmp_path: Path
    ) -> None:
        people = [["customer_id"], ["a"]]
        save(tmp_path / "1" / "customers.xlsx", other=[["x"]], Customers=people)
        save(tmp_path / "2" / "customers.xlsx", one=[[" "]], two=people, three=[])
        for name in ("1", "2"):
            assert read(tmp_path / name, "customers")[0] == [{"customer_id": "a"}]

    @pytest.mark.parametrize(
        ("sheets", "sheet", "message"),
        [
            ({"a": [["x"]], "b": [["x"]]}, None, "has several sheets: a, b. Name the `sheet` of"),
            ({"a": [["x"]]}, "b", "customers.xlsx has no sheet 'b'; it has a."),
            ({"a": [], "b": []}, None, "customers.xlsx has no header"),
            ({"a": [["x"]]}, None, "has no column customer_id for the table customers; it has x"),
        ],
    )
    def test_a_sheet_that_is_not_clear_is_an_error(
        self, tmp_path: Path, sheets: dict[str, Any], sheet: str | None, message: str
    ) -> None:
        save(tmp_path / "customers.xlsx", **sheets)
        with pytest.raises(DeliveryError) as caught:
            read(tmp_path, "customers", {"sheet": sheet} if sheet else None)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "key", "value"),
        [
            ("a.csv", "sheet", "x"),
            ("a.xlsx", "delimiter", ";"),
            ("a.xlsx", "encoding", "cp1252"),
            ("a.jsonl", "header", ["x"]),
        ],
    )
    def test_a_key_that_does_not_apply_is_refused(
        self, tmp_path: Path, name: str, key: str, value: Any
    ) -> None:
        (tmp_path / name).write_text("x")
        tables = {"customers": {"file": name, key: value}}
        with pytest.raises(MappingError, match=rf"tables\.customers\.{key}: {name} has no {key}"):
            find_delivery(str(tmp_path), Mapping.model_validate({"tables": tables}))


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000)


class TestUnreadable:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"customer_id\na\n", "isn't an Excel workbook, or is cut short. Save it as .xlsx"),
            (b"", "is empty"),
            (OLE + "EncryptedPackage".encode("utf-16-le"), "has a password. Save it without one."),
            (OLE + "Workbook".encode("utf-16-le"), "has the old format of Excel. Save it as .xlsx"),
        ],
    )
    def test_what_is_no_workbook_is_named(
        self, tmp_path: Path, content: bytes, message: str
    ) -> None:
        (tmp_path / "customers.xlsx").write_bytes(content)
        self.assert_refused(tmp_path, message)

    def assert_refused(self, folder: Path, message: str) -> None:
        with pytest.raises(DeliveryError) as caught:
            read(folder, "customers")
        assert f"customers.xlsx {message}" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_an_archive_of_something_else(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "customers.xlsx", "w") as archive:
            archive.writestr("customers.csv", "customer_id\na\n")
        self.assert_refused(tmp_path, "is damaged, or isn't an Excel workbook (KeyError)")

    @pytest.mark.parametrize("old", ["</row>", '<c r="A2" t="s"><v>1', "</sheetData>"])
    def test_damage_within_a_sheet(self, tmp_path: Path, old: str) -> None:
        save(tmp_path / "customers.xlsx", ["customer_id"], ["a"])
        rewrite(tmp_path / "customers.xlsx", old, '<c r="A2" t="s"><v>99')
        self.assert_refused(tmp_path, "is damaged, or isn't an Excel workbook")

    def test_a_cut_file(self, tmp_path: Path) -> None:
        path = tmp_path / "customers.xlsx"
        save(path, ["customer_id"], *([f"name {i}"] for i in range(5_000)))
        path.write_bytes(path.read_bytes()[:-10_000])
        self.assert_refused(tmp_path, "isn't an Excel workbook, or is cut short")

    def test_too_much_text_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save(tmp_path / "customers.xlsx", ["customer_id"], ["a" * 2**20], ["b" * 2**10])
        monkeypatch.setattr(workbook, "_MOST_TEXT", 0)
        self.assert_refused(tmp_path, "holds more than 0 MB of text, too much for a workbook")

    def test_a_row_that_is_too_long_is_refused(self, tmp_path: Path) -> None:
        names = ["customer_id", *(f"x{i}" for i in range(70))]
        save(tmp_path / "customers.xlsx", names, ["x" * 32_000] * 71)
        self.assert_refused(tmp_path, "has a row of more than 2 MB")

    def test_the_extra_is_named_where_it_lacks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save(tmp_path / "customers.xlsx", ["customer_id"], ["a"])
        monkeypatch.setattr(workbook, "find_spec", lambda name: None)
        with pytest.raises(DeliveryError, match=r"needs openpyxl: pip install 'followsuit\[excel"):
            read(tmp_path, "customers")
