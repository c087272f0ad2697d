"""The files and tables of a delivery: none is left out silently."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from followsuit.errors import DeliveryError, FollowsuitError, MappingError
from followsuit.loaders.mapping import Mapping
from followsuit.loaders.sources import Delivery, find_delivery


def find(folder: Path, *names: str, **tables: dict[str, Any]) -> Delivery:
    folder.mkdir(exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return find_delivery(str(folder), Mapping.model_validate({"tables": tables}))


def parts(delivery: Delivery) -> list[str]:
    return [name for source in delivery.sources for name in source.names]


class TestNames:
    @pytest.mark.parametrize(
        "name", ["stores.CSV", "stores.Tsv.GZ", "stores.JSONL", "stores.Parquet", "stores.XLSX"]
    )
    def test_the_ending_of_a_file_is_read_in_any_case(self, tmp_path: Path, name: str) -> None:
        assert parts(find(tmp_path, name)) == [name]

    def test_the_ending_of_a_part_is_read_in_any_case(self, tmp_path: Path) -> None:
        names = ("a-10.PARQUET", "a-2.csv.Gz", "a-1.TSV", ".a-3.zip", "_SUCCESS", "_started_12")
        delivery = find(tmp_path, *(f"likes/{name}" for name in names))
        assert parts(delivery) == ["a-1.TSV", "a-2.csv.Gz", "a-10.PARQUET"]

    def test_two_files_of_one_table_are_refused_whatever_their_case(self, tmp_path: Path) -> None:
        with pytest.raises(DeliveryError, match=r"likes more than once: likes\.CSV, likes\.csv"):
            find(tmp_path, "likes.csv", "likes.CSV")

    @pytest.mark.parametrize(
        "name",
        [
            "Likes.csv",
            "LIKES.CSV.GZ",
            "like.csv",
            " likes.csv",
            "likes (1).csv",
            "likes_2.jsonl",
            "likes-2025-01-31.parquet",
            "Likes/1.csv",
            "likes.csv/1.csv",
            "Li kes.csv",
            "event.tsv",
        ],
    )
    @pytest.mark.parametrize("mapped", [False, True])
    def test_a_name_similar_to_a_tables_is_refused(
        self, tmp_path: Path, name: str, mapped: bool
    ) -> None:
        tables = {"stores": {"file": "shops.csv"}} if mapped else {}
        with pytest.raises(DeliveryError) as caught:
            find(tmp_path, "shops.csv", "customers.csv", name, **tables)
        table = "events" if "event" in name else "likes"
        assert f"{name.partition('/')[0]} isn't the name of a table" in str(caught.value)
        assert f"Rename it to {table}" in str(caught.value)

    @pytest.mark.parametrize(
        "name",
        [
            "likes.xls",
            "Likes.csv.zip",
            "likes.txt",
            "likes",
            "likes.json",
            "likes.csv.bak",
            "like.ods",
            "likes.csv.bz2",
        ],
    )
    def test_a_file_that_may_hold_a_table_and_cannot_be_read_is_refused(
        self, tmp_path: Path, name: str
    ) -> None:
        with pytest.raises(DeliveryError) as caught:
            find(tmp_path, "customers.csv", name)
        assert f"{name} can't be read: it may hold likes" in str(caught.value)

    @pytest.mark.parametrize(
        "name", ["b.csv.zip", "b.xls", "b.xlsx.gz", "b.txt", "b", "b.crc", "2025/b.csv", "_b.zip"]
    )
    def test_a_part_that_cannot_be_read_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(DeliveryError, match=rf"likes/{name.split('/')[0]} can't be read"):
            find(tmp_path, "likes/a.csv", f"likes/{name}")

    def test_a_name_in_the_mapping_is_not_refused(self, tmp_path: Path) -> None:
        delivery = find(tmp_path, "Likes (1).csv", "likes.csv", likes={"file": "./Likes (1).csv"})
        assert (parts(delivery), delivery.ignored) == (["Likes (1).csv"], ("likes.csv",))

    def test_a_file_in_a_mapping_must_be_text_or_parquet(self, tmp_path: Path) -> None:
        for name in ("crm.zip", "crm.XLSM", "crm.xlsx.gz", "crm.csv.bz2"):
            with pytest.raises(DeliveryError, match=rf"{name} can't be read"):
                find(tmp_path, name, likes={"file": name})


class TestPlaces:
    def test_a_relative_file_stays_within_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "out.csv").write_text("x")
        (tmp_path / "d" / "in").mkdir(parents=True)
        (tmp_path / "d" / "link.csv").symlink_to(tmp_path / "out.csv")
        (tmp_path / "d" / "in" / "1.csv").symlink_to(tmp_path / "out.csv")
        (tmp_path / "d" / "up").symlink_to(tmp_path)
        for name in ("../out.csv", "link.csv", "in", "up/out.csv", "in/../../out.csv"):
            with pytest.raises(MappingError, match=r"tables\.likes\.file: .* leads out of"):
                find(tmp_path / "d", likes={"file": name})

    def test_any_file_within_the_folder_or_with_an_absolute_path_works(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "out.csv").write_text("x")
        folder = tmp_path / "d"
        for name in ("a/b.csv", "a/../a/b.csv", str(tmp_path / "out.csv")):
            delivery = find(folder, "a/b.csv", likes={"file": name})
            assert len(delivery.sources) == 1
        (tmp_path / "link").symlink_to(folder)
        assert parts(find(tmp_path / "link", likes={"file": "a/b.csv"})) == ["b.csv"]


class TestKeysOfAMapping:
    @pytest.mark.parametrize(
        ("key", "value"), [("file", "a.csv"), ("delimiter", ";"), ("encoding", "latin-1")]
    )
    def test_file_options_are_refused_for_a_database(
        self, tmp_path: Path, key: str, value: str
    ) -> None:
        url = self.database(tmp_path, "likes")
        mapping = Mapping.model_validate({"tables": {"likes": {key: value}}})
        with pytest.raises(MappingError, match=rf"tables\.likes\.{key}: .* is a database"):
            find_delivery(url, mapping)

    def test_a_table_is_refused_in_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(MappingError, match=r"tables\.likes\.table: .* is a folder"):
            find(tmp_path, "likes.csv", likes={"table": "crm.likes"})

    @pytest.mark.parametrize(
        ("name", "key", "value"),
        [
            ("likes.parquet", "encoding", "utf-8"),
            ("likes.parquet.gz", "delimiter", ","),
            ("likes.jsonl", "delimiter", ";"),
        ],
    )
    def test_an_option_that_applies_to_no_file_is_refused(
        self, tmp_path: Path, name: str, key: str, value: str
    ) -> None:
        with pytest.raises(MappingError, match=rf"tables\.likes\.{key}: {name} has no {key}"):
            find(tmp_path, name, likes={key: value})

    def test_one_part_that_has_it_is_enough(self, tmp_path: Path) -> None:
        names = ("likes/1.parquet", "likes/2.csv")
        assert len(find(tmp_path, *names, likes={"delimiter": ";"}).sources) == 1

    def test_a_table_of_another_case_in_a_database_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FollowsuitError, match=r"has the table 'Likes', which isn't the name"):
            find_delivery(self.database(tmp_path, "Likes"), Mapping())
        mapping = Mapping.model_validate({"tables": {"likes": {"table": "Likes"}}})
        url = f"sqlite:///{tmp_path}/shop.db"
        assert parts(find_delivery(url, mapping)) == ["Likes"]

    def database(self, folder: Path, table: str) -> str:
        url = f"sqlite:///{folder}/shop.db"
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql(f'CREATE TABLE "{table}" (customer_id, interest)')
        engine.dispose()
        return url
