"""A policy decides: nothing goes out too often, too dear or to the wrong people, on any night."""

import csv
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.deliveries import write_csv
from support.linear_taste import score
from support.worlds import end_of

from followsuit.graph.results.runs import DECISIONS, SCORE, active_run, run_folder, runs
from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.offers.explanation.explain import explain
from followsuit.offers.replay import replay
from followsuit.offers.run.use import OutdatedRun, activate
from followsuit.offers.score import ScoreReport
from followsuit.offers.selection import Selection
from followsuit.policy.decision import OFFERED, OUTRANKED
from followsuit.policy.declared.policy_file import PolicyError, parse_policy
from followsuit.simulator import World, simulate
from followsuit.testing.places import Place
from followsuit.triggers.defined import FRIEND_BOUGHT, FRIEND_VISITED
from followsuit.triggers.definitions.definition_file import shipped_definitions

WORLD = World(
    customers=300, products=60, stores=8, friendships=1_800, purchases=5_000, days=90, seed=11
)
NOW = end_of(WORLD)
LATER = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = count()
FRIENDS = {name: shipped_definitions()[name] for name in (FRIEND_BOUGHT, FRIEND_VISITED)}
"""Other triggers would only take time."""
CONTACT = """
[contact]
per_customer = { at_most = 2, within = "7d" }
per_channel.sms = { at_most = 1, within = "30d" }
per_offer = { at_most = 1, within = "90d" }
assume_sent = "3d"
"""


NOTHING = "[holdout]\nshare = 0.0\nsalt = 'x'"
"""A policy that blocks nothing."""


@pytest.fixture(scope="module", autouse=True)
def _few_days() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "TRAINING_DAYS", 1)
        patch.setattr(replay, "CALIBRATION_DAYS", 1)
        yield


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    simulate(WORLD, folder)
    return folder


@pytest.fixture(scope="module")
def kept(delivery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    place = Place(str(tmp_path_factory.mktemp("store") / "shop.lbug"))
    with place.open() as store:
        load(store, str(delivery))
        yield store


@pytest.fixture
def shop(kept: GraphStore) -> GraphStore:
    """The shop, of which nothing counts as sent but its contacts."""
    shutil.rmtree(kept.state.activated, ignore_errors=True)
    return kept


def decide(store: GraphStore, text: str, as_of: datetime = NOW, **options: Any) -> ScoreReport:
    options = {"activate": True, "learn": "auto", "triggers": FRIENDS, **options}
    # The latest runs are kept.
    created_at = LATER + timedelta(seconds=next(SECONDS))
    return score(store, as_of, created_at, policy=parse_policy(text, "p.toml"), **options)


def decisions(store: GraphStore, report: ScoreReport) -> list[dict[str, Any]]:
    path = run_folder(store, report.run_id) / DECISIONS
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def offers(report: ScoreReport) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = report.offers_table().to_pylist()
    return rows


def ids(delivery: Path, table: str, name: str, **where: str) -> set[str]:
    """The ids in a table of the delivery, of the rows with these values."""
    with (delivery / f"{table}.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {row[name] for row in rows if all(row[key] == value for key, value in where.items())}


def test_without_a_policy_nothing_changes(shop: GraphStore) -> None:
    report = score(shop, NOW, LATER)
    rows = decisions(shop, report)
    assert all(row["send_after"] is None for row in rows)
    worth = report.decisions.allocated
    assert (
        worth.value
        == worth.bound
        == pytest.approx(sum(row["expected_value"] or 0 for row in offers(report)) / 100)
    )
    assert list(report.decisions.in_words()) == []
    counts = report.decisions.counts
    assert counts[OFFERED] == report.offers
    blocked = {k: v for k, v in counts.items() if k not in (OFFERED, OUTRANKED)}
    assert blocked == report.suppressed


def test_what_is_never_offered(shop: GraphStore, delivery: Path) -> None:
    members = ids(delivery, "memberships", "customer_id", program="club", until="")
    toys = ids(delivery, "products", "product_id", category="toys")
    free = offers(score(shop, NOW, LATER))
    assert members & {row["customer_id"] for row in free}
    assert toys & {row["item_id"] for row in free}
    policy = '[never]\nprograms = ["club"]\ncategories = ["toys"]\nmin_expected_value = 0.05'
    report = decide(shop, policy)
    rows = offers(report)
    assert rows
    assert not members & {row["customer_id"] for row in rows}
    assert not toys & {row["item_id"] for row in rows}
    assert min(row["expected_value"] for row in rows) >= 5
    for one, before in pairwise(rows):
        if one["customer_id"] == before["customer_id"]:
            assert one["expected_value"] >= before["expected_value"]
    named = {row["decision"] for row in decisions(shop, report)}
    assert {"programs", "categories", "min_expected_value"} <= named
    blocked = next(r for r in decisions(shop, report) if r["decision"] == "categories")
    answer = explain(shop, blocked["customer_id"], blocked["item_id"])
    assert answer.rule == "categories"
    assert answer.explanation == "nothing of its category is offered (p.toml, line 3)"


def test_every_candidate_is_accounted_for(shop: GraphStore) -> None:
    report = decide(shop, f"{CONTACT}\n[limits]\nbudget = 2.0\n[holdout]\nshare = 0.2\nsalt = 'x'")
    rows, counts = decisions(shop, report), report.decisions.counts
    found = Counter(row["decision"] for row in rows)
    assert {k: v for k, v in counts.items() if k != OUTRANKED} == {
        k: v for k, v in found.items() if k != OUTRANKED
    }
    assert counts[OUTRANKED] >= found[OUTRANKED]
    for row in rows:
        assert (row["blocked_by"] is None) == (row["decision"] in (OFFERED, OUTRANKED))
        assert row["rank"] is None or row["blocked_by"] is None
    assert {"budget", "holdout", "per_customer"} <= set(found)
    worth = report.decisions.allocated
    assert worth.violations == 0
    assert worth.cost <= 2.0
    assert worth.value <= worth.bound
    shares = {row["propensity"] for row in rows if row["decision"] in (OFFERED, "holdout")}
    assert shares == {0.8}


def test_limits_hold_over_many_nights(shop: GraphStore) -> None:
    nights: list[tuple[datetime, list[dict[str, Any]]]] = []
    for back in (5, 4, 3, 0):
        night = NOW - timedelta(days=back)
        nights.append((night, offers(decide(shop, CONTACT, night))))
        recent = [row for at, rows in nights for row in rows if night - timedelta(days=3) < at]
        per_customer = Counter(row["customer_id"] for row in recent)
        assert max(per_customer.values(), default=0) <= 2
        sms = Counter(row["customer_id"] for row in recent if row["channel"] == "sms")
        assert max(sms.values(), default=0) <= 1
        about = Counter((row["customer_id"], row["offer_id"]) for row in recent)
        assert max(about.values(), default=0) <= 1
    assert len(nights[0][1]) > len(nights[1][1]), "most have been contacted on the first night"
    assert active_run(shop).as_of == NOW


def test_a_day_is_decided_again(shop: GraphStore) -> None:
    limits = f"{CONTACT}\n[limits]\nbudget = 3.0\nchannels = {{ email = 30, push = 10 }}"
    first = offers(decide(shop, limits))
    again = offers(decide(shop, limits))
    assert again == first, "the same run"
    report = decide(shop, limits, selection=Selection(top=5))
    both = {
        (row["customer_id"], row["offer_id"], row["item_id"], row["channel"])
        for row in [*first, *offers(report)]
    }
    assert max(Counter(row[0] for row in both).values()) <= 2
    channels = Counter(row[3] for row in both)
    assert channels["email"] <= 30
    assert channels["push"] <= 10
    assert report.decisions.allocated.cost <= 3.0
    assert report.decisions.allocated.violations == 0


def test_contacts_that_arrive_late_count(shop: GraphStore, tmp_path: Path) -> None:
    night = NOW - timedelta(days=6)
    first = offers(decide(shop, CONTACT, night))
    told = [row for row in first if row["channel"] == "email"]
    contacts = [
        {
            "contact_id": f"late{number}",
            "customer_id": row["customer_id"],
            "offer_id": row["offer_id"],
            "channel": "email",
            "at": (night + timedelta(hours=9)).isoformat(),
        }
        for number, row in enumerate(told)
    ]
    folder = tmp_path / "late"
    folder.mkdir()
    write_csv(folder / "contacts.csv", contacts)
    load(shop, str(folder))
    sent = Counter(row["customer_id"] for row in told)
    now = Counter(row["customer_id"] for row in offers(decide(shop, CONTACT)))
    assert sent
    assert all(sent[customer] + now[customer] <= 2 for customer in sent)
    enough = {customer for customer, n in sent.items() if n == 2}
    assert not enough & set(now)


def test_the_holdout_is_the_same_people_every_night(shop: GraphStore) -> None:
    policy = "[holdout]\nshare = 0.3\nsalt = 'spring'"
    held = []
    for night in (NOW - timedelta(days=1), NOW):
        rows = decisions(shop, decide(shop, policy, night))
        held.append({row["customer_id"] for row in rows if row["decision"] == "holdout"})
        served = {row["customer_id"] for row in rows if row["decision"] == OFFERED}
        assert not held[-1] & served
        assert 0.2 < len(held[-1]) / len(held[-1] | served) < 0.4
    other = decisions(shop, decide(shop, policy.replace("spring", "autumn")))
    others = {row["customer_id"] for row in other if row["decision"] == "holdout"}
    both = held[0] & held[1]
    assert len(both) > 0.6 * len(held[1])
    assert len(others & held[1]) < 0.6 * len(held[1])


def test_with_a_budget_of_zero_only_free_offers_go(shop: GraphStore) -> None:
    report = decide(shop, "[limits]\nbudget = 0.0\ncosts = { sms = 0.08 }")
    assert report.decisions.allocated.cost == 0
    assert report.decisions.counts["budget"] > 0
    assert not any(row["channel"] == "sms" for row in offers(report))


def test_no_more_than_an_offer_has_left(shop: GraphStore) -> None:
    free = Counter(row["offer_id"] for row in offers(decide(shop, NOTHING)))
    offer, n = free.most_common(1)[0]
    shutil.rmtree(shop.state.activated)
    limit = f"[limits]\noffers = {{ {offer} = {n // 2} }}"
    for night, most in ((NOW - timedelta(days=1), n // 2), (NOW, 0)):
        rows = offers(decide(shop, limit, night))
        given = sum(row["offer_id"] == offer for row in rows)
        assert given <= most or night == NOW - timedelta(days=1)
    total = sum(row["offer_id"] == offer for row in rows)
    assert total == 0, "the first night used it up"


def test_a_limit_below_what_is_sent_is_said(shop: GraphStore) -> None:
    rows = offers(decide(shop, NOTHING, NOW - timedelta(days=1)))
    offer, n = Counter(row["offer_id"] for row in rows).most_common(1)[0]
    told: list[str] = []
    text = f"[limits]\noffers = {{ {offer} = {n - 1} }}"
    report = decide(shop, text, tell=told.append)
    assert not any(row["offer_id"] == offer for row in offers(report))
    (said,) = [note for note in told if "count as sent" in note]
    assert said.startswith("p.toml, line 2: ")
    assert f"messages about {offer} count as sent, more than {n - 1:,}: " in said


def test_stores_get_no_more_than_they_can_serve(shop: GraphStore) -> None:
    free = offers(decide(shop, NOTHING))
    visits = Counter(row["item_id"] for row in free if row["item_kind"] == "store")
    store, n = visits.most_common(1)[0]
    assert n > 2
    shutil.rmtree(shop.state.activated)
    rows = offers(decide(shop, f"[limits]\nstores = {{ {store} = 2 }}"))
    pointing = [row for row in rows if row["item_id"] == store or store in (row["store_ids"] or ())]
    assert len(pointing) <= 2


def test_quiet_hours_hold(shop: GraphStore) -> None:
    quiet = '[contact]\nquiet = { from = "00:00", until = "23:00", zone = "UTC" }'
    rows = [row for row in decisions(shop, decide(shop, quiet)) if row["decision"] == OFFERED]
    assert rows
    assert all(row["send_after"] is not None and row["send_after"] >= NOW for row in rows)


def test_old_rows_are_not_used(shop: GraphStore, delivery: Path, tmp_path: Path) -> None:
    report = decide(shop, "[retention]\nevents = '40d'", learn="always")
    lately = tmp_path / "lately"
    shutil.copytree(delivery, lately)
    for table in ("purchases", "visits", "events"):
        path = lately / f"{table}.csv"
        head, *rows = path.read_text().splitlines(keepends=True)
        times = [row["at"] for row in csv.DictReader([head, *rows])]
        oldest = f"{NOW - timedelta(days=40):%Y-%m-%dT%H:%M:%SZ}"
        recent = [row for row, at in zip(rows, times, strict=True) if at > oldest]
        assert 0 < len(recent) < len(rows)
        path.write_text("".join([head, *recent]))
    with Place(str(tmp_path / "other.lbug")).open() as other:
        load(other, str(lately))
        expected = decide(other, NOTHING, learn="always")
        assert offers(report) == offers(expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[never]\nprograms = ['clbu']",
            "line 2: no such program in the data: clbu. Did you mean club?",
        ),
        ("[never]\ncategories = ['yachts']", "line 2: no such category in the data: yachts"),
        ("[limits]\noffers = { o99999 = 1 }", "line 2: no such offer in the data: o99999"),
        (
            "[limits]\nstores = { moon = 1 }",
            "line 2: no such store in the data: moon. Correct",
        ),
    ],
)
def test_names_that_the_store_does_not_have_are_errors(
    shop: GraphStore, text: str, said: str
) -> None:
    before = runs(shop, SCORE)
    with pytest.raises(PolicyError, match=said):
        decide(shop, text)
    assert runs(shop, SCORE) == before


def test_another_policy_is_compared_and_changes_nothing(shop: GraphStore) -> None:
    night = NOW - timedelta(days=20)
    other = f"{CONTACT}\n[limits]\nchannels = {{ email = 20 }}"
    report = decide(shop, CONTACT, night, compared=parse_policy(other, "other.toml"))
    compared = report.comparison
    assert compared is not None
    assert active_run(shop).run_id == report.run_id
    mine = offers(report)
    assert compared.policy.offers == len(mine)
    assert compared.policy.channels == Counter(row["channel"] or "" for row in mine)
    shutil.rmtree(shop.state.activated)
    then = decide(shop, other, night)
    theirs = offers(then)
    assert compared.compared.offers == len(theirs)
    assert compared.compared.channels["email"] <= 20 < compared.policy.channels["email"]
    assert compared.compared.value == pytest.approx(then.decisions.allocated.value)
    assert "channels.email" in compared.compared.limits
    keys = [{(r["customer_id"], r["offer_id"]) for r in rows} for rows in (mine, theirs)]
    assert compared.only_compared == len(keys[1] - keys[0])


def test_what_offers_rest_on(shop: GraphStore, tmp_path: Path) -> None:
    night = NOW - timedelta(days=6)
    first = decide(shop, NOTHING, night)
    rows = offers(first)
    risk = first.decisions.risks.every
    assert risk.offers == len(rows)
    assert risk.to_minors == 0
    assert (risk.earlier_offers, risk.complaints) == (0, None)
    of_friends = {"friend_bought", "friend_visited"}
    listed = sum(bool(of_friends & set(row["triggers"])) for row in rows)
    assert risk.on_friends == pytest.approx(listed / len(rows))
    assert 0 <= risk.on_few_people <= risk.on_friends
    angry = sorted({row["customer_id"] for row in rows})[:4]
    events = [
        {"customer_id": c, "kind": "complaint", "at": (night + timedelta(days=2)).isoformat()}
        for c in angry
    ]
    folder = tmp_path / "complaints"
    folder.mkdir()
    write_csv(folder / "events.csv", events)
    load(shop, str(folder))
    second = decide(shop, NOTHING)
    after = second.decisions.risks.every
    told = sum(row["customer_id"] in angry for row in rows)
    assert after.earlier_offers == len(rows)
    assert after.complaints == pytest.approx(told / len(rows))
    assert any("complaint" in line for line in second.decisions.in_words())


def test_a_run_that_is_activated_later_counts_as_sent(shop: GraphStore) -> None:
    night = NOW - timedelta(days=1)
    before = decide(shop, NOTHING, NOW - timedelta(days=20)).run_id
    kept = decide(shop, CONTACT, night, activate=False)
    assert active_run(shop).run_id == before
    told = Counter(row["customer_id"] for row in offers(kept))
    assert offers(decide(shop, CONTACT, activate=False)), "nothing has been sent yet"
    activate(shop, kept.run_id)
    now = Counter(row["customer_id"] for row in offers(decide(shop, CONTACT, activate=False)))
    assert all(told[customer] + now[customer] <= 2 for customer in told)


def test_a_policy_that_is_added_later_in_the_day_holds(shop: GraphStore) -> None:
    score(shop, NOW, LATER)
    report = decide(shop, "[limits]\nbudget = 1.0\nchannels = { email = 7 }")
    assert report.decisions.allocated.cost <= 1.0
    assert report.decisions.allocated.violations == 0
    channels = Counter(row["channel"] for row in offers(report))
    assert channels["email"] <= 7
    again = decide(shop, "[limits]\nbudget = 1.0\nchannels = { email = 7 }")
    assert offers(again) == offers(report)


def test_two_policies_take_turns_on_a_day(shop: GraphStore) -> None:
    limits = f"{CONTACT}\n[limits]\nchannels = {{ email = 12, push = 9 }}\nbudget = 3.0"
    other = f"{limits}\n[never]\ncategories = ['toys']"
    reports = [decide(shop, limits), decide(shop, other), decide(shop, limits)]
    every = [row for report in reports for row in _noted(shop, report)]
    sent = {(r["customer_id"], r["offer_id"], r["item_id"], r["channel"]): r["cost"] for r in every}
    channels = Counter(key[3] for key in sent)
    assert channels["email"] <= 12
    assert channels["push"] <= 9
    assert max(Counter(key[0] for key in sent).values()) <= 2
    assert sum(sent.values()) <= 300 + 1e-6
    assert len({report.run_id for report in reports}) == 3
    again = decide(shop, limits)
    assert again.run_id == reports[2].run_id
    assert offers(again) == offers(reports[2])


def _noted(store: GraphStore, report: ScoreReport) -> list[dict[str, Any]]:
    """What counts as sent of a run, which a later run must not change."""
    path = store.state.activated / f"{report.run_id}.parquet"
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_a_run_that_others_have_overtaken_is_not_activated(shop: GraphStore) -> None:
    kept = decide(shop, CONTACT, activate=False)
    decide(shop, f"{CONTACT}\n[never]\ncategories = ['toys']")
    with pytest.raises(OutdatedRun, match=r"was decided before .* became active.*Score again"):
        activate(shop, kept.run_id)
    mine = decide(shop, CONTACT)
    decide(shop, NOTHING)
    activate(shop, mine.run_id)
    assert active_run(shop).run_id == mine.run_id, "it counts as sent already"


def test_a_later_hour_is_the_same_day(shop: GraphStore) -> None:
    limits = f"{CONTACT}\n[limits]\nchannels = {{ email = 12 }}"
    rows = offers(decide(shop, limits)) + offers(decide(shop, limits, NOW + timedelta(hours=6)))
    sent = {(row["customer_id"], row["offer_id"], row["item_id"], row["channel"]) for row in rows}
    assert sum(row[3] == "email" for row in sent) <= 12
    assert max(Counter(row[0] for row in sent).values()) <= 2
