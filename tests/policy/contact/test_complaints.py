"""A complaint keeps all offers from a customer until it is resolved, or for 30 days."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.linear_taste import score
from support.shops import NOW as END
from support.shops import deliver_shop, tables
from support.snapshots import day, view_from

from followsuit.loaders.load import load
from followsuit.offers.explanation.explain import explain
from followsuit.policy.contact.complaints import open_complaints
from followsuit.policy.rules import OPEN_COMPLAINT, SENTENCES
from followsuit.testing.places import Place

NOW = day(40)
START = day(1).isoformat()
SECOND = timedelta(seconds=1)
CASES: dict[str, tuple[list[tuple[str, datetime]], bool]] = {
    "none": ([], False),
    "today": ([("complaint", NOW)], True),
    "tomorrow": ([("complaint", NOW + SECOND)], False),
    "almost 30 days ago": ([("complaint", day(10) + SECOND)], True),
    "30 days ago": ([("complaint", day(10))], False),
    "resolved": ([("complaint", day(20)), ("resolved", day(21))], False),
    "resolved later than today": ([("complaint", day(20)), ("resolved", NOW + SECOND)], True),
    "resolved before": ([("resolved", day(19)), ("complaint", day(20))], True),
    "resolved at the same time": ([("complaint", day(20)), ("resolved", day(20))], True),
    "two, then resolved": (
        [("complaint", day(20)), ("complaint", day(22)), ("resolved", day(23))],
        False,
    ),
    "resolved, then again": (
        [("complaint", day(20)), ("resolved", day(21)), ("complaint", day(22))],
        True,
    ),
    "an old one resolved, a new one open": (
        [("complaint", day(1)), ("resolved", day(21)), ("complaint", day(39))],
        True,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_complaint_is_open_until_it_is_resolved_or_30_days_have_passed(
    name: str, tmp_path: Path
) -> None:
    events, is_open = CASES[name]
    view = view_from(
        tmp_path,
        NOW,
        customers=[{"customer_id": "ann"}, {"customer_id": "bob"}],
        events=[{"customer_id": "ann", "kind": kind, "at": at} for kind, at in events],
    )
    customers = open_complaints(view).to_pyarrow()["customer_id"].to_pylist()
    assert customers == (["ann"] if is_open else [])


def test_a_complaint_about_something_sensitive_counts(tmp_path: Path) -> None:
    view = view_from(
        tmp_path,
        NOW,
        customers=[{"customer_id": "ann"}],
        products=[{"product_id": "test", "sensitive": True}],
        events=[
            {"customer_id": "ann", "kind": "complaint", "product_id": "test", "at": day(39)},
        ],
    )
    assert open_complaints(view).to_pyarrow()["customer_id"].to_pylist() == ["ann"]


@pytest.mark.usefixtures("few_days")
def test_who_complains_gets_no_offers_and_why_not_says_so(embedded: Place, tmp_path: Path) -> None:
    complaint = {
        "event_id": "e1",
        "customer_id": "ann",
        "kind": "complaint",
        "at": day(19).isoformat(),
    }
    contact = {"customer_id": "dan", "purpose": "contact", "granted": "true", "at": START}
    delivery = deliver_shop(
        tmp_path / "d", events=[complaint], consents=[*tables()["consents"], contact]
    )
    with embedded.open() as store:
        load(store, str(delivery))
        report = score(store, END, END)
        assert set(report.offers_table()["customer_id"].to_pylist()) == {"dan"}
        assert report.suppressed[OPEN_COMPLAINT] > 0
        said = explain(store, "ann", "jam")
    assert (said.offered, said.rule) == (False, OPEN_COMPLAINT)
    assert said.explanation == SENTENCES[OPEN_COMPLAINT]
