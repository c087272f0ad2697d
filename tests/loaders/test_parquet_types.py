"""Columns of Parquet files, whatever their type."""

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.loading import counts, load_from, rows
from support.reading import read

from followsuit.errors import DeliveryError
from followsuit.testing.places import Place

SECONDS = 1_735_689_600  # 2025-01-01T00:00:00Z
NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
FIRST_DAY = datetime(2025, 1, 1)  # noqa: DTZ001


class TestParquetTypes:
    def read(self, folder: Path, column: str, values: pa.Array, **options: Any) -> list[Any]:
        """The loaded values of a column of purchases; None if rejected or empty."""
        n = len(values)
        columns = {
            "purchase_id": pa.array([f"b{i}" for i in range(n)]),
            "customer_id": pa.array(["c"] * n),
            "product_id": pa.array(["p"] * n),
            "at": pa.array([FIRST_DAY] * n),
        } | {column: values}
        (folder / "d").mkdir()
        pq.write_table(pa.table(columns), folder / "d" / "purchases.parquet")
        place = Place(str(folder / "store.lbug"))
        mapping = {"purchases": {"columns": {column: {"column": column, **options}}}}
        load_from(place, folder / "d", mapping)
        purchases = rows(place, "purchases")
        if column == "purchase_id":
            return sorted(row[column] for row in purchases)
        by_id = {row["purchase_id"]: row.get(column) for row in purchases}
        return [by_id.get(f"b{i}") for i in range(n)]

    @pytest.mark.parametrize(
        ("values", "ids"),
        [
            (pa.array([7, 8]), ["7", "8"]),
            (pa.array([7, 2**64 - 1], pa.uint64()), ["18446744073709551615", "7"]),
            (pa.array([7.0, 1.5, 1e20]), ["1.5", "1e+20", "7"]),
            (pa.array([7.0, 16_777_216.0], pa.float32()), ["16777216", "7"]),
            (pa.array([7.0, 8.0], pa.float16()), ["7", "8"]),
            (pa.array([Decimal(7), Decimal(8)]), ["7", "8"]),
            (pa.array([Decimal(7), Decimal(8)], pa.decimal256(60, 0)), ["7", "8"]),
            (pa.array([" a", "b"], pa.large_string()), ["a", "b"]),
            (pa.array([" a", "b"], pa.string_view()), ["a", "b"]),
            (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
            (pa.array([1, 2]).dictionary_encode(), ["1", "2"]),
            (pa.array(["é".encode(), b"b"]), ["b", "é"]),
            (pa.array([b"a", b"b"], pa.binary(1)), ["a", "b"]),
        ],
        ids=lambda v: str(v.type) if isinstance(v, pa.Array) else "",
    )
    def test_ids_of_any_type_become_their_text(
        self, tmp_path: Path, values: pa.Array, ids: list[str]
    ) -> None:
        assert self.read(tmp_path, "purchase_id", values) == ids

    def test_a_uuid_becomes_its_text(self, tmp_path: Path) -> None:
        values = pa.array([bytes(15) + b"\1"], pa.uuid())
        ids = self.read(tmp_path, "purchase_id", values)
        assert ids == ["00000000-0000-0000-0000-000000000001"]

    def test_a_whole_key_in_a_column_of_floats_with_gaps_is_the_same_key(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        stores = pa.table({"store_id": [7, 8]})
        bought = {"customer_id": ["c"] * 3, "product_id": ["p"] * 3, "at": [FIRST_DAY] * 3}
        purchases = pa.table(bought | {"store_id": [7.0, None, float("nan")]})
        pq.write_table(stores, tmp_path / "stores.parquet")
        pq.write_table(purchases, tmp_path / "purchases.parquet")
        assert counts(load_from(embedded, tmp_path))["purchases"] == (3, 3, 0, 0)
        store_ids = sorted(row.get("store_id", "") for row in rows(embedded, "purchases"))
        assert store_ids == ["", "", "7"]

    def test_columns_without_a_type_are_empty(self, embedded: Place, tmp_path: Path) -> None:
        given = {"customer_id": ["c"], "product_id": ["p"], "at": [FIRST_DAY]}
        nothing = ("purchase_id", "store_id", "quantity", "amount", "currency", "channel")
        purchases = pa.table(given | dict.fromkeys(nothing, pa.nulls(1)))
        pq.write_table(purchases, tmp_path / "purchases.parquet")
        load_from(embedded, tmp_path)
        (purchase,) = rows(embedded, "purchases")
        assert set(purchase) == {*given, "purchase_id"}

    @pytest.mark.parametrize(
        ("values", "minor"),
        [
            (pa.array([1, 20], pa.int8()), [100, 2000]),
            (pa.array([1, 2**64 - 1], pa.uint64()), [100, None]),
            (pa.array([19.99, 0.1, 1e308]), [1999, 10, None]),
            (pa.array([float("nan"), float("inf"), -0.0]), [None, None, 0]),
            (pa.array([1.5], pa.float16()), [150]),
            (pa.array([Decimal("19.990"), Decimal("0.285")]), [1999, 28]),
            (pa.array([Decimal("1.25")], pa.decimal256(70, 2)), [125]),
            (pa.array(["19.99", "x", None]), [1999, None, None]),
            (pa.array([1.5, 2.5]).dictionary_encode(), [150, 250]),
        ],
        ids=lambda v: str(v.type) if isinstance(v, pa.Array) else "",
    )
    def test_money_of_any_type_becomes_whole_minor_units(
        self, tmp_path: Path, values: pa.Array, minor: list[int | None]
    ) -> None:
        assert self.read(tmp_path, "amount", values) == minor

    @pytest.mark.parametrize(
        "values",
        [
            pa.array([SECONDS], pa.timestamp("s")),
            pa.array([SECONDS * 10**3], pa.timestamp("ms")),
            pa.array([SECONDS * 10**9 + 999], pa.timestamp("ns")),
            pa.array([SECONDS * 10**9], pa.timestamp("ns", "Europe/Berlin")),
            pa.array([SECONDS], pa.timestamp("s", "+02:00")),
            pa.array([date(2025, 1, 1)], pa.date32()),
            pa.array([date(2025, 1, 1)], pa.date64()),
            pa.array([FIRST_DAY]).dictionary_encode(),
            pa.array(["2025-01-01"]).dictionary_encode(),
        ],
        ids=lambda v: str(v.type),
    )
    def test_times_of_any_type_become_utc(self, tmp_path: Path, values: pa.Array) -> None:
        assert self.read(tmp_path, "at", values) == [NEW_YEAR]

    def test_a_typed_time_without_a_zone_is_in_the_mappings(self, tmp_path: Path) -> None:
        values = pa.array([datetime(2025, 7, 1, 2)])  # noqa: DTZ001
        times = self.read(tmp_path, "at", values, timezone="Europe/Berlin")
        assert times == [datetime(2025, 7, 1, tzinfo=UTC)]

    def test_a_typed_number_is_a_time_with_a_unit_or_a_format_only(self, tmp_path: Path) -> None:
        for name in ("unit", "format", "neither"):
            (tmp_path / name).mkdir()
        times = self.read(tmp_path / "unit", "at", pa.array([SECONDS]), unit="seconds")
        assert times == [NEW_YEAR]
        times = self.read(tmp_path / "format", "at", pa.array([20250101]), format="%Y%m%d")
        assert times == [NEW_YEAR]
        for values in (pa.array([SECONDS]), pa.array([1.5]), pa.array([Decimal("1.5")])):
            with pytest.raises(DeliveryError, match="at is a bare number, and the mapping names"):
                self.read(tmp_path / "neither", "at", values)
            (tmp_path / "neither" / "d" / "purchases.parquet").unlink()
            (tmp_path / "neither" / "d").rmdir()

    @pytest.mark.parametrize(
        "values",
        [
            pa.array([True]),
            pa.array([time(1, 2)]),
            pa.array([datetime(2025, 1, 1) - datetime(2024, 1, 1)]),  # noqa: DTZ001
            pa.array([FIRST_DAY]),
        ],
        ids=lambda v: str(v.type),
    )
    def test_values_of_other_types_than_numbers_are_rejected(
        self, tmp_path: Path, values: pa.Array
    ) -> None:
        with pytest.raises(DeliveryError, match="quantity isn't a valid number"):
            self.read(tmp_path, "quantity", values)

    @pytest.mark.parametrize("unit", ["s", "ms", "us"])
    @pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
    def test_times_beyond_the_calendar_are_rejected(
        self, tmp_path: Path, unit: str, zone: str | None
    ) -> None:
        second = {"s": 1, "ms": 10**3, "us": 10**6}[unit]
        # The first second of the year 10000 and the last before the year 1, and far beyond.
        most = (2**63 - 9) // (10**3 if unit == "s" else 1)  # Parquet has no seconds
        far = [253_402_300_800 * second, -62_135_596_801 * second, most, -most]
        counts = [SECONDS * second, None, *far]
        values = pa.array(counts, pa.int64()).cast(pa.timestamp(unit, zone))
        (tmp_path / "d").mkdir()
        joined = {"customer_id": list("abcdef"), "joined_at": values}
        pq.write_table(pa.table(joined), tmp_path / "d" / "customers.parquet")
        sound, faults = read(tmp_path / "d", "customers")
        assert sound == [{"customer_id": "a", "joined_at": NEW_YEAR}, {"customer_id": "b"}]
        assert [fault[:3] for fault in faults] == [
            (i, "joined_at", "isn't a valid time") for i in range(3, 7)
        ]

    @pytest.mark.parametrize("kind", [pa.date32(), pa.date64(), pa.timestamp("ms")])
    def test_birth_dates_beyond_the_calendar_are_rejected(
        self, tmp_path: Path, kind: pa.DataType
    ) -> None:
        days = pa.array([7_000, 2**31 - 9, -(2**31) + 9, None], pa.int64())
        counts = days if kind == pa.date32() else pc.multiply(days, 86_400_000)
        plain = counts.cast(pa.int32()) if kind == pa.date32() else counts
        (tmp_path / "d").mkdir()
        people = pa.table({"customer_id": list("abcd"), "birth_date": plain.cast(kind)})
        pq.write_table(people, tmp_path / "d" / "customers.parquet")
        sound, faults = read(tmp_path / "d", "customers")
        born = date(1970, 1, 1) + timedelta(days=7_000)
        assert sound == [{"customer_id": "a", "birth_date": born}, {"customer_id": "d"}]
        assert [fault[:3] for fault in faults] == [
            (i, "birth_date", "isn't a valid date") for i in range(2, 4)
        ]

    def test_times_of_96_bits_do_not_wrap_around(self, tmp_path: Path) -> None:
        times = [FIRST_DAY, datetime(9999, 12, 31, 23, 59, 59), datetime(1, 1, 1)]  # noqa: DTZ001
        people = pa.table({"customer_id": list("abc"), "joined_at": pa.array(times)})
        pq.write_table(people, tmp_path / "customers.parquet", use_deprecated_int96_timestamps=True)
        sound, _ = read(tmp_path, "customers")
        assert [row["joined_at"].replace(tzinfo=None) for row in sound] == times

    def test_nan_is_not_an_id(self, tmp_path: Path) -> None:
        ids = pa.array([1.0, math.nan, math.inf, -math.inf, 2.5])
        pq.write_table(pa.table({"customer_id": ids}), tmp_path / "customers.parquet")
        sound, _ = read(tmp_path, "customers")
        assert [row.get("customer_id") for row in sound] == ["1", None, None, None, "2.5"]

    def test_dates_beyond_the_calendar_are_rejected(self, tmp_path: Path) -> None:
        values = pa.array([20_089, 2**31 - 5], pa.int32()).cast(pa.date32())
        assert self.read(tmp_path, "at", values) == [NEW_YEAR, None]
