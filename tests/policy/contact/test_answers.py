"""How often customers answer through each channel."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import day, view_from

from followsuit.core.codes import Codes
from followsuit.graph.consent import CHANNELS
from followsuit.policy.contact.answers import WEIGHT_OF_ALL, WEIGHT_OF_OWN, Answers, answers

NOW = day(50)
EMAIL, SMS = CHANNELS.index("email"), CHANNELS.index("sms")


def contacts(customer: str, channel: str, *outcomes: str | None) -> list[dict[str, Any]]:
    return [
        {
            "contact_id": f"{customer} {channel} {number}",
            "customer_id": customer,
            "offer_id": "x",
            "channel": channel,
            "at": day(10 + number),
            "outcome": outcome,
            "outcome_at": None if outcome is None else day(11 + number),
        }
        for number, outcome in enumerate(outcomes)
    ]


def answers_of(folder: Path, rows: list[dict[str, Any]], silent: tuple[str, ...] = ()) -> Answers:
    people = ["ann", "bob", "eve", "old"]
    view = view_from(
        folder,
        NOW,
        customers=[
            {"customer_id": c, "birth_date": date(1940 if c == "old" else 1985, 5, 5)}
            for c in people
        ],
        offers=[{"offer_id": "x"}],
        products=[{"product_id": "tea"}],
        contacts=rows,
        consents=[
            {"customer_id": c, "purpose": "social_use", "granted": True, "at": day(1)}
            for c in people
            if c not in silent
        ],
    )
    ids = view.customers.select("customer_id").order_by("customer_id").to_pyarrow()["customer_id"]
    return answers(view, Codes(ids))


def test_a_customers_rate_is_between_their_own_and_that_of_others(tmp_path: Path) -> None:
    rows = contacts("ann", "email", *["accepted"] * 5) + contacts("bob", "sms", *["ignored"] * 5)
    rate = answers_of(tmp_path, rows).rate
    ann, bob, eve, old = rate
    assert ann[EMAIL] > eve[EMAIL] > eve[SMS] > bob[SMS]
    assert old[EMAIL] < eve[EMAIL], "ann is more like eve, who is as old"
    of_all = (5 + WEIGHT_OF_ALL * 0.5) / (5 + WEIGHT_OF_ALL)
    assert old[EMAIL] == pytest.approx(of_all)
    alike = (5 + WEIGHT_OF_ALL * of_all) / (5 + WEIGHT_OF_ALL)
    assert eve[EMAIL] == pytest.approx(alike)
    assert ann[EMAIL] == pytest.approx((5 + WEIGHT_OF_OWN * alike) / (5 + WEIGHT_OF_OWN))


def test_answers_of_those_who_do_not_share_are_only_their_own(tmp_path: Path) -> None:
    rows = contacts("ann", "email", *["accepted"] * 5) + contacts("bob", "sms", *["ignored"] * 5)
    with_ann = answers_of(tmp_path / "a", rows, silent=("ann",)).rate
    without = answers_of(tmp_path / "b", rows[5:], silent=("ann",)).rate
    assert (with_ann[1:] == without[1:]).all()
    assert with_ann[0, EMAIL] > without[0, EMAIL]


def test_what_is_no_answer(tmp_path: Path) -> None:
    words = ("ignored", "no_answer", "declined", "bounced", "complaint", "opt_out", "unsubscribed")
    rows = contacts("ann", "email", *words, None) + contacts("bob", "email", "clicked")
    rate = answers_of(tmp_path, rows).rate
    assert rate[0, EMAIL] < rate[2, EMAIL] < rate[1, EMAIL]


def test_nobody_was_contacted_yet(tmp_path: Path) -> None:
    known = answers_of(tmp_path, [])
    assert (known.rate == 0).all()
    assert not len(known.answered_at)
