"""Rules over candidates: each blocks what it says, and the first one names it."""

from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
from support.snapshots import day, view_from

from followsuit.graph.views.people import MINOR, NO_CONTACT, UNKNOWN_AGE
from followsuit.offers.candidates.brought_up import brought_up
from followsuit.offers.candidates.catalogue import catalogue
from followsuit.policy.rules import (
    AFTER_PREDICTION,
    ALREADY_TAKEN,
    BEFORE_PREDICTION,
    BOUGHT_WITHIN,
    CATEGORIES,
    ELSEWHERE,
    NO_OFFER,
    NOT_IN_AUDIENCE,
    OPEN_COMPLAINT,
    PER_CUSTOMER,
    PROGRAMS,
    SENTENCES,
    Rule,
    blocked_by,
)

NOW = day(20)
FREE: dict[str, Any] = {
    "person_blocked_by": None,
    "complains": False,
    "in_category": False,
    "bought_lately": False,
    "seen": False,
    "home_city": "Ulm",
    "store_city": "Ulm",
    "covered": True,
    "in_audience": True,
}
TYPES = {
    "person_blocked_by": "string",
    "complains": "boolean",
    "in_category": "boolean",
    "bought_lately": "boolean",
    "seen": "boolean",
    "home_city": "string",
    "store_city": "string",
    "covered": "boolean",
    "in_audience": "boolean",
}
ORDER = (
    UNKNOWN_AGE,
    MINOR,
    NO_CONTACT,
    OPEN_COMPLAINT,
    PROGRAMS,
    PER_CUSTOMER,
    CATEGORIES,
    BOUGHT_WITHIN,
    ALREADY_TAKEN,
    ELSEWHERE,
    NO_OFFER,
    NOT_IN_AUDIENCE,
)
CASES: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"person_blocked_by": UNKNOWN_AGE}, UNKNOWN_AGE),
    ({"person_blocked_by": MINOR}, MINOR),
    ({"person_blocked_by": NO_CONTACT}, NO_CONTACT),
    ({"complains": True}, OPEN_COMPLAINT),
    ({"person_blocked_by": PROGRAMS}, PROGRAMS),
    ({"person_blocked_by": PER_CUSTOMER, "in_category": True}, PER_CUSTOMER),
    ({"in_category": True, "bought_lately": True}, CATEGORIES),
    ({"bought_lately": True, "seen": True}, BOUGHT_WITHIN),
    ({"seen": True}, ALREADY_TAKEN),
    ({"store_city": "Kiel"}, ELSEWHERE),
    ({"home_city": None}, None),
    ({"store_city": None}, None),
    ({"covered": False}, NO_OFFER),
    ({"in_audience": False}, NOT_IN_AUDIENCE),
    ({"person_blocked_by": MINOR, "seen": True, "covered": False}, MINOR),
    ({"complains": True, "seen": True}, OPEN_COMPLAINT),
    ({"seen": True, "store_city": "Kiel", "in_audience": False}, ALREADY_TAKEN),
    ({"store_city": "Kiel", "covered": False}, ELSEWHERE),
    ({"covered": False, "in_audience": False}, NO_OFFER),
]


def table(*rows: dict[str, Any]) -> Any:
    return ibis.memtable(pd.DataFrame([FREE | row for row in rows]), schema=TYPES)


@pytest.mark.parametrize(("context", "rule"), CASES)
def test_the_first_rule_that_blocks_is_named(context: dict[str, Any], rule: str | None) -> None:
    rows = table(context)
    assert rows.select(rule=blocked_by(rows)).to_pyarrow()["rule"].to_pylist() == [rule]


def test_every_rule_has_a_name_of_its_own_and_a_sentence() -> None:
    assert tuple(rule.name for rule in BEFORE_PREDICTION) == ORDER
    before = {rule.name: rule.sentence for rule in BEFORE_PREDICTION}
    assert AFTER_PREDICTION | before == SENTENCES
    # Before the prediction it is about those who may get no message at all.
    assert set(before) & set(AFTER_PREDICTION) == {PER_CUSTOMER}
    for sentence in SENTENCES.values():
        assert sentence[0].islower()
        assert not sentence.endswith(".")


def test_a_rule_of_ones_own_applies_after_those_before_it() -> None:
    local = Rule(
        "not_from_ulm", "the customer isn't from Ulm", lambda rows: rows.home_city != "Ulm"
    )
    rows = table(
        {},
        {"home_city": "Kiel", "store_city": None},
        {"home_city": None},
        {"home_city": "Kiel", "store_city": None, "seen": True},
    )
    rules = (*BEFORE_PREDICTION, local)
    named = rows.select(rule=blocked_by(rows, rules)).to_pyarrow()["rule"].to_pylist()
    assert named == [None, "not_from_ulm", None, ALREADY_TAKEN]


def test_the_rules_read_their_context_from_the_view(tmp_path: Path) -> None:
    customers = [
        {"customer_id": "ann", "birth_date": day(1).date().replace(year=1980), "city": "Ulm"},
        {"customer_id": "dan", "birth_date": day(1).date().replace(year=1980)},
        {"customer_id": "kim", "birth_date": day(1).date().replace(year=2015)},
        {"customer_id": "una"},
    ]
    view = view_from(
        tmp_path,
        NOW,
        customers=customers,
        products=[{"product_id": p} for p in ("tea", "jam", "rye", "oil")],
        stores=[{"store_id": "tea", "city": "Kiel"}],
        purchases=[{"customer_id": "ann", "product_id": "jam", "at": day(1)}],
        offers=[
            {"offer_id": "t", "product_id": "tea"},
            {"offer_id": "j", "product_id": "jam"},
            {"offer_id": "r", "product_id": "rye", "program": "gold"},
            {"offer_id": "s", "store_id": "tea"},
        ],
        consents=[
            {"customer_id": c, "purpose": "contact", "granted": True, "at": day(1)}
            for c in ("ann", "kim", "una")
        ],
    )
    pairs = pd.DataFrame(
        [
            (c, "product", i)
            for c in ("ann", "dan", "kim", "una")
            for i in ("tea", "jam", "rye", "oil")
        ]
        + [("ann", "store", "tea")],
        columns=["customer_id", "item_kind", "item_id"],
    )
    rows = brought_up(view, ibis.memtable(pairs), catalogue(view)).to_pyarrow().to_pylist()
    assert len(rows) == len(pairs)
    named = {(r["customer_id"], r["item_kind"], r["item_id"]): r["blocked_by"] for r in rows}
    assert {key[1:]: rule for key, rule in named.items() if key[0] == "ann"} == {
        ("product", "tea"): None,
        ("product", "jam"): ALREADY_TAKEN,
        ("product", "rye"): NOT_IN_AUDIENCE,
        ("product", "oil"): NO_OFFER,
        ("store", "tea"): ELSEWHERE,
    }
    for customer, rule in (("dan", NO_CONTACT), ("kim", MINOR), ("una", UNKNOWN_AGE)):
        assert {r for key, r in named.items() if key[0] == customer} == {rule}
