"""`demo`: what it shows is varied, true and within consent, and its commands work."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.commands import Outcome, run, run_each

import followsuit
from followsuit.api import Shop
from followsuit.cli.commands.demo import _verdict
from followsuit.core.bootstrap import Estimate
from followsuit.demo import ScoredShop, Story, may_be_named, money, most_varied
from followsuit.graph.results.runs import DECISIONS, DRIVERS, SHARING, active_run, run_folder
from followsuit.policy.rules import SENTENCES

SMALL = ("demo", "--customers", "120")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Outcome:
    """The second demo in a folder that holds one of another shop."""
    other, small = run_each([["demo", "--customers", "150", "--seed", "1"], SMALL], folder)
    assert (other.code, small.code) == (0, 0), other.said + small.said
    return small


@pytest.fixture(scope="module")
def shop(demo: Outcome, folder: Path) -> Iterator[Shop]:
    with followsuit.open(folder / "demo" / "followsuit.lbug") as shop:
        yield shop


@pytest.fixture(scope="module")
def scored(shop: Shop) -> ScoredShop:
    return ScoredShop(shop)


@pytest.fixture(scope="module")
def story(scored: ScoredShop) -> Story:
    told = scored.story()
    assert told is not None
    return told


def run_file(shop: Shop, name: str) -> pd.DataFrame:
    run = active_run(shop.store)
    frame: pd.DataFrame = pq.read_table(run_folder(shop.store, run.run_id) / name).to_pandas()
    return frame


def commands(out: str) -> list[list[str]]:
    lines = [line for line in out.splitlines() if line.startswith("  followsuit ")]
    return [shlex.split(line)[1:] for line in lines]


def test_it_fits_a_screen_and_shows_each_part(demo: Outcome) -> None:
    lines = demo.out.splitlines()
    titles = [line.rstrip("─ ") for line in lines if line.endswith("──")]
    titles = [title for title in titles if title.strip()]
    assert titles[:2] == [
        "A simulated shop",
        "12 of the offers, chosen for variety, not the top ones",
    ]
    assert titles[2].startswith("One customer: ")
    assert titles[3:] == ["What friends are worth in this shop", "What to type next"]
    assert max(len(line) for line in lines if not line.startswith("  ")) <= 100
    assert not re.search(r"\b(None|nan|NaT)\b", demo.out)


def test_the_offers_differ(shop: Shop, scored: ScoredShop, folder: Path) -> None:
    every = pq.read_table(folder / "demo" / "offers.parquet").to_pandas()
    assert not every.duplicated(["customer_id", "item_kind", "item_id"]).any()
    shown = scored.varied_offers()
    customers, items = ({getattr(o, n) for o in shown} for n in ("customer_id", "item_id"))
    reasons = {offer.reason for offer in shown}
    assert len(customers) == len(shown) == 12
    assert min(len(items), len(reasons)) >= 6
    left = every[~every.customer_id.isin(customers) & ~every.item_id.isin(items)]
    assert len(items) == 12 or left.empty
    assert len(reasons) == 12 or set(left.reason) <= reasons
    chances = [offer.probability for offer in shown]
    assert chances == sorted(chances, reverse=True)


def test_names_and_prices_are_those_of_the_shop(shop: Shop, scored: ScoredShop) -> None:
    people = shop.cypher("MATCH (c:Customer) RETURN c.customer_id AS id, c.name AS name")
    products = shop.cypher(
        "MATCH (p:Product) RETURN p.product_id AS id, p.name AS name, p.price AS price"
    )
    people, products = people.set_index("id"), products.set_index("id")
    for offer in scored.varied_offers():
        assert offer.customer == people.name[offer.customer_id]
        if offer.item_kind == "product":
            assert offer.item == products.name[offer.item_id]
            assert offer.price == f"€{products.price[offer.item_id] / 100:,.2f}"


def test_only_friends_who_agreed_are_named(shop: Shop, story: Story) -> None:
    behind = run_file(shop, DRIVERS)
    first = story.offers[0]
    behind = behind[
        (behind.customer_id == story.customer_id)
        & (behind.item_kind == first.item_kind)
        & (behind.item_id == first.item_id)
    ]
    agreed = who_agreed(shop)
    agreed = agreed[agreed.index.isin(behind.friend_id)]
    named = [driver.name for driver in story.drivers if driver.name is not None]
    assert sorted(named) == sorted(agreed)
    unnamed = [driver for driver in story.drivers if driver.name is None]
    assert len(unnamed) == len(behind) - len(named)
    assert len(story.drivers) == len(behind) > 0


def test_a_refusal_counts_whatever_came_before(shop: Shop) -> None:
    customers = shop.cypher("MATCH (c:Customer) RETURN c.customer_id AS id").id.tolist()
    view = shop.snapshot(active_run(shop.store).as_of)
    named = may_be_named(view, customers)
    assert named == set(who_agreed(shop).index)
    assert 0 < len(named) < len(customers)


def who_agreed(shop: Shop) -> "pd.Series[str]":
    """The names by id of those whose latest answer on being named is yes, read from the graph."""
    rows = shop.cypher(
        "MATCH (c:Customer)-[r:CONSENTED]->(p:Purpose) "
        "WHERE p.purpose IN ['named_use', 'all'] "
        "RETURN c.customer_id AS id, c.name AS name, r.granted AS granted, r.at AS at"
    )
    last = rows.groupby(["id", "granted"])["at"].max().unstack()
    yes = last.index[last[True].notna() & ~(last[False] >= last[True])]
    names: pd.Series[str] = rows.drop_duplicates("id").set_index("id").name[yes]
    return names


def test_the_story_counts_the_friends_who_share(shop: Shop, story: Story, demo: Outcome) -> None:
    friends = shop.cypher(
        "MATCH (:Customer {customer_id: $id})-[:FRIEND_OF]-(f:Customer) "
        "RETURN DISTINCT f.customer_id AS id",
        id=story.customer_id,
    ).id
    sharing = set(run_file(shop, SHARING).customer_id)
    assert (story.friends, story.sharing) == (len(friends), len(sharing & set(friends)))
    assert f"{story.friends}, of whom {story.sharing} share their activity." in demo.out


def test_blocked_items_are_blocked_by_the_rule_that_is_said(shop: Shop, story: Story) -> None:
    rows = run_file(shop, DECISIONS)
    rows = rows[rows.customer_id == story.customer_id]
    counts = rows.blocked_by.value_counts().to_dict()
    assert {blocked.rule: blocked.items for blocked in story.blocked} == counts
    assert len(counts) > 1
    for blocked in story.blocked:
        assert blocked.sentence == SENTENCES[blocked.rule]
        assert shop.explain(story.customer_id, blocked.item_id).rule == blocked.rule


def test_its_commands_work(demo: Outcome, folder: Path) -> None:
    done = run_each(commands(demo.out), folder)
    assert [outcome.code for outcome in done] == [0] * 4, [outcome.said for outcome in done]
    why, why_not, offers, backtest = (outcome.out for outcome in done)
    assert " is offered as number 1 " in why
    assert why_not.startswith("Not offered (")
    assert "20 rows" in offers
    assert "Triggers add to ndcg@10" in backtest


def test_an_earlier_demo_leaves_nothing(shop: Shop) -> None:
    counts = shop.query("counts")
    assert counts.n[counts.name == "Customer"].item() <= 120


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes(demo: Outcome, tmp_path: Path) -> None:
    assert run(*SMALL, folder=tmp_path).out == demo.out


def offers_of(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    columns = ["customer_id", "item_id", "reason", "probability"]
    return pd.DataFrame(rows, columns=columns).assign(item_kind="product")


def test_a_rare_reason_is_not_lost_to_a_better_offer() -> None:
    offers = offers_of(
        ("a", "p1", "common", 0.9),
        ("a", "p2", "rare", 0.1),
        ("b", "p1", "common", 0.5),
        ("c", "p3", "common", 0.4),
    )
    chosen = most_varied(offers, 2)
    assert chosen.customer_id.tolist() == ["b", "a"]
    assert chosen.reason.tolist() == ["common", "rare"]


def test_customers_and_items_repeat_only_if_there_are_no_others() -> None:
    offers = offers_of(
        ("a", "p1", "x", 0.9), ("a", "p2", "y", 0.8), ("b", "p1", "z", 0.7), ("b", "p2", "z", 0.1)
    )
    assert most_varied(offers, 2).customer_id.nunique() == 2
    assert len(most_varied(offers, 12)) == 4
    assert not len(most_varied(offers[:0], 12))


def test_every_order_of_the_rows_gives_the_same_choice() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (f"c{rng.integers(20)}", f"p{i}", f"r{rng.integers(5)}", round(rng.random(), 1))
        for i in range(60)
    ]
    offers = offers_of(*rows)
    shuffled = offers.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        most_varied(offers).reset_index(drop=True), most_varied(shuffled).reset_index(drop=True)
    )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.03, "0.0200 higher (95 % interval +0.0100 to +0.0300): friends improve"),
        (-0.03, -0.01, "0.0200 lower (95 % interval -0.0300 to -0.0100): friends make"),
        (-0.01, 0.05, "0.0200 higher (95 % interval -0.0100 to +0.0500): that doesn't tell"),
    ],
)
def test_the_verdict_follows_the_interval(low: float, high: float, said: str) -> None:
    assert said in _verdict(Estimate((low + high) / 2, low, high))


def test_money_is_written_as_people_write_it() -> None:
    assert money(129_900, "EUR") == "€1,299.00"
    assert money(1_250, "CHF") == "12.50 CHF"
    assert money(5, "") == "0.05"
