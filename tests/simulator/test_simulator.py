"""The simulator's deliveries: sizes, types, keys, times, files and errors."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from followsuit.core.errors import FollowsuitError
from followsuit.graph.tables import TABLES, Kind
from followsuit.simulator import Simulated, World, WorldError, simulate, tables
from followsuit.simulator.columns import MADE

SMALL = World(
    customers=600, products=120, stores=20, friendships=3_000, purchases=6_000, days=120, seed=3
)
START = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2025, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> Simulated:
    return tables(SMALL)


@pytest.fixture(scope="module")
def frames(world: Simulated) -> dict[str, pd.DataFrame]:
    return {name: rows.to_pandas() for name, rows in world.tables.items()}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def assert_refers(simulated: Simulated) -> None:
    for name, rows in simulated.tables.items():
        for field in TABLES[name].fields:
            if field.refers is not None:
                known = simulated.tables[field.refers][TABLES[field.refers].key[0]]
                used = pc.drop_null(rows[field.name])
                assert pc.all(pc.is_in(used, known)).as_py() in (True, None), (name, field.name)


class TestTables:
    def test_sizes_are_those_asked_for(self, world: Simulated) -> None:
        for name in ("customers", "products", "stores", "friendships", "purchases"):
            assert world.tables[name].num_rows == getattr(SMALL, name)

    def test_every_table_of_the_contract_has_rows_in_its_types(self, world: Simulated) -> None:
        assert list(world.tables) == list(MADE)
        for name, rows in world.tables.items():
            assert rows.schema.equals(TABLES[name].arrow_schema())
            assert rows.num_rows
            rows.validate(full=True)

    def test_required_columns_are_filled(self, world: Simulated) -> None:
        for name, rows in world.tables.items():
            for field in TABLES[name].fields:
                if field.required or field.name == TABLES[name].derived:
                    assert rows[field.name].null_count == 0

    def test_no_key_comes_twice(self, frames: dict[str, pd.DataFrame]) -> None:
        for name, rows in frames.items():
            assert not rows.duplicated(list(TABLES[name].key)).any(), name

    def test_keys_refer_to_rows(self, world: Simulated) -> None:
        assert_refers(world)

    def test_what_happens_happens_within_the_period(self, frames: dict[str, pd.DataFrame]) -> None:
        for name in ("purchases", "visits", "events", "contacts"):
            assert frames[name]["at"].between(START, END, inclusive="left").all()
        for name, column in (("friendships", "since"), ("likes", "at"), ("consents", "at")):
            assert (frames[name][column].dropna() < END).all()
        assert (frames["contacts"].outcome_at.dropna() < END).all()

    def test_nobody_interacts_before_joining(self, frames: dict[str, pd.DataFrame]) -> None:
        joined = frames["customers"].set_index("customer_id").joined_at
        for name in ("purchases", "visits", "events", "contacts", "likes", "consents"):
            rows = frames[name].dropna(subset="at")
            assert (rows["at"] >= rows.customer_id.map(joined)).all(), name

    def test_friendships_are_undirected_and_once(self, frames: dict[str, pd.DataFrame]) -> None:
        friends = frames["friendships"]
        assert (friends.customer_id < friends.friend_id).all()
        assert not friends.directed.any()
        assert 0 < friends.since.isna().mean() < 0.1

    def test_ages(self, frames: dict[str, pd.DataFrame]) -> None:
        birth = pd.to_datetime(frames["customers"].birth_date)
        age = (pd.Timestamp("2025-05-01") - birth).dt.days / 365.25
        assert age.min() >= 14
        assert age.max() <= 85
        assert 0.01 < (age < 18).mean() < 0.08
        assert 0 < birth.isna().mean() < 0.06

    def test_amount_is_price_times_quantity(self, frames: dict[str, pd.DataFrame]) -> None:
        bought = frames["purchases"]
        price = bought.product_id.map(frames["products"].set_index("product_id").price)
        assert (bought.amount == price * bought.quantity).all()
        assert (frames["products"].margin < frames["products"].price).all()

    def test_stores_are_open_at_purchases_and_visits(self, frames: dict[str, pd.DataFrame]) -> None:
        city = frames["stores"].set_index("store_id").city
        zone = frames["customers"].drop_duplicates("city").set_index("city").timezone
        for name in ("purchases", "visits"):
            rows = frames[name].dropna(subset="store_id")
            for timezone, group in rows.groupby(rows.store_id.map(city).map(zone)):
                local = group["at"].dt.tz_convert(ZoneInfo(str(timezone)))
                assert local.dt.hour.between(9, 19).all()

    def test_a_store_goes_with_its_channel(self, frames: dict[str, pd.DataFrame]) -> None:
        bought = frames["purchases"]
        assert ((bought.channel == "store") == bought.store_id.notna()).all()
        assert set(bought.channel) == {"store", "web", "app"}

    def test_travellers_shop_where_they_are(self, frames: dict[str, pd.DataFrame]) -> None:
        trips = frames["events"].query("kind == 'trip'")
        first = trips["at"].dt.normalize()
        trips = trips.assign(first=first, last=first + pd.to_timedelta(trips.value, "D"))
        city = frames["stores"].set_index("store_id").city
        for name in ("purchases", "visits"):
            rows = frames[name].dropna(subset="store_id")
            away = rows.merge(trips, on="customer_id", suffixes=("", "_trip"))
            away = away[(away["at"] >= away["first"]) & (away["at"] < away["last"])]
            assert len(away)
            assert (away.store_id.map(city) == away.city).all()

    def test_only_customers_who_opted_in_are_contacted(
        self, frames: dict[str, pd.DataFrame]
    ) -> None:
        contacts = frames["contacts"].reset_index()
        said = frames["consents"].rename(columns={"at": "said_at", "purpose": "channel"})
        asked = contacts.merge(said, on=["customer_id", "channel"])
        last = asked[asked.said_at <= asked["at"]].sort_values("said_at").groupby("index").last()
        assert len(last) == len(contacts)
        assert last.granted.all()

    def test_offers_are_active_when_they_are_sent(self, frames: dict[str, pd.DataFrame]) -> None:
        offers = frames["offers"]
        sent = frames["contacts"].merge(offers, on="offer_id")
        assert (sent["at"] >= sent.valid_from).all()
        assert (sent["at"] < sent.valid_until).all()
        for day in pd.date_range(START, END):
            assert ((offers.valid_from <= day) & (offers.valid_until > day)).sum() >= 3

    def test_outcomes_come_within_a_fortnight(self, frames: dict[str, pd.DataFrame]) -> None:
        settled = frames["contacts"].dropna(subset="outcome")
        wait = settled.outcome_at - settled["at"]
        assert wait.between(pd.Timedelta(0), pd.Timedelta(days=14)).all()
        assert frames["contacts"].outcome_at.isna().equals(frames["contacts"].outcome.isna())

    def test_sensitive_products_are_a_category(self, frames: dict[str, pd.DataFrame]) -> None:
        products = frames["products"]
        assert set(products[products.sensitive].category) == {"pharmacy"}
        assert 0 < products.sensitive.mean() < 0.1

    def test_no_dirt_unless_asked_for(self, world: Simulated) -> None:
        assert not any(world.dirt.values())

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_any_world_has_its_sizes_and_no_loose_ends(self, data: st.DataObject) -> None:
        customers = data.draw(st.integers(1, 40))
        world = World(
            customers=customers,
            products=data.draw(st.integers(1, 40)),
            stores=data.draw(st.integers(1, 20)),
            friendships=data.draw(st.integers(0, customers * (customers - 1) // 2)),
            purchases=data.draw(st.integers(0, 200)),
            days=data.draw(st.integers(1, 40)),
            homophily=data.draw(st.floats(0, 1)),
            influence=data.draw(st.floats(0, 1)),
            shock=data.draw(st.floats(0, 1)),
            seed=data.draw(st.integers(0, 2**64 - 1)),
            start=data.draw(st.dates(date(1980, 1, 1), date(2200, 1, 1))),
        )
        simulated = tables(world)
        for name in ("customers", "products", "stores", "friendships", "purchases"):
            assert simulated.tables[name].num_rows == getattr(world, name)
        assert_refers(simulated)
        chance = simulated.edges["probability"]
        assert pc.all(pc.and_(pc.greater(chance, 0), pc.less(chance, 1))).as_py() in (True, None)


class TestFiles:
    @pytest.mark.parametrize("file_format", ["csv", "parquet"])
    def test_the_same_world_is_the_same_to_the_byte(self, tmp_path: Path, file_format: str) -> None:
        world = replace(SMALL, dirt=0.5)
        simulate(world, tmp_path / "a", tmp_path / "at", file_format=file_format)
        threads = pa.cpu_count()
        try:
            pa.set_cpu_count(1)
            simulate(world, tmp_path / "b", tmp_path / "bt", file_format=file_format)
        finally:
            pa.set_cpu_count(threads)
        assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
        assert bytes_of(tmp_path / "at") == bytes_of(tmp_path / "bt")

    def test_another_seed_is_another_world(self, world: Simulated) -> None:
        other = tables(replace(SMALL, seed=4))
        assert not other.tables["purchases"].equals(world.tables["purchases"])

    def test_one_part_does_not_shift_another(self, world: Simulated) -> None:
        other = tables(replace(SMALL, shock=1.0, influence=0.1, stores=30))
        for name in ("customers", "friendships", "likes", "memberships", "consents"):
            assert other.tables[name].equals(world.tables[name])

    def test_csv_is_what_a_retailer_delivers(self, tmp_path: Path, world: Simulated) -> None:
        counts = simulate(SMALL, tmp_path)
        assert counts == {name: rows.num_rows for name, rows in world.tables.items()}
        for name, rows in world.tables.items():
            raw = (tmp_path / f"{name}.csv").read_bytes()
            assert raw.startswith(",".join(rows.column_names).encode() + b"\n")
            read = pacsv.read_csv(
                tmp_path / f"{name}.csv",
                convert_options=pacsv.ConvertOptions(
                    column_types={
                        f.name: pa.decimal128(12, 2) if f.kind is Kind.MONEY else f.type
                        for f in TABLES[name].fields
                    },
                    strings_can_be_null=True,
                    null_values=[""],
                ),
            )
            assert in_cents(name, read).equals(rows)

    def test_csv_text(self, tmp_path: Path) -> None:
        simulate(SMALL, tmp_path)
        with (tmp_path / "purchases.csv").open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file))
        assert row["at"].endswith("Z")
        assert datetime.fromisoformat(row["at"]) >= START
        assert len(row["amount"].partition(".")[2]) == 2
        assert row["currency"] == "EUR"
        with (tmp_path / "friendships.csv").open(encoding="utf-8", newline="") as file:
            assert next(csv.DictReader(file))["directed"] == "false"

    def test_parquet_is_typed(self, tmp_path: Path, world: Simulated) -> None:
        simulate(SMALL, tmp_path, file_format="parquet")
        for name, rows in world.tables.items():
            read = pq.read_table(tmp_path / f"{name}.parquet")
            assert in_cents(name, read).equals(rows)

    def test_the_truth_lies_elsewhere(self, tmp_path: Path, world: Simulated) -> None:
        simulate(SMALL, tmp_path / "files", tmp_path / "truth")
        assert {p.stem for p in (tmp_path / "files").iterdir()} == set(MADE)
        edges = pq.read_table(tmp_path / "truth" / "edges.parquet")
        assert edges.equals(world.edges)
        acceptance = pq.read_table(tmp_path / "truth" / "acceptance.parquet")
        assert acceptance.equals(world.acceptance)
        assert acceptance.num_rows == world.tables["contacts"].num_rows

    def test_a_table_without_rows_has_no_file(self, tmp_path: Path) -> None:
        simulate(SMALL, tmp_path)
        counts = simulate(replace(SMALL, friendships=0, influence=0), tmp_path)
        assert counts["friendships"] == 0
        assert not (tmp_path / "friendships.csv").exists()


def in_cents(name: str, rows: pa.Table) -> pa.Table:
    """Rows with money in major units, in the contract's types."""
    for i, field in enumerate(TABLES[name].fields):
        if field.kind is Kind.MONEY:
            cents = pc.round(pc.multiply(rows[field.name].cast(pa.float64()), 100.0))
            rows = rows.set_column(i, field.name, cents.cast(pa.int64()))
    return rows.cast(TABLES[name].arrow_schema())


class TestRefusals:
    @given(
        name=st.sampled_from(["homophily", "influence", "shock", "dirt"]),
        value=st.one_of(
            st.floats(max_value=-1e-9), st.floats(min_value=1 + 1e-9), st.just(float("nan"))
        ),
    )
    def test_dials_go_from_0_to_1(self, name: str, value: float) -> None:
        with pytest.raises(WorldError, match=name):
            World(**{name: value})

    @given(
        name=st.sampled_from(["customers", "products", "stores", "days"]),
        value=st.one_of(st.integers(max_value=0), st.integers(min_value=2**32), st.just(1.5)),
    )
    def test_sizes_are_whole_and_possible(self, name: str, value: int) -> None:
        with pytest.raises(WorldError, match=f"{name} is {value}"):
            World(**{name: value})

    @pytest.mark.parametrize("name", ["friendships", "purchases", "seed"])
    def test_zero_is_allowed_but_negative_is_not(self, name: str) -> None:
        World(**{name: 0})
        with pytest.raises(WorldError, match=name):
            World(**{name: -1})

    @given(st.integers(1, 2000))
    def test_no_more_friendships_than_pairs(self, customers: int) -> None:
        pairs = customers * (customers - 1) // 2
        World(customers=customers, friendships=pairs)
        with pytest.raises(WorldError, match=f"only {pairs} pairs"):
            World(customers=customers, friendships=pairs + 1)

    def test_start_is_within_the_allowed_years(self) -> None:
        with pytest.raises(WorldError, match="0001-01-01"):
            World(start=date(1, 1, 1))

    def test_errors_are_for_the_user(self) -> None:
        assert issubclass(WorldError, FollowsuitError)

    def test_unknown_format(self, tmp_path: Path) -> None:
        with pytest.raises(WorldError, match="'xlsx'; choose one of csv, parquet"):
            simulate(SMALL, tmp_path, file_format="xlsx")

    def test_truth_must_have_its_own_folder(self, tmp_path: Path) -> None:
        with pytest.raises(WorldError, match="the folder of the tables; choose another one"):
            simulate(SMALL, tmp_path, tmp_path / ".")
