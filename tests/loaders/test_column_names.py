"""Headers: case and space, unnamed columns, and repeated columns."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from support.reading import read

from followsuit.errors import DeliveryError

ANN = [{"customer_id": "c1", "name": "Ann"}]


def put(folder: Path, text: str, name: str = "customers.csv") -> Path:
    (folder / name).write_bytes(text.encode())
    return folder


class TestCaseAndSpace:
    @pytest.mark.parametrize(
        "header",
        [
            "Customer_ID,NAME",
            " customer_id ,\tname",
            '"CUSTOMER_ID" ,"Name "',
            "\ufeffCustomer_Id,name",
            "customer_id\u00a0,name",
        ],
    )
    def test_they_do_not_matter_in_text(self, tmp_path: Path, header: str) -> None:
        assert read(put(tmp_path, f"{header}\nc1,Ann\n"), "customers") == (ANN, [])

    def test_they_do_not_matter_in_other_formats(self, tmp_path: Path) -> None:
        for name in ("parquet", "json", "sql"):
            (tmp_path / name).mkdir()
        table = pa.table({" Customer_ID": ["c1"], "NAME": ["Ann"]})
        pq.write_table(table, tmp_path / "parquet" / "customers.parquet")
        line = json.dumps({"Customer_ID": "c1", " name": "Ann"})
        put(tmp_path / "json", line, "customers.jsonl")
        url = f"sqlite:///{tmp_path}/sql/shop.db"
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql('CREATE TABLE customers ("CUSTOMER_ID", " Name ")')
            connection.exec_driver_sql("INSERT INTO customers VALUES ('c1', 'Ann')")
        engine.dispose()
        for place in (tmp_path / "parquet", tmp_path / "json", url):
            assert read(place, "customers") == (ANN, [])

    def test_they_do_not_matter_in_a_mapping_either(self, tmp_path: Path) -> None:
        put(tmp_path, "KARTE , Stra\u00dfe,Zeit\nc1,Ann,1\n")
        columns = {"customer_id": "Karte", "name": "Strasse"}
        mapping = {"columns": columns, "earliest_by": "ZEIT"}
        assert read(tmp_path, "customers", mapping) == (ANN, [])

    def test_composed_and_decomposed_names_are_one(self, tmp_path: Path) -> None:
        put(tmp_path, "customer_id,pre\u0301nom\nc1,Ann\n")
        assert read(tmp_path, "customers", {"columns": {"name": "pr\u00e9nom"}}) == (ANN, [])

    def test_each_line_of_json_may_write_them_in_its_own_way(self, tmp_path: Path) -> None:
        lines = [
            '{"customer_id": "c1", "NAME": "Ann"}',
            '{"Customer_ID": "c2", "name": "Bob"}',
            '{"customer_id": "c3", "Name": "x", "NAME": "y"}',
        ]
        put(tmp_path, "\n".join(lines), "customers.jsonl")
        rows, faults = read(tmp_path, "customers")
        assert rows == [*ANN, {"customer_id": "c2", "name": "Bob"}]
        assert faults == [(3, "name", "is given more than once", None)]

    def test_the_exact_name_goes_before_others(self, tmp_path: Path) -> None:
        put(tmp_path, "NAME,customer_id,name,Name\nx,c1,Ann,y\n")
        assert read(tmp_path, "customers") == (ANN, [])
        customers, _ = read(tmp_path, "customers", {"columns": {"name": "NAME"}})
        assert customers == [{"customer_id": "c1", "name": "x"}]

    @pytest.mark.parametrize("header", ["Customer_ID,CUSTOMER_ID,name", "customer_id,Name,NAME "])
    def test_several_names_that_differ_only_in_case_are_refused(
        self, tmp_path: Path, header: str
    ) -> None:
        with pytest.raises(DeliveryError, match=r"has several columns for .* in a --mapping"):
            read(put(tmp_path, f"{header}\na,b,c\n"), "customers")


class TestColumnsThatNobodyReads:
    @pytest.mark.parametrize(
        "text",
        [
            "customer_id,name,,\nc1,Ann,,\n",
            "customer_id,name, ,\t\nc1,Ann,left,over\n",
            ',customer_id,"",name\n1,c1,,Ann\n',
            "customer_id,note,name,note\nc1,a,Ann,b\n",
            "note,customer_id,Note,name,note\n1,c1,2,Ann,3\n",
        ],
    )
    def test_columns_without_a_name_or_with_one_that_is_not_used_do_not_matter(
        self, tmp_path: Path, text: str
    ) -> None:
        assert read(put(tmp_path, text), "customers") == (ANN, [])

    def test_nor_do_they_in_parquet(self, tmp_path: Path) -> None:
        names, columns = ["x", "customer_id", "x", "name", ""], [[1], ["c1"], [2], ["Ann"], [3]]
        table = pa.Table.from_arrays([pa.array(c) for c in columns], names)
        pq.write_table(table, tmp_path / "customers.parquet")
        assert read(tmp_path, "customers") == (ANN, [])

    @pytest.mark.parametrize("header", ["customer_id,name,name", "customer_id, name,name "])
    def test_one_that_is_used_comes_once(self, tmp_path: Path, header: str) -> None:
        with pytest.raises(DeliveryError, match="has the column name more than once"):
            read(put(tmp_path, f"{header}\nc1,a,b\n"), "customers")

    def test_a_blank_header_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DeliveryError, match="has no header"):
            read(put(tmp_path, ", ,\n1,2,3\n"), "customers")


class TestNoRows:
    @pytest.mark.parametrize(
        "text", ["customer_id,name", "customer_id,name\r\n", "customer_id\n\n"]
    )
    def test_a_header_alone_is_no_rows(self, tmp_path: Path, text: str) -> None:
        assert read(put(tmp_path, text), "customers") == ([], [])

    def test_nor_has_a_table_without_rows_any(self, tmp_path: Path) -> None:
        put(tmp_path, "\n", "likes.jsonl")
        assert read(tmp_path, "likes") == ([], [])
        pq.write_table(
            pa.table({"customer_id": pa.array([], pa.string())}), tmp_path / "customers.parquet"
        )
        assert read(tmp_path, "customers") == ([], [])

    def test_a_file_of_no_bytes_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DeliveryError, match=r"customers\.jsonl is empty"):
            read(put(tmp_path, "", "customers.jsonl"), "customers")


class TestComposedText:
    def test_text_ids_codes_and_constants_are_composed(self, tmp_path: Path) -> None:
        put(tmp_path, "customer_id,name\nZoe\u0308,Angstro\u0308m \u212b\n")
        rows, _ = read(tmp_path, "customers", {"columns": {"city": {"value": "Zu\u0308rich"}}})
        assert rows == [
            {"customer_id": "Zo\u00eb", "name": "Angstr\u00f6m \u00c5", "city": "Z\u00fcrich"}
        ]
        put(tmp_path, "customer_id,kind,at\nc,J\u030c,2025-01-01\n", "events.csv")
        assert read(tmp_path, "events")[0][0]["kind"] == "\u01f0"

    def test_whatever_the_format(self, tmp_path: Path) -> None:
        (tmp_path / "p").mkdir()
        for kind in (pa.string(), pa.large_string(), pa.string_view()):
            names = pa.array(["cafe\u0301", None, "plain"]).cast(kind)
            table = pa.table({"customer_id": names, "name": names.cast(pa.string())})
            pq.write_table(table, tmp_path / "p" / "customers.parquet")
            rows, _ = read(tmp_path / "p", "customers")
            assert [row.get("name") for row in rows] == ["caf\u00e9", None, "plain"]
            assert rows[0]["customer_id"] == "caf\u00e9"
