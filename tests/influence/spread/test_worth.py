"""The value of an interaction, in hundredths, on a shop of a few purchases."""

from pathlib import Path
from typing import Any

from support.snapshots import day, view_from

from followsuit.influence.spread.worth import interaction_values

CUSTOMERS = [
    {"customer_id": "ann"},
    {"customer_id": "bob"},
    {"customer_id": "kim", "birth_date": day(1).date().replace(year=2012)},
    {"customer_id": "zoe"},
]
SHOP = [("ann", "tea", 300), ("bob", "jam", 100)]


def values(folder: Path, *more: tuple[str, str, int], margin: bool = False) -> tuple[Any, str]:
    """Of ann, bob and zoe, who has bought nothing; kim is a minor."""
    products: list[dict[str, Any]] = [
        {"product_id": "tea", "margin": 30 if margin else None},
        {"product_id": "jam", "margin": 10 if margin else None},
        {"product_id": "pill", "margin": 9_000 if margin else None, "sensitive": True},
    ]
    bought = [
        {"purchase_id": f"u{n}", "customer_id": c, "product_id": p, "at": day(2), "amount": amount}
        for n, (c, p, amount) in enumerate((*SHOP, *more))
    ]
    view = view_from(
        folder,
        day(20),
        assume_consent=True,
        customers=CUSTOMERS,
        products=products,
        purchases=bought,
    )
    worth, unit = interaction_values(view.shared)
    return worth.tolist(), unit


def test_an_interaction_is_worth_the_customers_mean_or_that_of_all_purchases(
    tmp_path: Path,
) -> None:
    assert values(tmp_path / "a", ("ann", "tea", 100)) == ([200, 100, 500 / 3], "amount")
    assert values(tmp_path / "b", margin=True) == ([30, 10, 20], "margin")


def test_what_a_sensitive_product_brings_is_in_nobodys_value(tmp_path: Path) -> None:
    assert values(tmp_path / "a", ("ann", "pill", 90_000)) == ([300, 100, 200], "amount")
    assert values(tmp_path / "b", ("ann", "pill", 1), margin=True) == ([30, 10, 20], "margin")


def test_what_minors_buy_is_in_nobodys_value(tmp_path: Path) -> None:
    assert values(tmp_path, ("kim", "tea", 70_000)) == ([300, 100, 200], "amount")
