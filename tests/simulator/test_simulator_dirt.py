"""Planted faults: their number and places are as recorded."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from followsuit.graph.schema import Col
from followsuit.graph.tables import TABLES, Kind
from followsuit.simulator import Simulated, World, simulate, tables
from followsuit.simulator.columns import MADE

DIRTY = World(
    customers=4_000,
    products=120,
    stores=20,
    friendships=9_000,
    purchases=20_000,
    days=120,
    seed=3,
    dirt=1.0,
)
NODES = ("customers", "products", "stores", "offers")
COSTLY = ("dangling", "bad_time", "empty_key", "negative", "self")


@pytest.fixture(scope="module")
def dirty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dirty")
    simulate(DIRTY, folder, folder / "truth")
    return folder


@pytest.fixture(scope="module")
def dirty(dirty_folder: Path) -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_csv(dirty_folder / f"{name}.csv", dtype=str, keep_default_na=False)
        for name in MADE
    }


@pytest.fixture(scope="module")
def clean() -> Simulated:
    return tables(DIRTY)


class TestDirt:
    def test_the_record_counts_the_planted_faults(
        self, clean: Simulated, dirty_folder: Path
    ) -> None:
        assert json.loads((dirty_folder / "truth" / "dirt.json").read_text()) == clean.dirt

    def test_about_a_twentieth_is_affected(self, clean: Simulated) -> None:
        for name in ("customers", "friendships", "purchases", "visits", "events", "consents"):
            share = sum(clean.dirt[name].values()) / clean.tables[name].num_rows
            assert 0.045 < share < 0.055, name

    def test_rows_add_up(self, clean: Simulated, dirty: dict[str, pd.DataFrame]) -> None:
        again = ("duplicate", "conflict", "mirrored")
        for name, rows in dirty.items():
            more = again + COSTLY if name in NODES else again
            added = sum(clean.dirt[name].get(kind, 0) for kind in more)
            assert len(rows) == clean.tables[name].num_rows + added

    @pytest.mark.parametrize("name", MADE)
    def test_every_fault_can_be_found(
        self, clean: Simulated, dirty: dict[str, pd.DataFrame], name: str
    ) -> None:
        planned = {kind: n for kind, n in clean.dirt[name].items() if kind != "late"}
        assert faults_in(name, dirty[name], clean) == planned

    def test_kinds_of_faults(self, clean: Simulated) -> None:
        harmless = {"spacing", "late"}
        assert set(clean.dirt["purchases"]) == harmless | {
            "duplicate",
            "conflict",
            "dangling",
            "bad_time",
            "empty_key",
            "negative",
        }
        assert set(clean.dirt["friendships"]) == harmless | {
            "duplicate",
            "conflict",
            "mirrored",
            "dangling",
            "bad_time",
            "empty_key",
            "self",
        }

    def test_customers_that_others_refer_to_stay(
        self, clean: Simulated, dirty: dict[str, pd.DataFrame]
    ) -> None:
        for name in NODES:
            key = TABLES[name].key[0]
            assert set(clean.tables[name][key].to_pylist()) <= set(dirty[name][key])

    def test_late_rows_are_at_the_end(
        self, clean: Simulated, dirty: dict[str, pd.DataFrame]
    ) -> None:
        ids = dirty["purchases"].purchase_id
        plan = clean.dirt["purchases"]
        tail = plan["duplicate"] + plan["conflict"] + plan["late"]
        assert ids[:-tail].is_monotonic_increasing
        assert not ids[-tail:].is_monotonic_increasing
        assert len(set(ids[-tail:]) - set(ids[:-tail])) == plan["late"]

    def test_parquet_holds_text_where_dirt_needs_it(self, tmp_path: Path) -> None:
        simulate(DIRTY, tmp_path, file_format="parquet")
        schema = pq.read_schema(tmp_path / "purchases.parquet")
        assert schema.field(Col.AT).type == pa.string()
        assert schema.field(Col.AMOUNT).type == pa.float64()


def faults_in(name: str, rows: pd.DataFrame, clean: Simulated) -> dict[str, int]:
    """How many faults of each kind show in a file."""
    table = TABLES[name]
    required = next(f.name for f in table.fields if f.required)
    whole = rows[rows[required] != ""]
    stripped = whole.apply(lambda column: column.str.strip())
    again = stripped.apply(lambda column: column.str.lower()).duplicated()
    sound = ~again
    if name == "friendships":
        sound &= stripped.customer_id != stripped.friend_id
    fields = table.fields
    faulty = {
        "duplicate": again,
        "conflict": stripped[sound].duplicated(list(table.key)),
        "empty_key": rows[required] == "",
        "spacing": (whole != stripped).any(axis=1),
        "bad_time": any_of(
            no_time(stripped[f.name]) for f in fields if f.kind in (Kind.TIME, Kind.DATE)
        ),
        "negative": any_of(
            whole[f.name].str.startswith("-") for f in fields if f.kind is Kind.MONEY
        ),
        "dangling": any_of(
            ~whole[f.name].isin(clean.tables[f.refers][TABLES[f.refers].key[0]].to_pylist())
            for f in fields
            if f.required and f.refers is not None
        ),
    }
    if name == "friendships":
        faulty["self"] = whole.customer_id == whole.friend_id
        faulty["mirrored"] = whole.customer_id > whole.friend_id
    return {kind: int(bad.sum()) for kind, bad in faulty.items() if bad.any()}


def no_time(texts: "pd.Series[str]") -> "pd.Series[bool]":
    time = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    return (texts != "") & (time.isna() | texts.str.fullmatch(r"\d+"))


def any_of(masks: "Iterable[pd.Series[bool]]") -> "pd.Series[bool]":
    columns = list(masks)
    return pd.concat(columns, axis=1).any(axis=1) if columns else pd.Series(dtype=bool)
