"""Association rules: what is often bought together, by how many customers, and how surely."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.grids import grid_of, items_of, tea_shop
from support.snapshots import day, view_from

from followsuit.graph.views.view import View
from followsuit.offers.features.association_rules import association_rules, last_baskets
from followsuit.offers.features.basket import Basket

NOW = day(60)
Rules = dict[tuple[str, str], dict[str, Any]]


def bought(customer: str, at: int, *products: str) -> list[dict[str, Any]]:
    order = f"{customer} {at}"
    return [
        {"customer_id": customer, "product_id": p, "order_id": order, "at": day(at)}
        for p in products
    ]


def shop(folder: Path, together: int, **tables: Any) -> View:
    """Some customers buy bread with butter, and forty others one of many things."""
    purchases = [
        row for number in range(together) for row in bought(f"c{number}", 40, "bread", "butter")
    ]
    for number in range(40):
        purchases += bought(f"o{number}", 41, f"p{number % 20}", "salt")
    purchases += bought("ann", 55, "butter") + bought("ann", 59, "bread")
    customers = sorted({row["customer_id"] for row in purchases})
    rows = {
        "customers": [{"customer_id": c} for c in customers],
        "products": [{"product_id": p} for p in sorted({r["product_id"] for r in purchases})],
        "purchases": purchases,
    }
    return view_from(folder, NOW, assume_consent=True, **(rows | tables))


def rules_of(view: View) -> Rules:
    rows = association_rules(view.shared).to_pyarrow().to_pylist()
    return {(row["product_id"], row["with_product_id"]): row for row in rows}


def test_a_rule_has_its_support_confidence_and_lift(tmp_path: Path) -> None:
    rules = rules_of(shop(tmp_path, together=10))
    assert set(rules) == {("bread", "butter"), ("butter", "bread")}
    rule = rules["butter", "bread"]
    assert rule["support"] == pytest.approx(10 / 52)
    assert rule["confidence"] == pytest.approx(10 / 11)
    assert rule["lift"] == pytest.approx(10 * 52 / (11 * 11))
    assert 1 < rule["lift_low"] < rule["lift"]


def test_a_rule_needs_five_customers(tmp_path: Path) -> None:
    assert rules_of(shop(tmp_path / "five", together=5))
    assert not rules_of(shop(tmp_path / "four", together=4))
    one = [row for at in range(30, 40) for row in bought("ann", at, "bread", "butter")]
    people = [{"customer_id": "ann"}]
    assert not rules_of(shop(tmp_path / "one", together=0, purchases=one, customers=people))


def test_what_is_always_bought_goes_with_nothing(tmp_path: Path) -> None:
    rules = rules_of(shop(tmp_path, together=10))
    assert not any("salt" in pair for pair in rules)


def test_purchases_of_people_who_do_not_share_make_no_rule(tmp_path: Path) -> None:
    refused = [
        {"customer_id": f"c{n}", "purpose": "social_use", "granted": False, "at": day(1)}
        for n in range(6)
    ]
    assert not rules_of(shop(tmp_path, together=10, consents=refused))


def test_the_last_basket_is_the_newest_one_of_thirty_days(tmp_path: Path) -> None:
    view = shop(tmp_path, together=10)
    rows = last_baskets(view).to_pyarrow().to_pylist()
    of = {row["customer_id"]: row["product_id"] for row in rows if row["customer_id"] == "ann"}
    assert of == {"ann": "bread"}
    assert last_baskets(view.at(day(100))).count().execute() == 0


def test_the_feature_is_the_log_lift_with_the_last_basket(tmp_path: Path) -> None:
    baskets = [row for number in range(8) for row in bought(f"x{number}", 10, "hat", "tea")] + [
        row for number in range(40) for row in bought(f"y{number}", 11, "soap")
    ]
    people = [{"customer_id": c} for c in ("ann", "bob", "cas")]
    people += [{"customer_id": row["customer_id"]} for row in baskets if row["product_id"] != "hat"]
    ann = bought("ann", 19, "hat")
    view = tea_shop(tmp_path, *baskets, *ann, customers=people)
    grid = grid_of(view)
    rules = rules_of(view)
    row = list(grid.customers.ids).index("ann")
    values = dict(zip(items_of(grid), Basket(grid).block(slice(None))[row], strict=True))
    assert values["tea"] == pytest.approx(np.log(rules["hat", "tea"]["lift_low"]))
    assert {item for item, value in values.items() if value} == {"tea"}
