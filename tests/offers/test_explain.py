"""Every rule that keeps an offer back: counted by `score`, named by `why-not`."""

from pathlib import Path

import pytest
from support.shops import NOW, deliver_shop, offers

import followsuit
from followsuit.api import Shop
from followsuit.graph.runs import UnknownRun
from followsuit.offers.explain import UnknownTarget
from followsuit.offers.score import ScoreReport


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


def test_the_log_counts_every_pair_kept_back_by_its_rule(
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
    found = plain[0].explain(customer, target)
    assert not found.offered
    assert found.rule == rule
    assert found.explanation
    assert found.score is None


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
            found = shop.explain(row["customer_id"], row["offer_id"])
            assert found.offered
            assert found.run_id == report.run_id
            for name in ("rank", "score", "trigger", "trigger_share", "reason", "item_id"):
                assert getattr(found, name) == row[name], name


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
