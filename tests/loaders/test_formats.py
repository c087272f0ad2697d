"""The same rows give the same store, whatever their format."""

import gzip
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.deliveries import deliver
from support.formats import FORMATS, deliver_as
from support.loading import MEMORY, counts, load_from, rejects, rows

from followsuit.errors import DeliveryError
from followsuit.loaders.mapping import Mapping
from followsuit.loaders.sources import find_delivery
from followsuit.loaders.staging.stage import Counts, stage
from followsuit.testing.places import Place

Row = dict[str, str | None]

ODD_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
)
TIMES = ("2025-01-01", "2025-01-01T10:00:00+02:00", "2025-02-30", "12", None)
dirty_rows = st.lists(
    st.fixed_dictionaries(
        {
            "purchase_id": st.sampled_from(["a", "b", " a ", "c", None, None]),
            "customer_id": st.sampled_from(["c1", "c2", "c2", "c9", None]),
            "product_id": st.sampled_from(["p1", " p1"]),
            "at": st.sampled_from(TIMES),
            "quantity": st.sampled_from(["1", "2", "-1", "x", None]),
            "channel": st.one_of(st.sampled_from(["Web", "web"]), ODD_TEXT),
        }
    ),
    min_size=1,
    max_size=12,
)


def is_sound(row: Row) -> bool:
    return (
        row["customer_id"] in ("c1", "c2")
        and row["at"] in TIMES[:2]
        and row["quantity"] in ("1", "2", None)
    )


def expected_counts(delivered: Sequence[Row]) -> Counts:
    sound = [row for row in delivered if is_sound(row)]
    named = [row["purchase_id"].strip() for row in sound if row["purchase_id"]]
    loaded = len(set(named)) + len(sound) - len(named)
    return Counts(len(delivered), loaded, len(sound) - loaded, len(delivered) - len(sound))


def staged(place: str, folder: Path) -> tuple[Counts, list[Any], list[Any]]:
    """Counts, rows and rejects (file left out) of purchases, where c1 and c2 are known."""
    folder.mkdir()
    pq.write_table(pa.table({"key": ["c1", "c2"]}), folder / "customers.keys.parquet")
    (source,) = find_delivery(place, Mapping()).sources
    staged_table = stage([source], folder, {"customers": folder / "customers.keys.parquet"}, MEMORY)
    kept = pq.read_table(folder / "purchases.parquet").sort_by("purchase_id").to_pylist()
    aside = pq.read_table(folder / "purchases.rejects.parquet").to_pylist()
    return staged_table.counts, kept, sorted((tuple(row.values())[2:] for row in aside), key=repr)


class TestDirtyTables:
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(delivered=dirty_rows)
    def test_every_row_is_loaded_a_duplicate_or_rejected_in_every_format(
        self, delivered: list[Row]
    ) -> None:
        expected = expected_counts(delivered)
        with tempfile.TemporaryDirectory() as name:
            results = []
            for form in FORMATS:
                place = deliver_as(form, Path(name) / form, "purchases", delivered)
                staging = Path(name) / f"{form}-staged"
                if not expected.loaded:
                    with pytest.raises(DeliveryError, match="No row of purchases survives"):
                        staged(place, staging)
                    continue
                results.append(staged(place, staging))
            for result in results:
                assert result[0] == expected
                assert result == results[0]

    def test_a_dirty_delivery_is_the_same_store_in_every_format(self, tmp_path: Path) -> None:
        delivered: list[Row] = [
            {"customer_id": " c1", "name": 'Ann "A" O\'Neil', "city": "São Paulo, SP"},
            {"customer_id": "c2", "name": "two\nlines; and\ttab", "city": None},
            {"customer_id": None, "name": "nobody", "city": "Rome"},
            {"customer_id": "007", "name": "back\\slash 😀", "city": "1e5"},
            {"customer_id": "c1", "name": "  Ann\u00a0", "city": ""},
            {"customer_id": "x" * 1001, "name": None, "city": None},
        ]
        for form in FORMATS:
            place = Place(str(tmp_path / f"{form}.lbug"))
            report = load_from(place, deliver_as(form, tmp_path / form, "customers", delivered))
            assert counts(report) == {"customers": (6, 3, 1, 2)}
            assert [reject[2:] for reject in rejects(report)] == [
                (3, "customer_id", "is empty", None),
                (6, "customer_id", "is longer than 1000 characters", "x" * 39 + "…"),
            ]
            assert rows(place, "customers") == [
                {"customer_id": "007", "name": "back\\slash 😀", "city": "1e5"},
                {"customer_id": "c1", "name": "Ann"},
                {"customer_id": "c2", "name": "two\nlines; and\ttab"},
            ]


class TestDelimitedText:
    @pytest.mark.parametrize(
        "data",
        [
            b"\xef\xbb\xbfcustomer_id,name\nc1,Ann\nc2,Bob\n",
            b'\xef\xbb\xbf"customer_id","name"\n"c1","Ann"\n"c2","Bob"\n',
            b"customer_id,name\r\nc1,Ann\r\nc2,Bob\r\n",
            b"customer_id,name\rc1,Ann\rc2,Bob",
            b"customer_id,name\nc1,Ann\nc2,Bob",
            b"\n\ncustomer_id,name\n\nc1,Ann\n\nc2,Bob\n\n\n",
            gzip.compress(b"customer_id,name\nc1,Ann\n") + gzip.compress(b"c2,Bob\n"),
        ],
        ids=["BOM", "BOM-quoted", "CRLF", "CR", "no-last-newline", "blank-lines", "gzip-members"],
    )
    def test_line_ends_marks_and_blank_lines_do_not_matter(
        self, embedded: Place, tmp_path: Path, data: bytes
    ) -> None:
        suffix = ".gz" if data[:2] == b"\x1f\x8b" else ""
        folder = tmp_path / "d"
        folder.mkdir()
        (folder / f"customers.csv{suffix}").write_bytes(data)
        assert counts(load_from(embedded, folder)) == {"customers": (2, 2, 0, 0)}
        assert [row["name"] for row in rows(embedded, "customers")] == ["Ann", "Bob"]

    @pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "shift_jis"])
    def test_an_encoding_is_read_where_the_mapping_names_it(
        self, embedded: Place, tmp_path: Path, encoding: str
    ) -> None:
        name = "山田" if encoding == "shift_jis" else "Zoë"
        people = [f"c{i},{name} {i}" for i in range(3000)]
        (tmp_path / "customers.csv").write_bytes(
            "\n".join(["customer_id,name", *people]).encode(encoding)
        )
        report = load_from(embedded, tmp_path, {"customers": {"encoding": encoding}})
        assert counts(report) == {"customers": (3000, 3000, 0, 0)}
        assert rows(embedded, "customers")[0] == {"customer_id": "c0", "name": f"{name} 0"}

    def test_rows_of_too_many_or_few_cells_are_rejects_with_the_number_of_the_row(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        (tmp_path / "customers.csv").write_text(
            'customer_id,name,birth_date\nc1,"two\nlines",\nc2\nc3,Eve,,,\n\nc4,Joe,soon\nc5,Kim,\n'
        )
        report = load_from(embedded, tmp_path)
        assert counts(report) == {"customers": (5, 2, 0, 3)}
        assert sorted(reject[1:] for reject in rejects(report)) == [
            ("customers.csv", 2, None, "has 1 cells where the header has 3", None),
            ("customers.csv", 3, None, "has 5 cells where the header has 3", None),
            ("customers.csv", 4, "birth_date", "isn't a valid date", "soon"),
        ]

    def test_a_file_of_nothing_but_malformed_rows_is_refused(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        (tmp_path / "customers.csv").write_text("customer_id,name\n" + "c1\n" * 25_000)
        with pytest.raises(DeliveryError, match=r"all 25000 were rejected, the first .row 1 of"):
            load_from(embedded, tmp_path)

    def test_rows_keep_their_numbers_across_the_blocks_of_a_big_file(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        n, broken, unreadable = 300_000, {5, 150_000, 299_999}, {6, 150_001, 300_000}
        with (tmp_path / "customers.csv").open("w") as file:
            file.write("customer_id,name,birth_date\n")
            for i in range(1, n + 1):
                birth = "soon" if i in unreadable else ""
                file.write(f"c{i}\n" if i in broken else f"c{i},{'x' * 100},{birth}\n")
        report = load_from(embedded, tmp_path)
        assert counts(report) == {"customers": (n, n - 6, 0, 6)}
        assert {reject[2] for reject in rejects(report) if reject[3] is None} == broken
        assert {reject[2] for reject in rejects(report) if reject[3]} == unreadable


class TestBlanksAndNoHeader:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_columns_that_stand_apart_by_blanks(
        self, embedded: Place, tmp_path: Path, end: str, mark: str
    ) -> None:
        lines = ["  c1  Ann\tx", "c2 Bob", "", "\tc3\t \tEve   y  ", " c4   Joe z"]
        (tmp_path / "people.txt").write_bytes((mark + end.join(lines)).encode())
        mapping = {"file": "people.txt", "delimiter": "blanks", "attributes": False}
        named = mapping | {"header": ["customer_id", "name", ""]}
        report = load_from(embedded, tmp_path, {"customers": named})
        assert [row["name"] for row in rows(embedded, "customers")] == ["Ann", "Eve", "Joe"]
        assert [reject[2:4] for reject in rejects(report)] == [(2, None)]

    def test_a_big_file_with_a_header(self, embedded: Place, tmp_path: Path) -> None:
        n = 200_000
        with (tmp_path / "customers.csv").open("w") as file:
            file.write("  customer_id    name \n")
            file.writelines(f" c{i % 5:<9} {i}  \n" for i in range(n))
        report = load_from(embedded, tmp_path, {"customers": {"delimiter": "blanks"}})
        assert counts(report) == {"customers": (n, 5, n - 5, 0)}
        assert rows(embedded, "customers")[4] == {"customer_id": "c4", "name": "199999"}

    def test_a_mapping_names_the_columns_of_a_file_without_a_header(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        (tmp_path / "customers.csv").write_bytes(b"\xef\xbb\xbf\r\nc1,x,Ann\r\nc2,,Bob")
        mapping = {"customers": {"header": ["customer_id", "", "name"]}}
        assert counts(load_from(embedded, tmp_path, mapping)) == {"customers": (2, 2, 0, 0)}
        assert [row["name"] for row in rows(embedded, "customers")] == ["Ann", "Bob"]


class TestJsonLines:
    def write(self, folder: Path, *lines: str, table: str = "customers") -> Path:
        folder.mkdir(exist_ok=True)
        (folder / f"{table}.jsonl").write_text("\n".join(lines))
        return folder

    def test_broken_lines_are_rejects(self, embedded: Place, tmp_path: Path) -> None:
        folder = self.write(
            tmp_path / "d",
            '{"customer_id": "c1"}',
            '{"customer_id": "c2"',
            "",
            '["c3"]',
            '"c4"',
            "null",
            '{"customer_id": "\\ud800"}',
            "[" * 200_000,
            '{"customer_id": ["c5"]}',
            '{"customer_id": "c6", "name": "\\ud83d\\ude00", "shoe": {"size": 41}}',
        )
        report = load_from(embedded, folder)
        assert counts(report) == {"customers": (9, 2, 0, 7)}
        assert [reject[2:5] for reject in rejects(report)] == [
            *((line, None, "isn't a JSON object") for line in (2, 4, 5, 6, 7, 8)),
            (9, "customer_id", "isn't a single value"),
        ]
        kept = {"attributes": r'{"shoe":"{\"size\": \"41\"}"}'}  # as nothing else names it
        assert rows(embedded, "customers")[1] == {"customer_id": "c6", "name": "😀", **kept}

    def test_numbers_and_booleans_are_read_exactly(self, embedded: Place, tmp_path: Path) -> None:
        folder = self.write(
            tmp_path / "d",
            '{"product_id": 12345678901234567890, "price": 19.990, "sensitive": true}',
            '{"product_id": 1.50, "price": 1e2, "sensitive": 0}',
            '{"product_id": "7", "price": null, "name": null}',
            '{"product_id": 8, "price": NaN}',
            table="products",
        )
        report = load_from(embedded, folder)
        assert rejects(report) == []
        assert rows(embedded, "products") == [
            {"product_id": "1.5", "price": 10_000, "sensitive": False},
            {"product_id": "12345678901234567890", "price": 1999, "sensitive": True},
            {"product_id": "7"},
            {"product_id": "8"},
        ]

    def test_a_column_that_only_a_late_row_has_is_read(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        early = ['{"customer_id": "c1"}'] * 70_000
        folder = self.write(tmp_path / "d", *early, '{"customer_id": "c2", "city": "Rome"}')
        assert counts(load_from(embedded, folder)) == {"customers": (70_001, 2, 69_999, 0)}
        assert rows(embedded, "customers")[1] == {"customer_id": "c2", "city": "Rome"}

    def test_a_byte_order_mark_is_no_part_of_the_first_line(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = self.write(tmp_path / "d", '\ufeff{"customer_id": "c1"}', '{"customer_id": "c2"}')
        assert counts(load_from(embedded, folder)) == {"customers": (2, 2, 0, 0)}


PEOPLE = [{"customer_id": "c1"}, {"customer_id": "c2"}]


class TestFolders:
    @pytest.mark.parametrize("name", ["new [2025] shop", "a*b?c{d}", 'it\'s \\ "100%"; é'])
    def test_a_store_and_a_delivery_may_lie_in_a_folder_of_any_name(
        self, tmp_path: Path, name: str
    ) -> None:
        place = Place(str(tmp_path / name / "store.lbug"))
        likes = [{"customer_id": "c1", "interest": "tea"}]
        for _ in range(2):
            load_from(place, deliver(tmp_path / name / "d", customers=PEOPLE, likes=likes))
        assert [row["customer_id"] for row in rows(place, "customers")] == ["c1", "c2"]

    def test_parts_may_differ_in_format_and_in_what_they_leave_out(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        parts = deliver(tmp_path / "d" / "customers", **{"part-2": [{"customer_id": "2"}]})
        pq.write_table(pa.table({"name": ["B"], "customer_id": [1]}), parts / "part-1.parquet")
        (parts / "part-10.jsonl").write_text(json.dumps({"customer_id": "2", "city": "Rome"}))
        (parts / "._part-3.csv").write_bytes(b"\0\5\26\7")
        (parts / "_SUCCESS").write_text("")
        assert counts(load_from(embedded, tmp_path / "d")) == {"customers": (3, 2, 1, 0)}
        assert rows(embedded, "customers") == [
            {"customer_id": "1", "name": "B"},
            {"customer_id": "2", "city": "Rome"},
        ]

    def test_a_part_may_have_no_rows_and_a_mapping_may_name_a_folder_of_parts(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        parts = deliver(tmp_path / "d" / "crm-2025", **{"1": PEOPLE})
        (parts / "2.csv").write_text("customer_id\n")
        report = load_from(embedded, tmp_path / "d", {"customers": {"file": "crm-2025"}})
        assert counts(report) == {"customers": (2, 2, 0, 0)}

    def test_files_that_look_like_tables_but_are_not_are_reported(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = deliver(tmp_path / "d", customers=[{"customer_id": "1"}], returns=[{"a": 1}])
        for name in ("BRANDS.CSV", "stores.md", "readme.md", ".visits.csv", "~$visits.xlsx"):
            (folder / name).write_text("x")
        for mapping in (None, {"visits": {"file": "calls.csv"}}):
            (folder / "calls.csv").write_text("customer_id,store_id,at\n1,s,2025-01-01\n")
            report = load_from(embedded, folder, mapping)
            ignored = (
                "BRANDS.CSV",
                *(() if mapping else ("calls.csv",)),
                "returns.csv",
                "stores.md",
            )
            assert report.ignored == ignored
