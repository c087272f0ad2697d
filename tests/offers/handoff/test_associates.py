"""Associates get the customers of their store, in files with safe names."""

from pathlib import Path
from typing import Any

import pytest
from support.handed import a_shop, offered
from support.snapshots import day

from followsuit.offers.handoff.associates import by_store, file_of


def stores_of(folder: Path, *rows: dict[str, Any], **tables: Any) -> set[tuple[str, str | None]]:
    table = by_store(a_shop(folder, **tables), offered(*rows)).to_pyarrow().to_pylist()
    return {(row["customer_id"], row["store_id"]) for row in table}


def test_an_offer_for_some_stores_is_in_the_list_of_each(tmp_path: Path) -> None:
    rows = [{"store_ids": ["kiosk", "pier"]}]
    assert stores_of(tmp_path, *rows) == {("ann", "kiosk"), ("ann", "pier")}


def test_else_the_customers_usual_store_or_the_only_one_in_their_city_is_theirs(
    tmp_path: Path,
) -> None:
    customers = [{"customer_id": c, "city": city} for c, city in CITIES.items()]
    stores = [
        {"store_id": "kiosk", "city": "Ulm"},
        {"store_id": "pier", "city": "Kiel"},
        {"store_id": "quay", "city": "Kiel"},
        {"store_id": "clinic", "city": "Bonn"},
    ]
    visits = [
        {"customer_id": "ann", "store_id": s, "at": day(d)}
        for s, d in (("quay", 1), ("quay", 2), ("kiosk", 19), ("clinic", 3), ("clinic", 4))
    ]
    visits += [{"customer_id": "ann", "store_id": "kiosk", "at": day(21)}] * 3  # Later ones.
    bought = {"customer_id": "bob", "product_id": "tea"}
    purchases = [bought | {"store_id": s, "at": day(d)} for s, d in (("pier", 1), ("quay", 2))]
    found = stores_of(
        tmp_path,
        *({"customer_id": c} for c in CITIES),
        customers=customers,
        stores=stores,
        visits=visits,
        purchases=purchases,
        sensitive_values=[{"table": "stores", "value": "clinic"}],
    )
    assert found == {
        ("ann", "quay"),  # Twice, and the kiosk once.
        ("bob", "quay"),  # The latest of two that are as usual.
        ("cas", "kiosk"),
        ("dan", None),  # There are two stores in Kiel.
        ("eve", None),
        ("fay", None),  # The clinic is sensitive.
    }


CITIES = {"ann": "Ulm", "bob": "Ulm", "cas": "Ulm", "dan": "Kiel", "eve": None, "fay": "Bonn"}


@pytest.mark.parametrize(
    ("store_id", "file"),
    [
        (None, "associate/any.csv"),
        ("any", "associate/%61ny.csv"),
        ("s-01_x", "associate/s-01_x.csv"),
        ("München 1", "associate/München%201.csv"),
        ("../../etc/passwd", "associate/%2E%2E%2F%2E%2E%2Fetc%2Fpasswd.csv"),
        ("a\\b:c\n", "associate/a%5Cb%3Ac%0A.csv"),
        ("50%", "associate/50%25.csv"),
    ],
)
def test_files_have_safe_names(store_id: str | None, file: str) -> None:
    assert file_of(store_id) == file


def test_long_ids_have_short_names_that_differ() -> None:
    names = {file_of("ü" * 300 + end) for end in "ab"}
    assert len(names) == 2
    assert max(len(name.encode()) for name in names) < 200
