"""Malformed quotes: the row is rejected, and the rows around it are unchanged."""

import csv
import gzip
import io
import re
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reading import Read, read

from followsuit.errors import DeliveryError
from followsuit.loaders.readers.quoting import well_formed

ASIDE = b"(aside)"
MISQUOTED = "has a quote that neither opens nor closes a cell; quotes within a cell are doubled"


def sifted(text: str, delimiter: str = ",", block: int = 2**20) -> str:
    data = text.encode()
    blocks = (data[i : i + block] for i in range(0, len(data), block))
    return (
        b"".join(well_formed(blocks, delimiter, ASIDE, deque(), "x.csv"))
        .decode()
        .removesuffix("\n")
    )


def people(folder: Path, *lines: str, **mapping: object) -> Read:
    encoding = str(mapping.get("encoding", "utf-8"))
    delimiter = str(mapping.get("delimiter", ","))
    header = delimiter.join(("customer_id", "name", "city"))
    (folder / "customers.csv").write_bytes("\n".join((header, *lines)).encode(encoding))
    return read(folder, "customers", mapping)


class TestLines:
    @pytest.mark.parametrize(
        "line",
        [
            '1,"Oak 7\\" wide",x',
            '1,"Oak"wide,x',
            '1,"Oak" ,x',
            '1,"Oak"\t,x',
            '"1"2,Oak,x',
            '1,Oak,"x"y',
            '1,"say "hi" twice",x',
            '1,"Oak 7", planed",x',
            '1,"Oak 7\\", planed",x',
            '1, "Oak",x',
            '1,"a"",b"c,x',
            '1,""a,x',
            '1,"""a"b,x',
        ],
    )
    def test_only_a_line_with_malformed_quotes_is_replaced(self, line: str) -> None:
        before, after = '0,"two\nlines, ""so""",x', '2,12" wide,"x"'
        assert sifted("\n".join((before, line, after))) == f"{before}\n(aside)\n{after}"

    @pytest.mark.parametrize(
        "row",
        [
            '1,"Oak",x',
            '1,"",x',
            '1,"""",x',
            '1,"""a""",x',
            '1,"a\r\nb\n\nc",x',
            '1,7" wide,x',
            '1,7",x',
            '1,a"b"c,x',
            '1,7" wide,"x, y"',
            '"1",7" wide,x',
            "1,C:\\temp\\,x",
            '1,"C:\\temp\\",x',
            "1,'Oak',x",
            ",,",
            "",
        ],
    )
    def test_other_rows_are_unchanged(self, row: str) -> None:
        text = f'0,7" x\n{row}\n2,"y"'  # the stray quote has every row looked at
        assert sifted(text) == text

    def test_the_rest_of_a_malformed_cell_is_not_a_row(self) -> None:
        torn = '1,"first\nsecond "word" third\nfourth, fifth"\n6,7'
        assert sifted(torn) == "(aside)\n(aside)\n(aside)\n6,7"

    def test_a_line_end_of_any_kind_ends_a_malformed_row(self) -> None:
        for end in ("\n", "\r\n", "\r"):
            assert sifted(end.join(('1,"a"b', "2,c"))).split() == ["(aside)", "2,c"]

    def test_a_quote_that_stays_open_is_refused(self) -> None:
        for text in ('1,"a\n2,b\n', '0,"a"b\n1,"c\n2,d', '"', '1,"a""\n'):
            with pytest.raises(DeliveryError, match=r"x\.csv opens a quote and never closes it"):
                sifted(text)

    def test_a_row_beyond_the_maximum_length_is_refused(self) -> None:
        with pytest.raises(DeliveryError, match=r"x\.csv has a row of more than 2 MB"):
            sifted('1,"' + "a\n" * 2**21 + '"')

    @settings(deadline=None, max_examples=400)
    @given(st.text('",\n\r ax', max_size=40), st.integers(1, 12))
    def test_the_block_boundaries_do_not_matter(self, text: str, block: int) -> None:
        def lines(block: int) -> list[str] | str:
            try:
                return re.findall(r"[^\r\n]+", sifted(text, block=block))
            except DeliveryError as error:
                return str(error)

        assert lines(block) == lines(2**20)

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(st.lists(st.text('",;\n\r aé', max_size=6), min_size=2, max_size=4)),
        st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        st.sampled_from(",;|\t"),
        st.integers(1, 50),
    )
    def test_rows_of_pythons_csv_writer_are_unchanged(
        self, rows: list[list[str]], quoting: int, delimiter: str, block: int
    ) -> None:
        written = io.StringIO()
        csv.writer(written, quoting=quoting, delimiter=delimiter).writerows(rows)  # type: ignore[arg-type]
        assert sifted(written.getvalue(), delimiter, block) == written.getvalue()


class TestFiles:
    def test_a_malformed_row_is_a_fault_with_its_number(self, tmp_path: Path) -> None:
        rows, faults = people(
            tmp_path, 'c1,"Ann, ""A""",Rome', 'c2,"Bob"by,Rome', "", 'c3,6" Eve,', "c4", 'c5,"J",'
        )
        assert faults == [
            (2, None, MISQUOTED, None),
            (4, None, "has 1 cells where the header has 3", None),
        ]
        assert [row["name"] for row in rows] == ['Ann, "A"', '6" Eve', "J"]

    @pytest.mark.parametrize(
        ("delimiter", "encoding"),
        [(";", "utf-8"), ("|", "cp1252"), ("\t", "utf-16"), (" ", "utf-8"), ("^", "latin-1")],
    )
    def test_any_delimiter_and_encoding_works(
        self, tmp_path: Path, delimiter: str, encoding: str
    ) -> None:
        lines = ['c1;"Zoë;s"x;Rome', 'c2;"Zoë; the ""2nd""";Rome', 'c3;"a";Oslo']
        said = [line.replace(";", delimiter) for line in lines]
        rows, faults = people(tmp_path, *said, delimiter=delimiter, encoding=encoding)
        assert [fault[0] for fault in faults] == [1]
        assert [row["name"] for row in rows] == [f'Zoë{delimiter} the "2nd"', "a"]

    def test_rows_of_a_big_compressed_file_are_right_across_blocks(self, tmp_path: Path) -> None:
        n, broken = 90_000, {4, 40_000, 40_001, 89_999}
        text = ["customer_id,name,city"] + [
            f'"c{i}","{"x" * 50}"y,Rome'
            if i in broken
            else f'c{i},"{i},\n""{"x" * 50}""",5"'
            if i % 3
            else f"c{i},{'x' * 50},Rome"
            for i in range(1, n + 1)
        ]
        (tmp_path / "customers.csv.gz").write_bytes(gzip.compress("\r\n".join(text).encode(), 1))
        rows, faults = read(tmp_path, "customers")
        ambiguous = {i for i in range(1, n + 1) if i % 3 and i not in broken}
        assert len(rows) == n // 3 - len([i for i in broken if i % 3 == 0])
        assert all(row["name"] == "x" * 50 for row in rows)
        assert len(faults) == len(broken) + 2 * len(ambiguous)

    def test_a_row_that_looks_like_a_mark_is_a_row(self, tmp_path: Path) -> None:
        rows, faults = people(tmp_path, "c1,Ann,", "\x1a,,,", "\x1a,,", "c2,Bob,", "\x1a,,,")
        assert [row["customer_id"] for row in rows] == ["c1", "\x1a", "c2"]
        reason = "has 4 cells where the header has 3"
        assert faults == [(2, None, reason, None), (5, None, reason, None)]
