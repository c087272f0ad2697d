"""The report on triggers: planted lifts, who is compared with whom, and what it hides."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.snapshots import Rows, day, view_from
from support.trigger_worlds import CUTOFF, END, definitions, loan_world

from followsuit.graph.views.view import View
from followsuit.triggers.report.outcomes import UnknownOutcome
from followsuit.triggers.report.report import (
    HIGHER,
    TOO_FEW,
    ReportError,
    TriggerFigures,
    report,
)
from followsuit.triggers.report.report_plot import figure_of, plot_report

# Planted worlds.

KINDS = ("contact_request", "purchase", "offered")


def judged_loans(folder: Path, **world: Any) -> TriggerFigures:
    view = loan_world(folder, **world)
    return report(view, CUTOFF, END, definitions(), outcomes=KINDS).figures["loan_enquiry"]


@pytest.mark.parametrize("homophily", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_lifts_of_a_loan_enquiry_are_recovered(
    tmp_path: Path, homophily: bool, seed: int
) -> None:
    figures = judged_loans(tmp_path / "world", homophily=homophily, seed=seed)
    for kind, planted in zip(KINDS, (1.45, 1.60, 1.60), strict=True):
        lift = figures.outcomes[kind]
        assert lift.low is not None
        assert lift.high is not None
        assert lift.low < planted < lift.high
    assert figures.outcomes["purchase"].above
    assert figures.compared is not None
    assert figures.compared > 0.9


def test_the_adjustment_removes_that_active_customers_do_more(tmp_path: Path) -> None:
    view = loan_world(tmp_path / "world", contact=1, bought=1, homophily=True, seed=3)
    judged = report(view, CUTOFF, END, definitions(), outcomes=KINDS)
    figures = judged.figures["loan_enquiry"]
    now = view.at(CUTOFF)
    buyers = now.after(view.purchase_rows, timedelta(days=60)).customer_id.nunique().execute()
    plain = buyers / now.customers.count().execute()
    lift = figures.outcomes["purchase"]
    assert lift.rate is not None
    assert lift.value is not None
    assert lift.rate / plain > 1.25, "without an adjustment"
    assert abs(lift.value - 1) < 0.2
    assert figures.verdict != HIGHER


@pytest.mark.nightly
def test_the_intervals_hold_the_truth_in_19_of_20_worlds(tmp_path: Path) -> None:
    worlds = 60
    found = [
        judged_loans(tmp_path / str(seed), contact=1, homophily=True, customers=3000, seed=seed)
        for seed in range(worlds)
    ]
    for kind, planted in zip(KINDS, (1.0, 1.6, 1.6), strict=True):
        lifts = [each.outcomes[kind] for each in found]
        held = sum(x.low < planted < x.high for x in lifts if x.low and x.high)
        assert held >= 0.9 * worlds
        mean = np.exp(np.mean([np.log(x.value) for x in lifts if x.value]))
        assert mean == pytest.approx(planted, rel=0.05)
    assert sum(each.verdict == HIGHER for each in found) <= 0.1 * worlds


def test_the_same_world_gives_the_same_report_and_its_picture(tmp_path: Path) -> None:
    views = [loan_world(tmp_path / name, customers=800) for name in ("one", "other")]
    one, other = (report(v, CUTOFF, END, definitions(), outcomes=KINDS) for v in views)
    assert one == other
    plot_report(one, tmp_path / "lifts.png")
    assert (tmp_path / "lifts.png").stat().st_size > 10_000
    (axes,) = figure_of(one).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        f"loan_enquiry\n{one.figures['loan_enquiry'].verdict}"
    ]


# Who is compared with whom, in shops of a few rows.

NOW = day(20)
LATER = NOW + timedelta(days=8)
WEEK = timedelta(days=7)
CATEGORY = {"tea": "food", "jam": "food", "car": "cars", "van": "cars"}


def people(n: int, **more: Any) -> list[dict[str, Any]]:
    return [{"customer_id": f"c{i:02}", "birth_date": date(1980, 1, 1), **more} for i in range(n)]


def bought(customers: range, product: str, at: datetime, **more: Any) -> list[dict[str, Any]]:
    row = {"product_id": product, "at": at, **more}
    return [{"customer_id": f"c{i:02}", **row} for i in customers]


def did(customers: range, kind: str, at: datetime, **more: Any) -> list[dict[str, Any]]:
    row = {"kind": kind, "at": at, **more}
    return [{"customer_id": f"c{i:02}", **row} for i in customers]


def shop(folder: Path, *, n: int = 40, assume: bool = True, **rows: Rows) -> View:
    """A shop in which everybody is alike: each customer has bought jam on the 10th."""
    tables: dict[str, Rows] = {
        "customers": people(n),
        "products": [{"product_id": p, "category": c} for p, c in CATEGORY.items()],
        "stores": [{"store_id": s, "city": "Ulm"} for s in ("mall", "pier")],
        **rows,
    }
    tables["purchases"] = [*bought(range(n), "jam", day(10)), *rows.get("purchases", ())]
    end = did(range(1), "end", LATER)
    tables["events"] = [*rows.get("events", ()), *end]
    return view_from(folder, LATER, assume_consent=assume, **tables)


def judged(view: View, text: str, *outcomes: str) -> TriggerFigures:
    result = report(
        view, NOW, LATER, definitions(text), horizon=WEEK, outcomes=outcomes or ("offered",)
    )
    assert result.days == [NOW]
    (figures,) = result.figures.values()
    return figures


WINK = '[wink]\nwhen = [{ did = "wink", within = "3d" }]\n'
LOOK = '[look]\nwhen = [{ did = "look", within = "3d" }]\noffer = { same = "product" }\n'


def winks(holders: range, n: int = 40) -> list[dict[str, Any]]:
    """Everybody has done something on the 19th; the holders winked."""
    others = [i for i in range(n) if i not in holders]
    return did(holders, "wink", day(19)) + [
        row for i in others for row in did(range(i, i + 1), "nod", day(19))
    ]


def test_offered_is_any_purchase_where_the_offer_names_nothing(tmp_path: Path) -> None:
    view = shop(
        tmp_path,
        events=winks(range(20)),
        purchases=[
            *bought(range(10), "tea", day(21)),
            *bought(range(20, 25), "car", day(26)),
            *bought(range(25, 40), "car", NOW + WEEK + timedelta(seconds=1)),
        ],
    )
    figures = judged(view, WINK)
    assert (figures.reasons, figures.customers, figures.compared) == (20, 20, 1.0)
    lift = figures.outcomes["offered"]
    assert (lift.rate, lift.base, lift.value) == (0.5, 0.25, 2.0)


def test_a_return_is_no_purchase(tmp_path: Path) -> None:
    view = shop(
        tmp_path,
        events=winks(range(20)),
        purchases=bought(range(10), "tea", day(21), quantity=-1.0),
    )
    figures = judged(view, WINK, "offered", "purchase")
    assert [lift.rate for lift in figures.outcomes.values()] == [0.0, 0.0]


def test_offered_is_a_purchase_of_the_category_that_the_offer_names(tmp_path: Path) -> None:
    view = shop(
        tmp_path,
        events=winks(range(20)),
        purchases=[*bought(range(10), "tea", day(21)), *bought(range(5, 25), "van", day(22))],
    )
    figures = judged(view, WINK + 'offer = { category = "cars" }\n', "offered", "purchase")
    offered, any_purchase = figures.outcomes.values()
    assert (offered.rate, offered.base) == (0.75, 0.25)
    assert (any_purchase.rate, any_purchase.base) == (1.0, 0.25)


def test_offered_is_a_purchase_or_visit_at_a_store_that_the_reason_names(tmp_path: Path) -> None:
    view = shop(
        tmp_path,
        events=[{**row, "city": "Ulm"} for row in winks(range(20))],
        stores=[{"store_id": "mall", "city": "Ulm"}, {"store_id": "pier", "city": "Kiel"}],
        purchases=bought(range(5), "tea", day(21), store_id="mall"),
        visits=[
            {"customer_id": f"c{i:02}", "store_id": store, "at": day(22)}
            for i, store in [(5, "mall"), (6, "pier"), (21, "mall"), (22, "pier")]
        ],
    )
    near = WINK + 'offer = { stores_near = "wink", within_km = 5 }\n'
    lift = judged(view, near).outcomes["offered"]
    assert (lift.rate, lift.base) == (0.3, 0.05)


def test_a_reason_for_an_item_is_compared_with_customers_without_one_for_that_item(
    tmp_path: Path,
) -> None:
    # Customers 0 to 9 look at tea and 10 to 19 at the van: each group is a control of the other.
    looks = did(range(10), "look", day(19), product_id="tea")
    looks += did(range(10, 20), "look", day(19), product_id="van")
    nods = did(range(20, 40), "nod", day(19))
    view = shop(
        tmp_path,
        events=looks + nods,
        purchases=[
            *bought(range(8), "tea", day(21)),
            *bought(range(10, 16), "tea", day(21)),
            *bought(range(10, 12), "van", day(21)),
        ],
    )
    figures = judged(view, LOOK)
    lift = figures.outcomes["offered"]
    assert (figures.reasons, figures.customers) == (20, 20)
    assert lift.rate == 0.5
    assert lift.base == pytest.approx((6 / 30 + 0) / 2, abs=1e-9)


def test_who_had_bought_an_item_is_compared_with_others_who_had(tmp_path: Path) -> None:
    looks = did(range(10), "look", day(19), product_id="tea")
    view = shop(
        tmp_path,
        events=looks + did(range(10, 40), "nod", day(19)),
        purchases=[
            # The van makes everybody as frequent as those who had bought tea.
            *bought(range(10), "tea", day(10)),
            *bought(range(10, 20), "tea", day(10)),
            *bought(range(20, 40), "van", day(10)),
            *bought(range(6), "tea", day(21)),
            *bought(range(10, 15), "tea", day(21)),
        ],
    )
    lift = judged(view, LOOK).outcomes["offered"]
    assert (lift.rate, lift.base) == (0.6, 0.5)


FRIENDS = """
[friend_bought]
when = [{ friend_did = "purchase", within = "14d" }]
offer = { same = "product" }
"""


def test_a_friends_purchase_is_judged_by_purchases_of_the_same_item(tmp_path: Path) -> None:
    follows = [{"customer_id": f"c{i:02}", "friend_id": "c39", "directed": True} for i in range(20)]
    view = shop(
        tmp_path,
        friendships=follows,
        purchases=[
            *bought(range(39, 40), "tea", day(12)),
            *bought(range(10), "tea", day(21)),
            *bought(range(30, 35), "tea", day(21)),
            *bought(range(20), "van", day(21)),
        ],
    )
    figures = judged(view, FRIENDS)
    lift = figures.outcomes["offered"]
    # Of jam too, which everybody had bought and nobody buys again; 39 has no such reason.
    assert figures.reasons == 40
    assert lift.rate == 10 / 40
    # Customer 39 isn't as recent as the others.
    assert lift.base == pytest.approx(5 / 19 / 2, abs=1e-9)


def test_customers_of_another_city_or_less_active_ones_are_no_controls(tmp_path: Path) -> None:
    customers = people(30, city="Ulm") + [{**row, "city": "Kiel"} for row in people(40)[30:]]
    events = winks(range(10)) + did(range(20, 30), "nod", day(15))
    view = shop(
        tmp_path, customers=customers, events=events, purchases=bought(range(5, 40), "tea", day(22))
    )
    lift = judged(view, WINK).outcomes["offered"]
    assert (lift.rate, lift.base) == (0.5, 1.0)
    alone = shop(tmp_path / "alone", customers=customers, events=winks(range(30)))
    figures = judged(alone, WINK)
    assert (figures.compared, figures.verdict) == (0.0, TOO_FEW)


def test_known_minors_and_customers_who_join_later_are_left_out(tmp_path: Path) -> None:
    customers = people(40)
    for i in (0, 20):
        customers[i] = {**customers[i], "birth_date": date(2015, 1, 1)}
    for i in (1, 21):
        customers[i] = {**customers[i], "joined_at": day(21)}
    view = shop(
        tmp_path,
        customers=customers,
        events=winks(range(20)),
        purchases=bought(range(22), "tea", day(22)),
    )
    figures = judged(view, WINK)
    assert (figures.reasons, figures.customers) == (18, 18)
    assert (figures.outcomes["offered"].rate, figures.outcomes["offered"].base) == (1.0, 0.0)


def test_customers_count_whether_or_not_they_share_activity(tmp_path: Path) -> None:
    view = shop(tmp_path, assume=False, events=winks(range(20)))
    assert judged(view, WINK).customers == 20


def test_small_groups_are_hidden(tmp_path: Path) -> None:
    figures = judged(shop(tmp_path, events=winks(range(9))), WINK, "purchase")
    assert figures.as_dict() == {
        "reasons": None,
        "customers": None,
        "outcomes": {
            "purchase": {
                "rate": None,
                "base": None,
                "lift": {"value": None, "low": None, "high": None},
            }
        },
        "grade": "adjusted",
        "verdict": "too few",
        "compared": None,
        "overlap": {},
    }
    nobody = judged(shop(tmp_path / "nobody"), WINK.replace("wink", "end"), "purchase")
    assert (nobody.reasons, nobody.customers, nobody.verdict) == (0, 0, TOO_FEW)


def test_overlap_is_the_share_that_has_a_reason_of_the_other_too(tmp_path: Path) -> None:
    nod = WINK.replace("wink", "nod")
    smile = WINK.replace("wink", "smile")
    events = did(range(20), "wink", day(19)) + did(range(10, 26), "nod", day(19))
    events += did(range(15, 30), "smile", day(18))
    view = shop(tmp_path, events=events)
    result = report(view, NOW, LATER, definitions(WINK + nod + smile), horizon=WEEK)
    shares = {name: each.overlap for name, each in result.figures.items()}
    assert shares == {
        "wink": {"nod": 0.5, "smile": None},  # Five customers are hidden.
        "nod": {"wink": 0.625, "smile": 0.6875},
        "smile": {"wink": None, "nod": round(11 / 15, 9)},
    }


def test_what_happens_after_the_horizon_and_what_is_known_later_changes_nothing(
    tmp_path: Path,
) -> None:
    rows: dict[str, Any] = {
        "events": winks(range(20)),
        "purchases": bought(range(10), "tea", day(21)),
    }
    later = NOW + WEEK + timedelta(microseconds=1)
    planted = {
        "events": rows["events"] + did(range(40), "wink", NOW + timedelta(microseconds=1)),
        "purchases": rows["purchases"] + bought(range(40), "tea", later),
    }
    one, other = (
        judged(shop(tmp_path / name, **tables), WINK)
        for name, tables in (("before", rows), ("after", planted))
    )
    assert one == other


def test_days_go_on_as_long_as_the_horizon_is_over(tmp_path: Path) -> None:
    view = shop(tmp_path, events=winks(range(20)))
    two = {"horizon": timedelta(days=2), "every": timedelta(days=3)}
    found = report(view, day(18), LATER, definitions(WINK), **two)
    assert found.days == [day(18), day(21), day(24)]
    # The data ends before --to.
    late = report(view.at(day(60)), day(25), day(60), definitions(WINK), **two)
    assert late.days == [day(25)]
    # The data goes on after --to, which is the end of the last horizon.
    early = report(view.at(day(20)), day(18), day(20), definitions(WINK), **two)
    assert early.days == [day(18)]
    with pytest.raises(ReportError, match="No day fits: 2025-01-27 plus a horizon of 2 days"):
        report(view, day(27), LATER, definitions(WINK), **two)


def test_an_outcome_that_the_store_does_not_know_names_the_nearest(tmp_path: Path) -> None:
    view = shop(tmp_path, events=winks(range(20)))
    with pytest.raises(UnknownOutcome, match=r"no events of kind winks\. Did you mean wink\?"):
        judged(view, WINK, "winks")
    assert judged(view, WINK, "event:nod").outcomes["event:nod"].rate == 0.0


def test_undated_data_is_named(tmp_path: Path) -> None:
    close = FRIENDS.replace('within = "14d"', 'within = "14d", interactions = 20')
    view = shop(tmp_path, friendships=[{"customer_id": "c00", "friend_id": "c01"}])
    found = report(view, NOW, LATER, definitions(close), horizon=WEEK)
    assert found.undated == ["friendships", "friendships.interactions"]
