"""Searching files finds ids in decoded cells, in bytes, and in what is packed."""

import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.deliveries import deliver

from followsuit.graph.erasure.search import Searched, Wanted, without
from followsuit.loaders.load import load
from followsuit.testing.places import Place

LONG = "kundin-größer-als-zwölf"
WANTED = Wanted(["7", LONG], [LONG])


def parquet(path: Path, **columns: list[object]) -> Path:
    pq.write_table(pa.table(columns), path, compression="zstd")
    return path


def test_cells_of_columns_that_name_customers_are_compared(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", customer_id=["7", "77"], item_id=["7", "8"])
    assert WANTED.file(path) == 1
    assert WANTED.file(parquet(tmp_path / "b.parquet", friend_id=["8"], item_id=["7"])) == 0


def test_long_ids_are_found_anywhere_in_a_compressed_file(tmp_path: Path) -> None:
    texts = [f"told by {LONG}", *(f"nothing {n}" for n in range(1_000))]
    assert WANTED.file(parquet(tmp_path / "a.parquet", reason=texts)) >= 1
    assert WANTED.file(parquet(tmp_path / "b.parquet", many=[[LONG], []])) >= 1


def test_packed_and_escaped_texts_are_found(tmp_path: Path) -> None:
    packed = tmp_path / "model.npz"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("ids", f"{LONG} " * 20)
    (tmp_path / "noted.json").write_text(json.dumps({"who": LONG}))
    (tmp_path / "listed.json").write_text('["7"]')
    (tmp_path / "other.json").write_text('["77"]')
    assert WANTED.files("all", [tmp_path]) == Searched("all", 4, 3)


def test_an_id_across_two_pieces_of_a_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("followsuit.graph.erasure.search._PIECE", 10)
    (tmp_path / "file").write_bytes(b"x" * 7 + LONG.encode() + b"y" * 5)
    assert WANTED.raw(tmp_path / "file") >= 1


def test_rows_are_taken_out_and_the_rest_keeps_its_order_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = pa.table({"customer_id": ["b", "7", "a"], "friend_id": ["7", "c", "c"]})
    pq.write_table(rows.replace_schema_metadata({"data": "1"}), path)
    assert without(path, ["7"])
    left = pq.read_table(path)
    assert left.to_pylist() == [{"customer_id": "a", "friend_id": "c"}]
    assert left.schema.metadata == {b"data": b"1"}
    assert not without(path, ["7"])


def test_only_long_ids_that_are_no_part_of_another_are_distinctive(
    embedded: Place, tmp_path: Path
) -> None:
    ids = ["customer-0001", "customer-00012", "customer-0002", "short"]
    rows = [{"customer_id": each} for each in ids]
    with embedded.open() as store:
        load(store, str(deliver(tmp_path / "shop", customers=rows)))
        asked = ["customer-0001", "customer-0002", "short"]
        assert Wanted.of(store, asked).distinctive == ["customer-0002"]
