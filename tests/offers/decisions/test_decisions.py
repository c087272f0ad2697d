"""Decisions: what becomes of each candidate, in the declared columns."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.grids import FOLLOWS, FORTNIGHT, NOW, friends_did, reasons_of, tea_shop
from support.snapshots import day
from support.worlds import view_of_world

from followsuit.graph.views.view import View
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.catalogue import catalogue
from followsuit.offers.candidates.grid import grid
from followsuit.offers.decisions.decision_rows import SCHEMA, schema_of
from followsuit.offers.decisions.decisions import (
    counts_by_rule,
    counts_of_decisions,
    write_decisions,
)
from followsuit.offers.features.declared import names_of
from followsuit.offers.learning.acceptance import Acceptance
from followsuit.offers.learning.logistic import LogisticModel
from followsuit.offers.selection import Selection
from followsuit.policy.decision import NEXT, OFFERED, OUTRANKED
from followsuit.policy.rules import BEFORE_PREDICTION, SENTENCES, Rule
from followsuit.simulator import World
from followsuit.triggers.reason_texts import reason_texts
from followsuit.triggers.trigger import ANY_OFFER, Trigger
from followsuit.triggers.trigger import reasons_of as reasons_by

WORLD = World(
    customers=150, products=60, stores=5, friendships=700, purchases=2500, days=70, seed=9
)
MODEL = LogisticModel()
Row = dict[str, Any]
KEY = ("customer_id", "offer_id", "item_kind", "item_id")


def decided(
    view: View,
    folder: Path,
    *,
    triggers: Sequence[Trigger] | None = None,
    top: int = 10,
    rules: tuple[Rule, ...] = BEFORE_PREDICTION,
    model: LogisticModel = MODEL,
) -> list[Row]:
    """The decisions about the reasons of triggers, by default only friends."""
    offers = catalogue(view)
    triggers = friends_did(view) if triggers is None else triggers
    rows = brought_up(view, reasons_by(triggers, view), offers, rules)
    live = rows.filter(rows.blocked_by.isnull())
    laid = grid(view, live, FORTNIGHT, triggers=triggers, catalogue=offers)
    folder.mkdir(exist_ok=True)
    path = folder / "decisions.parquet"
    texts = reason_texts()
    acceptance = Acceptance(NOW, model)
    write_decisions(
        path, rows, laid, offers, acceptance, triggers, texts, Selection(top), rules=rules
    )
    table = pq.read_table(path)
    assert table.schema.equals(schema_of(names_of(trigger.name for trigger in triggers)))
    counts = Counter(rule for rule in table["blocked_by"].to_pylist() if rule)
    assert counts_by_rule(path) == dict(sorted(counts.items()))
    decisions: list[Row] = table.to_pylist()
    return decisions


def by_item(rows: list[Row]) -> dict[str, Row]:
    items = {row["item_id"]: row for row in rows}
    assert len(items) == len(rows)
    return items


def test_a_decision_says_what_was_predicted_and_why(tmp_path: Path) -> None:
    products = [
        {"product_id": p, "category": "kitchen", "margin": m}
        for p, m in (("tea", 70), ("soap", None), ("cup", 5), ("pan", 5), ("hat", 5))
    ]
    bought = {"customer_id": "cas", "product_id": "hat", "at": day(19)}
    email = {"customer_id": "ann", "purpose": "email", "granted": True, "at": day(1)}
    view = tea_shop(tmp_path / "shop", bought, products=products, consents=[email])
    rows = by_item(decided(view, tmp_path))
    assert set(rows) == {"tea", "hat"}
    tea, hat = rows["tea"], rows["hat"]
    friends = 0.7 * math.log2(1 + 2 ** (-1 / 3.5))
    assert tea["contributions"]["trigger_friend_bought"] == pytest.approx(friends, abs=1e-8)
    assert tea["contributions"]["popularity"] == pytest.approx(math.log(3), abs=1e-8)
    assert list(tea["contributions"])[: len(names_of(()))] == list(names_of(()))
    score = MODEL.intercept + sum(tea["contributions"].values())
    assert tea["probability"] == pytest.approx(1 / (1 + math.exp(-score)), abs=1e-8)
    assert tea["own_share"] == pytest.approx(1 / (1 + math.exp(friends - score)), abs=1e-8)
    assert tea["own_share"] + tea["trigger_share"] == pytest.approx(tea["probability"], abs=1e-9)
    assert hat["trigger_share"] == 0
    assert (tea["value"], tea["expected_value"]) == (70, pytest.approx(70 * tea["probability"]))
    assert (tea["offer_id"], tea["channel"]) == ("tea", "email")
    assert (tea["triggers"], tea["source"]) == (["friend_bought"], "trigger")
    assert (hat["triggers"], hat["source"]) == ([], "popular")
    assert tea["reason"] == "popular with people you know"
    assert hat["reason"] == "popular now"
    assert [(row["decision"], row["rank"]) for row in (tea, hat)] == [(OFFERED, 1), (OFFERED, 2)]
    for name in ("blocked_by", "low", "high", "send_after"):
        assert tea[name] is None


def test_what_a_rule_blocks_has_a_row_without_a_prediction(tmp_path: Path) -> None:
    customers = [
        {"customer_id": c, "birth_date": date(2015 if c == "kim" else 1980, 1, 1)}
        for c in ("ann", "bob", "cas", "kim")
    ]
    friendships = [FOLLOWS, FOLLOWS | {"customer_id": "kim"}]
    bought = {"customer_id": "bob", "product_id": "soap", "at": day(19)}
    view = tea_shop(tmp_path / "shop", bought, customers=customers, friendships=friendships)
    rows = decided(view, tmp_path)
    blocked = [row for row in rows if row["blocked_by"]]
    assert rows[: len(blocked)] == blocked, "they come first"
    assert [(row["customer_id"], row["item_id"], row["decision"]) for row in blocked] == [
        ("ann", "soap", "already_taken"),
        ("kim", "soap", "minor"),
        ("kim", "tea", "minor"),
    ]
    for row in blocked:
        assert row["decision"] == row["blocked_by"]
        assert (row["triggers"], row["source"]) == (["friend_bought"], "trigger")
        assert row["offer_id"] == row["item_id"]
        for name in ("probability", "own_share", "trigger_share", "rank", "reason", "channel"):
            assert row[name] is None


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> View:
    return view_of_world(WORLD, tmp_path_factory.mktemp("world"), assume_consent=True)


@pytest.mark.parametrize("top", [3, 10, 70])
def test_every_candidate_ends_as_offered_outranked_or_blocked(
    world: View, tmp_path: Path, top: int
) -> None:
    world_offers = catalogue(world)
    assert world_offers is not None
    rows = decided(world, tmp_path, top=top)
    keys = [(r["customer_id"], r["offer_id"], r["item_kind"], r["item_id"]) for r in rows]
    assert len(set(keys)) == len(keys)
    assert {row["decision"] for row in rows} <= {OFFERED, OUTRANKED, *SENTENCES}
    reasons = {
        (r["customer_id"], r["item_kind"], r["item_id"])
        for r in reasons_by(friends_did(world), world).to_pyarrow().to_pylist()
    }
    pairs = {(r["customer_id"], r["item_kind"], r["item_id"]): r for r in rows}
    listed = Counter(row["customer_id"] for row in rows if row["rank"])
    assert max(listed.values()) <= top + NEXT
    shown = {(row["customer_id"], row["offer_id"]) for row in rows if row["rank"]}
    covering: dict[tuple[str, str], list[str]] = {}
    for row in world_offers.coverage.to_pyarrow().to_pylist():
        covering.setdefault((row["item_kind"], row["item_id"]), []).append(row["offer_id"])
    for customer, *item in reasons - set(pairs):
        given = [(customer, offer) in shown for offer in covering[item[0], item[1]]]
        assert any(given) or listed[customer] == top + NEXT, "a reason is without a decision"
    counts = counts_of_decisions(tmp_path / "decisions.parquet")
    assert sum(counts.values()) > len(rows), "those beyond are counted"
    of_customer: dict[str, list[Row]] = {}
    for row in rows:
        assert bool(row["blocked_by"]) == (row["decision"] not in (OFFERED, OUTRANKED))
        pair = (row["customer_id"], row["item_kind"], row["item_id"])
        assert bool(row["triggers"]) == (pair in reasons) == (row["source"] == "trigger")
        if row["blocked_by"] is None:
            of_customer.setdefault(row["customer_id"], []).append(row)
    for mine in of_customer.values():
        ranked = [row for row in mine if row["rank"]]
        assert mine == ranked, "the others are only counted"
        assert [row["rank"] for row in ranked] == list(range(1, len(ranked) + 1))
        for row in mine:
            assert row["decision"] == (OFFERED if 0 < (row["rank"] or 0) <= top else OUTRANKED)
        probabilities = [row["probability"] for row in ranked]
        assert probabilities == sorted(probabilities, reverse=True)
    customers = [row["customer_id"] for row in rows if row["blocked_by"] is None]
    assert customers == sorted(customers)


def test_more_or_fewer_places_change_the_decisions_and_nothing_else(
    world: View, tmp_path: Path
) -> None:
    few, many = (decided(world, tmp_path, top=top) for top in (2, 10))
    rows = {tuple(row[name] for name in KEY): row for row in many}
    assert few
    for one in few:
        both = {"decision": None, "propensity": None, "contributions": None}
        assert one | both == rows[tuple(one[name] for name in KEY)] | both
    last = {row["customer_id"]: row["rank"] for row in few if row["rank"]}
    assert max(last.values()) == 2 + NEXT


def test_of_an_offer_and_an_item_one_candidate_has_a_rank(tmp_path: Path) -> None:
    made = [
        {"offer_id": "any", "category": "kitchen", "value": 900},
        {"offer_id": "low", "product_id": "tea", "value": 100},
        {"offer_id": "top", "product_id": "tea", "value": 300},
    ]
    bought = [{"customer_id": "bob", "product_id": p, "at": day(19)} for p in ("pot", "tea")]
    products = [
        {"product_id": p, "category": "kitchen"}
        for p in ("tea", "pot", "soap", "cup", "pan", "hat")
    ]
    view = tea_shop(tmp_path / "shop", *bought, products=products, offers=made)
    rows = decided(view, tmp_path)
    # The kitchen's offer is worth the most and takes the tea, which is the most popular.
    (row,) = rows
    assert (row["offer_id"], row["item_id"], row["rank"], row["value"]) == ("any", "tea", 1, 900)
    # The kitchen's offer of the pot, and two offers of tea.
    counts = counts_of_decisions(tmp_path / "decisions.parquet")
    assert counts == {OFFERED: 1, OUTRANKED: 3}


def test_without_any_reason_there_are_no_decisions(tmp_path: Path) -> None:
    assert decided(tea_shop(tmp_path / "shop", friendships=[]), tmp_path) == []


def test_the_same_view_gives_the_same_bytes(world: View, tmp_path: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "other"):
        decided(world, folder)
    one, other = (tmp_path / name / "decisions.parquet" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


# Rules and triggers of one's own.


def test_a_rule_of_ones_own_names_what_it_blocks(world: View, tmp_path: Path) -> None:
    usual = decided(world, tmp_path / "usual")
    banned = Counter(r["item_id"] for r in usual if r["triggers"] and r["rank"]).most_common(1)[0][
        0
    ]
    rule = Rule("off_season", "it is off season", lambda rows: rows.item_id == banned)
    rows = decided(world, tmp_path / "mine", rules=(*BEFORE_PREDICTION, rule))
    was = {
        (r["customer_id"], r["item_kind"], r["item_id"]): r["blocked_by"]
        for r in usual
        if r["triggers"]
    }
    now = {
        (r["customer_id"], r["item_kind"], r["item_id"]): r["blocked_by"]
        for r in rows
        if r["triggers"]
    }
    for key in now.keys() & was.keys():
        assert now[key] == (was[key] or ("off_season" if key[2] == banned else None))
    assert {rule for key, rule in now.items() if key[2] == banned} >= {"off_season"}
    assert {key for key in was if key[2] == banned} <= now.keys()
    assert not any(row["item_id"] == banned for row in rows if row["rank"])
    assert not [r for r in rows if r["item_id"] == banned and r["decision"] == OFFERED]
    blocked = {key for key, name in now.items() if name}
    free = {
        (r["customer_id"], r["item_kind"], r["item_id"]) for r in rows if r["blocked_by"] is None
    }
    assert not blocked & free, "what a rule blocks came back as the customer's own taste"


class Refill:
    """A trigger that gives Ann reasons for a hat, tea and soap."""

    name = "refill_due"
    text = "time for more"
    needs = ANY_OFFER

    def can_fire(self, view: View) -> bool:
        return True

    def items(self, view: View) -> None:
        return None

    def reasons(self, view: View) -> ir.Table:
        return reasons_of(view, "ann", ["hat", "tea", "soap"], "refill_due")

    def drivers(self, view: View, reasons: ir.Table) -> ir.Table:
        return reasons.mutate(friend_id=ibis.null(str))


def test_a_trigger_of_ones_own_brings_up_what_friends_do_not(tmp_path: Path) -> None:
    view = tea_shop(tmp_path / "shop", friendships=[])
    rows = by_item(decided(view, tmp_path, triggers=[Refill()]))
    # Nobody has lately bought a hat.
    assert set(rows) == {"hat", "tea", "soap"}
    assert rows.pop("soap")["blocked_by"] == "already_taken"
    for row in rows.values():
        assert (row["triggers"], row["source"]) == (["refill_due"], "trigger")
        assert (row["decision"], row["reason"]) == (OFFERED, "time for more")
        assert row["until"] == NOW + timedelta(days=1)
        assert row["trigger_share"] > 0


def test_the_words_of_a_trigger_stay_where_it_adds_nothing(tmp_path: Path) -> None:
    view = tea_shop(tmp_path / "shop", friendships=[])
    idle = replace(MODEL, weights={**MODEL.weights, "trigger_refill_due": 0.0})
    rows = by_item(decided(view, tmp_path, triggers=[Refill()], model=idle))
    for item in ("hat", "tea"):
        assert rows[item]["triggers"] == ["refill_due"]
        assert rows[item]["reason"] == "time for more"
        assert rows[item]["trigger_share"] == 0


class Seen(Refill):
    """A trigger that gives Ann two reasons to buy anything, each at a store of its own."""

    name = "seen_store"

    def reasons(self, view: View) -> ir.Table:
        rows = reasons_of(view, "ann", ["hat", "tea"], "seen_store")
        store = (rows.item_id == "hat").ifelse("s1", "s2")
        nothing = ibis.null(str)
        return rows.mutate(store_ids=ibis.array([store]), item_kind=nothing, item_id=nothing)


def test_reasons_for_several_stores_make_one_for_all_of_them(tmp_path: Path) -> None:
    bought = [{"customer_id": "bob", "product_id": p, "at": day(19)} for p in ("hat", "pot")]
    view = tea_shop(
        tmp_path / "shop",
        *bought,
        products=[{"product_id": p} for p in ("soap", "cup", "pan", "tea", "hat", "pot")],
        friendships=[],
        stores=[{"store_id": s} for s in ("s1", "s2", "s3")],
        offers=[
            {"offer_id": "anywhere", "product_id": "tea"},
            {"offer_id": "first", "product_id": "hat", "store_id": "s1"},
            {"offer_id": "third", "product_id": "pot", "store_id": "s3"},
        ],
    )
    rows = {row["offer_id"]: row for row in decided(view, tmp_path, triggers=[Seen()])}
    assert rows["anywhere"]["store_ids"] == ["s1", "s2"]
    assert rows["first"]["store_ids"] == ["s1"]
    assert rows["first"]["triggers"] == rows["anywhere"]["triggers"] == ["seen_store"]
    assert rows["third"]["triggers"] == []


@pytest.mark.parametrize("first", ["refill", "friends"])
def test_two_triggers_that_bring_up_the_same_make_one_candidate(first: str, tmp_path: Path) -> None:
    soap = {"customer_id": "bob", "product_id": "soap", "at": day(19)}
    view = tea_shop(tmp_path / "shop", soap)
    both = [Refill(), *friends_did(view)] if first == "refill" else [*friends_did(view), Refill()]
    rows = by_item(decided(view, tmp_path, triggers=both))
    alone = by_item(decided(view, tmp_path))
    assert rows["hat"]["triggers"] == ["refill_due"]
    assert rows["soap"]["blocked_by"] == "already_taken"
    assert rows["soap"]["triggers"] == ["friend_bought", "refill_due"]
    tea = rows["tea"]
    assert tea["triggers"] == ["refill_due", "friend_bought"], "the largest share comes first"
    assert tea["reason"] == "time for more"
    assert tea["probability"] > alone["tea"]["probability"]
    assert tea["own_share"] == alone["tea"]["own_share"]


def test_the_columns_are_declared() -> None:
    names = names_of(["birthday"])
    schema = schema_of(names)
    assert schema.field("contributions").type == pa.struct(dict.fromkeys(names, pa.float64()))
    assert schema.names[:-1] == SCHEMA.names
    assert {"decision", "blocked_by", "send_after"} <= set(SCHEMA.names)
