"""`--replace` announces what it deletes, and deletes many rows only with `--yes`."""

from pathlib import Path

import pytest
from support.deliveries import deliver
from support.loading import content, load_from, load_rows, rows

from followsuit.errors import DeliveryError
from followsuit.testing.places import Place

PRODUCTS = [{"product_id": f"p{i}"} for i in range(200)]
BOUGHT = [
    {"purchase_id": f"b{i}", "customer_id": "c1", "product_id": f"p{i}", "at": "2025-01-01"}
    for i in range(150)
]


@pytest.fixture
def shop(place: Place, tmp_path: Path) -> Place:
    load_rows(
        place,
        tmp_path,
        products=PRODUCTS,
        purchases=BOUGHT,
        likes=[{"customer_id": "c1", "interest": "tea"}],
    )
    return place


def test_few_rows_are_deleted_and_announced(shop: Place, tmp_path: Path) -> None:
    said: list[str] = []
    folder = deliver(tmp_path / "d", products=PRODUCTS[1:])
    report = load_from(shop, folder, replace=("products",), announce=said.append)
    assert said == ["--replace products deletes 1 of 200 products, 1 of 150 purchases."]
    assert report.deleted == report.as_dict()["deleted"] == {"products": 1, "purchases": 1}
    assert (len(rows(shop, "products")), len(rows(shop, "purchases"))) == (199, 149)


@pytest.mark.parametrize(
    ("left", "counted"),
    [
        (slice(2, None), "2 of 200 products, 2 of 150 purchases"),  # beyond 1 % of purchases alone
        (slice(0, 197), "3 of 200 products"),
        (slice(0, 0), "200 of 200 products, 150 of 150 purchases"),
    ],
)
def test_many_rows_are_not_deleted_without_yes(
    embedded: Place, tmp_path: Path, left: slice, counted: str
) -> None:
    load_rows(embedded, tmp_path, products=PRODUCTS, purchases=BOUGHT)
    before = content(embedded)
    folder = tmp_path / "d"
    folder.mkdir()
    lines = [row["product_id"] for row in PRODUCTS[left]]
    (folder / "products.csv").write_text("\n".join(["product_id", *lines]) + "\n")
    with pytest.raises(DeliveryError) as caught:
        load_from(embedded, folder, replace=("products",))
    assert f"--replace products would delete {counted}:" in str(caught.value)
    assert "--yes" in str(caught.value)
    assert content(embedded) == before

    load_from(embedded, folder, replace=("products",), yes=True)
    assert len(rows(embedded, "products")) == len(lines)


def test_of_a_table_without_nodes_the_rows_that_are_not_delivered_count(
    embedded: Place, tmp_path: Path
) -> None:
    undated = [{"customer_id": "c1", "program": p, "since": ""} for p in ("gold", "blue")]
    load_rows(embedded, tmp_path, memberships=undated)
    folder = deliver(tmp_path / "d", memberships=undated[1:])
    with pytest.raises(DeliveryError, match="would delete 1 of 2 memberships: more than 1 %"):
        load_from(embedded, folder, replace=("memberships",))


def test_rows_that_come_again_with_other_nodes_are_not_deleted(
    embedded: Place, tmp_path: Path
) -> None:
    load_rows(embedded, tmp_path, products=PRODUCTS[:100], purchases=BOUGHT[:2])
    folder = deliver(
        tmp_path / "d", products=PRODUCTS[1:100], purchases=[BOUGHT[0] | {"product_id": "p1"}]
    )
    report = load_from(embedded, folder, replace=("products",))
    assert report.deleted == {"products": 1}
    assert [row["product_id"] for row in rows(embedded, "purchases")] == ["p1", "p1"]


def test_an_empty_store_and_the_same_rows_need_no_yes(embedded: Place, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "d", products=PRODUCTS[:3], purchases=BOUGHT[:3])
    for _ in range(2):
        said: list[str] = []
        replace = ("products", "purchases")
        report = load_from(embedded, folder, replace=replace, announce=said.append)
        assert (said, report.deleted) == ([], {})
