"""Triggers of statistics: offers, budget, caching, privacy and what their reasons rest on."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import day
from support.statistical_worlds import NOW, World, reasons_of

from followsuit.graph import tables as t
from followsuit.graph.views.view import View
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.grid import grid, outcomes
from followsuit.triggers.defined import trigger_of, with_window
from followsuit.triggers.definitions.definition_file import parsed, shipped_definitions
from followsuit.triggers.definitions.statistic import STATISTICS
from followsuit.triggers.preview import preview
from followsuit.triggers.statistical.statistical_trigger import StatisticalTrigger
from followsuit.triggers.trigger import ANY_OFFER, EVIDENCE, REASONS, Needs
from followsuit.triggers.trigger import reasons_of as together

FORTNIGHT = timedelta(days=14)


def trigger(name: str, more: str = "") -> StatisticalTrigger:
    (definition,) = parsed(f'[x]\nstatistic = "{name}"\n{more}', "own.toml").values()
    made = trigger_of(definition, None)  # type: ignore[arg-type]
    assert isinstance(made, StatisticalTrigger)
    return made


def everything(seed: int = 1) -> World:
    """A shop in which each statistic finds somebody."""
    world = World(seed).background(150)
    for number in range(30):
        name = f"r{number:02}"
        days = range(-336 + number % 28 - 28, 1, 28)
        world.add(name, "b0", [d + int(world.random.integers(-1, 2)) for d in days if d < -1])
    for number in range(40):
        world.add(f"f{number:02}", ["h0", "c0"], [-200 + number, -190 + number], 20_000)
        world.add(f"f{number:02}", "a1", list(range(-340 + number, -220 + number, 10)))
    for number in range(40):
        world.add(f"q{number:02}", "a2", list(range(-350, -20 - 7 * number, 5)))
    for number in range(3):
        name = f"p{number}"
        world.add(name, "a0", list(range(-330, -10, 8)), 800 + 10 * number)
        world.add(name, "h3", -3, 300_000)
        world.add(
            f"s{number}", ["a0"] * 25 + ["g1"] * 9, [*range(-300, -100, 8), *range(-48, -3, 5)]
        )
    return world


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> View:
    return everything().view(tmp_path_factory.mktemp("shop"))


def test_each_statistic_finds_somebody_and_names_what_it_should(shop: View) -> None:
    names = {"refill_due": "item_id", "churn_risk": None}
    for name in STATISTICS:
        rows = reasons_of(shop, name)
        assert len(rows), name
        named = names.get(name, "category")
        for column in ("item_id", "category"):
            assert rows[column].notna().all() == (column == named), name
        assert rows["repeat"].eq(name == "refill_due").all()
        assert (rows.fired_at <= NOW).all()
        assert (rows.strength > 0).all()


def test_reasons_have_the_columns_of_every_trigger(shop: View) -> None:
    rows = together([trigger(name) for name in STATISTICS], shop)
    assert list(rows.columns) == [*REASONS, *EVIDENCE]
    shop.snapshot.drop(rows)


def test_most_is_a_share_of_the_customers_and_at_least_one(shop: View) -> None:
    people = shop.customers.count().execute()
    for most in (0.0001, 0.01, 0.03):
        rows = reasons_of(shop, "x", f'[x]\nstatistic = "refill_due"\nmost = {most}')
        assert 1 <= rows.customer_id.nunique() <= max(1, most * people)


def test_an_offer_may_be_only_for_some_products(shop: View) -> None:
    only = trigger("refill_due", 'offer = { category = "b" }').reasons(shop)
    none = trigger("refill_due", 'offer = { category = "a" }').reasons(shop)
    assert set(only.item_id.execute()) == {"b0"}
    assert none.count().execute() == 0
    shifted = trigger("preference_shift", 'offer = { category = "g" }')
    assert set(shifted.reasons(shop).category.execute()) == {"g"}
    other = trigger("preference_shift", 'offer = { category = "a" }')
    assert other.reasons(shop).count().execute() == 0
    assert set(shifted.items(shop).item_id.execute()) == {"g0", "g1", "g2", "g3"}  # type: ignore[union-attr]
    broad = trigger("churn_risk", 'offer = { category = "g" }\nmost = 1.0')
    assert (
        broad.reasons(shop).count().execute()
        == trigger("churn_risk", "most = 1.0").reasons(shop).count().execute()
    )


def test_a_definition_gives_text_and_needs(shop: View) -> None:
    own = trigger("churn_risk", 'reason = "come back"\noffer = { program = "gold" }')
    assert (own.name, own.text, own.needs) == ("x", "come back", Needs(program="gold"))
    plain = trigger("churn_risk")
    assert (plain.text, plain.needs, plain.items(shop)) == (None, ANY_OFFER, None)


def test_reasons_rest_on_the_customers_own_rows(shop: View) -> None:
    due = trigger("refill_due")
    rows = due.reasons(shop)
    drivers = due.drivers(shop, rows).to_pandas()
    assert len(drivers) == rows.count().execute()
    assert drivers.friend_id.isna().all()


def test_what_lies_in_the_future_changes_nothing(tmp_path: Path) -> None:
    before = everything().view(tmp_path / "before")
    world = everything()
    for number in range(3):
        world.add(f"r{number:02}", "b0", [1, 2, 3])
        world.add(f"p{number}", "h3", 1, 10**7)
    after = world.view(tmp_path / "after", day(30)).at(NOW)
    for name in STATISTICS:
        one, other = (reasons_of(view, name) for view in (before, after))
        assert one.to_csv(index=False) == other.to_csv(index=False), name


def test_who_does_not_share_changes_nobody_elses_reasons(tmp_path: Path) -> None:
    def shared(*more: tuple[Any, ...]) -> dict[str, str]:
        world = everything()
        for row in more:
            world.add(*row)
        people = sorted({name for rows in world.rows for name in rows.customer_id} | {"non"})
        consents = [
            {"customer_id": who, "purpose": "social_use", "granted": True, "at": day(-900)}
            for who in people
            if who not in ("non", "r00", "p0", "s0")
        ]
        born = day(-12_000).date()
        customers = [{"customer_id": who, "birth_date": born} for who in people]
        view = world.view(tmp_path / str(len(more)), consents=consents, customers=customers)
        reasons = {name: reasons_of(view, name) for name in STATISTICS}
        return {
            n: rows[rows.customer_id != "non"].to_csv(index=False) for n, rows in reasons.items()
        }

    plain = shared()
    assert all(text.count("\n") > 1 for text in plain.values())
    planted = shared(
        ("non", "b0", list(range(-300, 0, 28)), 50),
        ("non", "a0", list(range(-340, -100, 3)), 10**6),
        ("non", "g1", list(range(-40, 0)), 10**7),
        ("non", "h3", -2, 10**8),
    )
    for name in STATISTICS:
        assert plain[name] == planted[name]


def test_who_does_not_share_has_reasons_of_their_own(tmp_path: Path) -> None:
    world = everything()
    people = sorted({name for rows in world.rows for name in rows.customer_id})
    hidden = {"s0", "p0"}
    view = world.view(
        tmp_path,
        consents=[
            {"customer_id": who, "purpose": "social_use", "granted": True, "at": day(-900)}
            for who in people
            if who not in hidden
        ],
        customers=[{"customer_id": who, "birth_date": day(-12_000).date()} for who in people],
    )
    assert "s0" in set(reasons_of(view, "preference_shift").customer_id)
    assert "p0" in set(reasons_of(view, "unplanned_purchase").customer_id)
    assert "s0" not in set(reasons_of(view.shared, "preference_shift").customer_id)


def test_a_statistic_is_computed_once_for_a_day(
    shop: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = shop.at(NOW - timedelta(days=1))
    first = reasons_of(view, "refill_due")

    def fail(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(StatisticalTrigger, "_find", fail)
    text = '[refill_due]\nstatistic = "refill_due"\nmost = 0.05\nlasts = "14d"'
    assert first.to_csv(index=False) == reasons_of(view, "refill_due", text).to_csv(index=False)
    with pytest.raises(AssertionError, match="computed again"):
        reasons_of(view, "refill_due", text + '\nahead = "15d"')


def test_the_window_of_a_run_is_how_far_ahead_statistics_look() -> None:
    week = timedelta(days=7)
    known = with_window(shipped_definitions(), week)
    lengths = {n: d.statistic.length.days for n, d in known.items() if d.statistic is not None}
    assert lengths == {
        "refill_due": 7,
        "churn_risk": 7,
        "unplanned_purchase": 7,
        "preference_shift": 56,
    }
    own = parsed('[x]\nstatistic = "refill_due"\nahead = "3d"', "own.toml")
    assert with_window(own, week) == own


def test_a_product_that_is_due_is_a_candidate_although_the_customer_has_it(shop: View) -> None:
    """No rule blocks it, the grid has it, and its label is the next purchase."""
    before = shop.at(NOW - FORTNIGHT).shared
    due = trigger("refill_due", 'most = 1.0\nlasts = "14d"')
    rows = brought_up(before, before.snapshot.keep(due.reasons(before)))
    assert len(rows.execute())
    assert rows.blocked_by.execute().isna().all()
    laid = grid(before, rows, FORTNIGHT, triggers=[due])
    assert not laid.excluded_pairs(laid.live.row.to_numpy(), laid.live.column.to_numpy()).any()
    bought = outcomes(laid, FORTNIGHT).pairs
    again = {(r, c) for r, c in bought.tolist()} & set(
        zip(laid.live.row.tolist(), laid.live.column.tolist(), strict=True)
    )
    assert len(again) > 0.5 * len(laid.live)


def test_a_sample_has_the_reasons_that_its_customers_would_have_if_there_were_no_others(
    shop: View, tmp_path: Path
) -> None:
    people = shop.customers.customer_id.execute()
    sample = tuple(sorted(people.sample(frac=0.8, random_state=1)))
    bought = shop.table(t.PURCHASES).to_pandas()
    alone = (
        World()
        .add("ann", "a0", -5)
        .view(
            tmp_path,
            customers=[{"customer_id": c} for c in sample],
            purchases=bought[bought.customer_id.isin(sample)].to_dict("records"),
        )
    )
    order = ["customer_id", "item_id", "category"]
    for view in (shop, shop.shared):
        for name in STATISTICS:
            sampled = replace(trigger(name), only=sample).reasons(view)
            rows = sampled.order_by(order).to_pyarrow()
            assert len(rows), name
            if name == "refill_due":  # When products are due is learned from all.
                of_all = trigger(name, "most = 1.0").reasons(view)
                both = sampled.inner_join(of_all, ["customer_id", "item_id"]).to_pandas()
                assert len(both) > len(rows) / 2
                assert both.strength.equals(both.strength_right)
                continue
            expected = trigger(name).reasons(alone).order_by(order)
            assert rows.equals(expected.to_pyarrow()), name
        shop.release()


def test_with_few_purchases_none_of_them_can_fire(shop: View, tmp_path: Path) -> None:
    assert all(trigger(name).can_fire(shop) for name in STATISTICS)
    view = World().add("ann", "a0", -5).view(tmp_path)
    nobody = view.at(NOW - timedelta(days=900))
    for name in STATISTICS:
        for each in (view, nobody):
            assert reasons_of(each, name).empty
        assert not trigger(name).can_fire(view)
        assert trigger(name).shortage(view)


def test_preview_says_why_nothing_is_found(shop: View, tmp_path: Path) -> None:
    definitions = shipped_definitions()
    few = World().add("ann", "a0", -5).view(tmp_path)
    shortage = preview(few, definitions["refill_due"]).shortage
    assert shortage is not None
    assert "Learning when refills are due needs" in shortage
    seen = preview(shop, definitions["refill_due"])
    assert (seen.shortage, seen.ties, seen.without_store) == (None, None, 0)
    assert seen.reasons == len(reasons_of(shop, "refill_due"))


def test_the_order_of_equal_rows_does_not_depend_on_threads(shop: View) -> None:
    connection: Any = shop.snapshot.connection
    texts = []
    for threads in (1, 4):
        connection.raw_sql(f"SET threads = {threads}")
        fresh = shop.at(NOW - timedelta(hours=threads)).at(NOW)
        fresh._history.remembered.clear()
        texts.append({name: reasons_of(fresh, name).to_csv(index=False) for name in STATISTICS})
    assert texts[0] == texts[1]
