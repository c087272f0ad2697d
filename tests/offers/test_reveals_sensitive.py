"""The pregnant teenager: coupons that only people with a sensitive purchase get don't go out."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.deliveries import deliver
from support.linear_taste import score
from support.snapshots import day

from followsuit.loaders.load import load
from followsuit.offers.score import ScoreReport
from followsuit.policy.declared.policy_file import NO_FILE, PolicyFile, parse_policy
from followsuit.testing.places import Place
from followsuit.triggers.definitions.definition_file import parsed

NOW = day(60)
TRIGGERS = parsed(
    """
    [after_lotion]
    when = [{ did = "purchase", where = { product_id = "lotion" }, within = "30d" }]
    offer = { category = "baby" }
    [after_bread]
    when = [{ did = "purchase", where = { product_id = "bread" }, within = "30d" }]
    offer = { category = "food" }
    """,
    "own.toml",
)
RULE = parse_policy("[limits]\nreveals_sensitive = 3.0", "p.toml")


def shop(expecting: int, others: int) -> dict[str, list[dict[str, Any]]]:
    """Those who expect a child buy tests, which is sensitive, and lotion. All buy bread."""
    people = [f"c{n:03}" for n in range(expecting + others)]
    bought = [(c, "bread", 40 + n % 15) for n, c in enumerate(people)]
    bought += [(c, item, 45) for c in people[:expecting] for item in ("test", "lotion")]
    return {
        "customers": [{"customer_id": c, "birth_date": "1990-01-01"} for c in people],
        "products": [
            {"product_id": "test", "category": "health", "sensitive": True, "price": 5},
            {"product_id": "lotion", "category": "care", "price": 5},
            {"product_id": "cot", "category": "baby", "price": 5},
            {"product_id": "bread", "category": "bakery", "price": 5},
            {"product_id": "jam", "category": "food", "price": 5},
        ],
        "purchases": [
            {"customer_id": c, "product_id": p, "at": (day(d) + timedelta(minutes=n)).isoformat()}
            for n, (c, p, d) in enumerate(bought)
        ],
        "consents": [
            {"customer_id": c, "purpose": purpose, "granted": "true", "at": day(1).isoformat()}
            for c in people
            for purpose in ("contact", "social_use")
        ],
    }


def scored(folder: Path, policy: PolicyFile, expecting: int = 20) -> ScoreReport:
    with Place(str(folder / "shop.lbug")).open() as store:
        load(store, str(deliver(folder / "delivery", **shop(expecting, 80))))
        return score(
            store, NOW, NOW, policy=policy, triggers=TRIGGERS, activate=True, max_age=NOW - day(1)
        )


def items(report: ScoreReport) -> set[str]:
    return set(report.offers_table()["item_id"].to_pylist())


@pytest.mark.usefixtures("few_days")
def test_what_only_they_are_offered_is_blocked_for_everybody(tmp_path: Path) -> None:
    free = scored(tmp_path / "free", NO_FILE)
    assert items(free) == {"cot", "jam"}
    kept = scored(tmp_path / "kept", RULE)
    assert items(kept) == {"jam"}, "jam goes to everybody and tells nothing"
    assert kept.decisions.counts["reveals_sensitive"] == 20


@pytest.mark.usefixtures("few_days")
def test_what_goes_to_everybody_else_too_is_offered(tmp_path: Path) -> None:
    nobody = scored(tmp_path, RULE, expecting=0)
    assert items(nobody) == {"jam"}
    assert "reveals_sensitive" not in nobody.decisions.counts
