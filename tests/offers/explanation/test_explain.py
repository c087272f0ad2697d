"""Why an offer is made or not: `score` counts what `why-not` names, and the run decides both."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support import random_shops
from support.deliveries import deliver
from support.linear_taste import score
from support.random_shops import random_offers, random_shop
from support.shops import NOW, deliver_shop, offers

import followsuit
from followsuit.api import Shop
from followsuit.graph.results.runs import DECISIONS, DamagedRun, UnknownRun, run_folder
from followsuit.graph.views.view import view_of
from followsuit.loaders.load import load
from followsuit.offers.explanation.explain import Explanation, UnknownTarget, explain
from followsuit.offers.explanation.not_offered import (
    BELOW,
    NO_TRIGGER,
    NOT_RECENT,
    OTHER_ITEM,
    SENSITIVE,
)
from followsuit.offers.run.out import OUT
from followsuit.offers.score import ScoreReport
from followsuit.offers.selection import Selection
from followsuit.policy.decision import OFFERED, OUTRANKED
from followsuit.policy.rules import SENTENCES
from followsuit.testing.places import Place

pytestmark = pytest.mark.usefixtures("few_days")


def scored(folder: Path, with_offers: bool) -> tuple[Shop, ScoreReport]:
    extra = {"offers": offers()} if with_offers else {}
    shop = followsuit.open(folder / "shop.lbug")
    shop.load(deliver_shop(folder / "delivery", **extra))
    return shop, shop.score(NOW, NOW)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, ScoreReport]:
    """The shop without a table of offers."""
    return scored(tmp_path_factory.mktemp("plain"), with_offers=False)


@pytest.fixture(scope="module")
def selling(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, ScoreReport]:
    """The shop with offers."""
    return scored(tmp_path_factory.mktemp("selling"), with_offers=True)


def test_the_report_counts_every_pair_by_the_rule_that_blocks_it(
    plain: tuple[Shop, ScoreReport], selling: tuple[Shop, ScoreReport]
) -> None:
    assert plain[1].suppressed == {
        "already_taken": 1,  # Ann: bun
        "elsewhere": 1,  # Ann: pier
        "minor": 4,  # Kim: Bob's tea, bun, kiosk, pier
        "no_contact_consent": 4,  # Dan: Bob's four
        "unknown_age": 4,  # Una: Bob's four
    }
    more = selling[1].suppressed
    assert more["no_offer_in_force"] == 2  # Ann: rye, kiosk
    assert more["not_in_audience"] == 1  # Ann: jam


@pytest.mark.parametrize(
    ("customer", "target", "rule"),
    [
        ("ann", "bun", "already_taken"),
        ("ann", "pier", "elsewhere"),
        ("ann", "egg", "not_acted_on_lately"),
        ("ann", "oil", "not_acted_on_lately"),
        ("ann", "pill", "sensitive"),
        ("dan", "tea", "no_contact_consent"),
        ("kim", "tea", "minor"),
        ("una", "tea", "unknown_age"),
        ("gus", "tea", "no_contact_consent"),
    ],
)
def test_why_not_names_the_rule(
    plain: tuple[Shop, ScoreReport], customer: str, target: str, rule: str
) -> None:
    explanation = plain[0].explain(customer, target)
    assert not explanation.offered
    assert explanation.rule == rule
    assert explanation.explanation
    assert explanation.probability is None


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("rye", "no_offer_in_force"),
        ("r1", "no_offer_in_force"),
        ("jam", "not_in_audience"),
        ("j1", "not_in_audience"),
    ],
)
def test_why_not_names_what_is_wrong_with_the_offers(
    selling: tuple[Shop, ScoreReport], target: str, rule: str
) -> None:
    assert selling[0].explain("ann", target).rule == rule


def test_every_offer_of_a_run_is_explained_as_it_was_made(
    plain: tuple[Shop, ScoreReport], selling: tuple[Shop, ScoreReport]
) -> None:
    for shop, report in (plain, selling):
        rows = report.offers_table().to_pylist()
        assert rows
        for row in rows:
            explanation = shop.explain(row["customer_id"], row["offer_id"])
            assert explanation.offered
            assert explanation.run_id == report.run_id
            for name in OUT:
                assert getattr(explanation, name) == row[name], name


def test_offers_come_from_friends_who_share_and_reasons_count_them_from_three(
    plain: tuple[Shop, ScoreReport],
) -> None:
    rows = {row["item_id"]: row for row in plain[1].offers_table().to_pylist()}
    assert {row["customer_id"] for row in rows.values()} == {"ann"}
    assert set(rows) == {"tea", "jam", "rye", "kiosk"}, "oil was bought by Cas alone"
    assert rows["tea"]["reason"] == "3 friends bought this in the last week"
    assert rows["jam"]["reason"] == "popular with people you know"
    assert rows["kiosk"]["trigger"] == "friend_visited"


def test_an_item_comes_once_with_the_offer_that_is_worth_more(
    selling: tuple[Shop, ScoreReport],
) -> None:
    rows = selling[1].offers_table().to_pylist()
    assert [(row["offer_id"], row["item_id"]) for row in rows] == [("t2", "tea")]
    assert selling[0].explain("ann", "tea").offer_id == "t2"
    other = selling[0].explain("ann", "t1")
    assert (other.offered, other.rule) == (False, "other_offer_for_the_item")


def test_an_item_whose_offer_comes_with_a_better_one_says_so(tmp_path: Path) -> None:
    food = [{"offer_id": "f1", "category": "food", "value": 1}]
    shop = followsuit.open(tmp_path / "shop.lbug")
    shop.load(deliver_shop(tmp_path / "delivery", offers=food))
    rows = shop.score(NOW, NOW).offers_table().to_pylist()
    assert [(row["offer_id"], row["item_id"]) for row in rows] == [("f1", "tea")]
    assert shop.explain("ann", "f1").offered
    assert shop.explain("ann", "jam").rule == "other_item_of_the_offer"
    assert shop.explain("ann", "bun").rule == "already_taken"


def test_unknown_customers_and_targets_are_named(plain: tuple[Shop, ScoreReport]) -> None:
    with pytest.raises(UnknownTarget, match="no customer zoe"):
        plain[0].explain("zoe", "tea")
    with pytest.raises(UnknownTarget, match="no product, store or offer gin"):
        plain[0].explain("ann", "gin")


def test_without_a_run_there_is_nothing_to_explain(tmp_path: Path) -> None:
    shop = followsuit.open(tmp_path / "shop.lbug")
    shop.load(deliver_shop(tmp_path / "delivery"))
    with pytest.raises(UnknownRun, match="followsuit score"):
        shop.explain("ann", "tea")


def test_decisions_that_are_damaged_or_missing_ask_for_a_new_run(tmp_path: Path) -> None:
    shop, report = scored(tmp_path, with_offers=False)
    path = run_folder(shop.store, report.run_id) / DECISIONS
    path.write_bytes(b"PAR1")
    with pytest.raises(DamagedRun, match=f"{report.run_id} are missing or damaged. Score again"):
        shop.explain("ann", "tea")
    path.unlink()
    with pytest.raises(DamagedRun):
        shop.explain("ann", "tea")
    shop.score(NOW, NOW)
    assert shop.explain("ann", "tea").offered


# In random shops, with the whole truth of a run in its decisions.

Row = dict[str, Any]


@pytest.mark.parametrize("seed", [0, 1])
def test_counts_answers_and_decisions_agree_for_a_few_customers_and_every_item(
    seed: int, embedded: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(seed, 7, embedded, tmp_path, monkeypatch)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(30))
def test_they_agree_for_every_customer_and_item_of_many_shops(
    seed: int, embedded: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(seed, 1, embedded, tmp_path, monkeypatch)


def agree(
    seed: int, step: int, place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ask for all items of every so many customers, of a shop with offers where the seed is odd."""
    tables = random_shop(seed)
    extra = {"offers": random_offers(seed)} if seed % 2 else {}
    with place.open() as store:
        load(store, str(deliver(folder / "delivery", **tables, **extra)))
        report = score(store, random_shops.NOW, random_shops.NOW, selection=Selection(top=3))
        view = view_of(store, random_shops.NOW)
        # Each answer would make the same view anew.
        monkeypatch.setattr("followsuit.graph.views.view.view_of", lambda *_, **__: view)
        rows = pq.read_table(run_folder(store, report.run_id) / DECISIONS).to_pylist()
        assert report.decisions.counts[OFFERED]
        assert report.decisions.counts[OUTRANKED]
        assert report.suppressed == Counter(r["blocked_by"] for r in rows if r["blocked_by"])
        reached = {row["customer_id"] for row in rows if not row["blocked_by"]}
        of_pair: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            of_pair.setdefault((row["customer_id"], row["item_id"]), []).append(row)
        items = [row["product_id"] for row in tables["products"]]
        items += [row["store_id"] for row in tables["stores"]]
        for customer in [row["customer_id"] for row in tables["customers"]][::step]:
            for item in items:
                answer = explain(store, customer, item)
                check(answer, of_pair.get((customer, item), []), customer in reached)


def check(answer: Explanation, rows: list[Row], reached: bool) -> None:
    """That an answer is what the decisions on the pair say, or on its customer without any."""
    ranked = [row for row in rows if row["rank"]]
    assert len(ranked) <= 1, "a customer has an item once"
    if ranked:
        (row,) = ranked
        assert answer.offered == (row["decision"] == OFFERED)
        assert answer.rule == (None if answer.offered else BELOW)
        names = ("rank", "offer_id", "trigger_share", "reason")
        assert {name: getattr(answer, name) for name in names} == {n: row[n] for n in names}
        assert (answer.probability, answer.factors) == (row["probability"], row["contributions"])
        return
    assert not answer.offered
    if any(row["blocked_by"] for row in rows):
        assert [row["decision"] for row in rows] == [answer.rule]
        assert answer.explanation == SENTENCES[str(answer.rule)]
    elif rows:
        assert answer.rule == OTHER_ITEM
    else:
        # Nothing brought it up: what a rule says of it isn't counted.
        assert answer.rule in {*SENTENCES, SENSITIVE, NO_TRIGGER, NOT_RECENT, BELOW, OTHER_ITEM}
        assert answer.rule != NO_TRIGGER or not reached
        assert answer.rule not in (NOT_RECENT, BELOW) or reached


def test_a_customer_who_joins_later_changes_no_answer(embedded: Place, tmp_path: Path) -> None:
    joined = (random_shops.NOW + timedelta(days=1)).isoformat()
    # The first by id, so that the position of every other customer changes.
    newcomer = {"customer_id": "a0000", "birth_date": "1980-05-05", "joined_at": joined}
    with embedded.open() as store:
        load(store, str(deliver(tmp_path / "delivery", **random_shop(1))))
        report = score(store, random_shops.NOW, random_shops.NOW, selection=Selection(top=3))
        offered = report.offers_table().to_pylist()[:40]
        assert len(offered) == 40
        before = [explain(store, row["customer_id"], row["offer_id"]) for row in offered]
        load(store, str(deliver(tmp_path / "more", customers=[newcomer])))
        after = [explain(store, row["customer_id"], row["offer_id"]) for row in offered]
    assert after == before
    assert all(answer.offered for answer in after)
