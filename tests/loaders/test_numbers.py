"""Numbers and amounts: the same decimal, whatever program wrote it."""

import json
import math
import tempfile
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.deliveries import deliver
from support.reading import read

NEGATIVE = "is negative"
REJECTED = "rejected"
GOOD = {"customer_id": "c", "product_id": "p", "at": "2025-01-01"}


def hundredths(text: str, places: int = 2) -> int | str:
    """What Python's decimals make of an amount; a reason where it isn't loaded."""
    with localcontext() as exact:
        exact.prec, exact.Emax, exact.Emin = 2000, 10**9, -(10**9)
        number = Decimal(text)
        if number and number.adjusted() > 30:
            return REJECTED
        whole = int((number * 10**places).quantize(Decimal(1), ROUND_HALF_EVEN))
    if not -(2**63) <= whole < 2**63:
        return REJECTED
    return NEGATIVE if number < 0 else whole


def amounts(delivery: Path, count: int, **mapping: Any) -> list[int | str]:
    sound, faults = read(delivery, "purchases", mapping)
    amount_by_row: dict[int, int | str] = {
        row - 1: NEGATIVE if reason == NEGATIVE else REJECTED for row, _, reason, _ in faults
    }
    loaded = iter(sound)
    for i in range(count):
        if i not in amount_by_row:
            value = next(loaded)["amount"]
            amount_by_row[i] = NEGATIVE if value < 0 else value  # what the contract says of it
    return [amount_by_row[i] for i in range(count)]


def from_csv(texts: list[str], **mapping: Any) -> list[int | str]:
    with tempfile.TemporaryDirectory() as folder:
        deliver(Path(folder), purchases=[GOOD | {"amount": text} for text in texts])
        return amounts(Path(folder), len(texts), **mapping)


def from_parquet(values: pa.Array) -> list[int | str]:
    with tempfile.TemporaryDirectory() as folder:
        columns = {name: [value] * len(values) for name, value in GOOD.items()}
        path = Path(folder) / "purchases.parquet"
        pq.write_table(pa.table(columns | {"amount": values}), path)
        return amounts(Path(folder), len(values))


decimals = st.builds(
    lambda sign, whole, part, exponent: f"{sign}{whole}{part}{exponent}",
    st.sampled_from(["", "", "+", "-"]),
    st.integers(0, 10**18).map(str) | st.sampled_from(["0", "00", "9" * 40]),
    st.sampled_from(["", ".", ".5", ".005", ".015", ".00499999999999", ".0050" + "0" * 60 + "1"])
    | st.integers(0, 10**9).map(lambda n: f".{n}"),
    st.sampled_from(["", "", "", "e0", "E2", "e-2", "e-7", "e+16", "e400", "e-400"]),
)


class TestMoney:
    @settings(deadline=None, max_examples=60)
    @given(st.lists(decimals, min_size=1, max_size=20))
    def test_any_decimal_in_text_is_rounded_once_to_the_even(self, texts: list[str]) -> None:
        assert from_csv(texts) == [hundredths(text) for text in texts]
        minor = {"columns": {"amount": {"column": "amount", "unit": "minor"}}}
        assert from_csv(texts, **minor) == [hundredths(text, 0) for text in texts]

    def test_a_decimal_comma_changes_nothing_else(self) -> None:
        texts = ["0,0149999999", "0,00500001", "-0,004", "1,5e1", "-0,0", "1.5", ","]
        comma = {"columns": {"amount": {"column": "amount", "decimal": ","}}}
        assert from_csv(texts, **comma) == [1, 1, NEGATIVE, 1500, 0, REJECTED, REJECTED]

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.floats(-1e17, 1e17) | st.floats(0, 1), min_size=1))
    def test_a_float_is_its_shortest_decimal(self, values: list[float]) -> None:
        expected = [hundredths(repr(value)) for value in values]
        assert from_parquet(pa.array(values, pa.float64())) == expected

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.decimals(-(10**9), 10**9, places=9), min_size=1))
    def test_a_typed_decimal_is_rounded_once(self, values: list[Decimal]) -> None:
        amounts_read = from_parquet(pa.array(values, pa.decimal128(38, 9)))
        assert amounts_read == [hundredths(str(value)) for value in values]

    def test_a_huge_exponent_is_zero_or_a_fault(self) -> None:
        texts = [f"1e-{'9' * 30}", f"1e{'9' * 30}", "1e-999999999", "1e999999999", "0e999999999"]
        assert from_csv(texts) == [0, REJECTED, 0, REJECTED, 0]

    def test_negative_amounts_that_round_to_zero_load_only_with_returns(self) -> None:
        assert from_csv(["-0.004", "-1e-9"], returns=True) == [0, 0]

    def test_a_quantity_too_small_for_a_float_is_negative_too(self, tmp_path: Path) -> None:
        rows = [GOOD | {"quantity": "-1e-400"}, GOOD | {"quantity": "1e-400"}]
        sound, faults = read(deliver(tmp_path, purchases=rows), "purchases")
        assert (len(sound), faults) == (1, [(1, "quantity", NEGATIVE, "-1e-400")])


def as_ids(folder: Path) -> list[str | None]:
    return [row.get("customer_id") for row in read(folder, "customers")[0]]


class TestJsonNumbers:
    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1))
    def test_ids_are_what_a_column_of_floats_gives(self, values: list[float]) -> None:
        with tempfile.TemporaryDirectory() as name:
            texts, typed = Path(name) / "json", Path(name) / "parquet"
            texts.mkdir()
            typed.mkdir()
            lines = [json.dumps({"customer_id": value, "name": "x"}) for value in values]
            (texts / "customers.jsonl").write_text("\n".join(lines))
            table = pa.table({"customer_id": pa.array(values, pa.float64())})
            pq.write_table(table, typed / "customers.parquet")
            assert as_ids(texts) == as_ids(typed)

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            (("7", "7.0", "7.000", "70e-1", "0.7E1", "7e0"), "7"),
            (("0", "-0", "0.0", "-0.0", "0e9", "-0E-9"), "0"),
            (("1000", "1e3", "1E+3", "1000.0"), "1000"),
            (("-20", "-20.0", "-2e1"), "-20"),
            (("9007199254740993", "9007199254740993.0"), "9007199254740993"),
            (("12345678901234567890", "12345678901234567890.0"), "12345678901234567890"),
            (("2.5", "2.50", "25e-1"), "2.5"),
            (("1e20", "100000000000000000000.0"), "1e+20"),
        ],
    )
    def test_one_number_is_one_id(
        self, tmp_path: Path, written: tuple[str, ...], meant: str
    ) -> None:
        lines = [f'{{"customer_id": {number}}}' for number in written]
        (tmp_path / "customers.jsonl").write_text("\n".join(lines))
        assert as_ids(tmp_path) == [meant] * len(written)

    def test_ids_in_a_pandas_column_with_gaps_are_those_of_one_without(
        self, tmp_path: Path
    ) -> None:
        frame = pd.DataFrame({"customer_id": [3.0, None, 10.0]})
        frame.to_json(tmp_path / "customers.jsonl", orient="records", lines=True)
        assert as_ids(tmp_path) == ["3", None, "10"]

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
    def test_nan_and_infinity_are_missing_in_every_kind_of_field(
        self, tmp_path: Path, value: float | None
    ) -> None:
        fields = {
            "customers": ("name", "birth_date", "city", "joined_at"),
            "products": ("name", "price", "sensitive"),
            "purchases": ("purchase_id", "at", "quantity", "amount", "currency", "channel"),
        }
        for table, names in fields.items():
            (tmp_path / f"{table}.jsonl").write_text(
                json.dumps(dict.fromkeys(names, value) | {"customer_id": "c", "product_id": "p"})
            )
            sound, faults = read(tmp_path, table)
            assert faults == []
            assert [name for row in sound for name in names if name in row] == []
