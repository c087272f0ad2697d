"""Mapping a shop's tables out and back gives the same rows, whatever format it writes."""

import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.foreign import Format, Row, formats, unambiguous, write_contract, write_foreign
from support.loading import load_from, rows

from followsuit.testing.places import Place

LETTERS = "abzÄßé019.,;|\"'-_/%{}"
WORDS = st.lists(st.text(LETTERS, min_size=1, max_size=5), min_size=1, max_size=3).map(" ".join)
TEXTS = st.none() | WORDS
TIMES = (
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001
    .map(lambda at: at.replace(second=0, microsecond=0, tzinfo=UTC))
    .filter(unambiguous)
)
AMOUNTS = st.integers(-(10**11), 10**11)
IDS = [f"K-{n}" for n in (1, 7, 10, 110)]
PRODUCTS = ["007", "x y", "ü;1", "12.0", '6" nail']


def some(rows_: st.SearchStrategy[Row]) -> st.SearchStrategy[list[Row]]:
    return st.lists(rows_, min_size=1, max_size=4)


def row(**columns: Any) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries(columns)


@st.composite
def shops(draw: st.DrawFn) -> dict[str, list[Row]]:
    """The rows of a shop in the contract's columns, as Python values."""
    people = [
        {"customer_id": id_, "email": f"{id_}@Example.com"}
        | draw(
            row(
                name=TEXTS,
                birth_date=st.none() | st.dates(date(1920, 1, 1), date(2015, 1, 1)),
                city=TEXTS,
                joined_at=st.none() | TIMES,
            )
        )
        for id_ in IDS
    ]
    goods = [
        {"product_id": id_}
        | draw(row(name=TEXTS, price=st.none() | AMOUNTS.map(abs), sensitive=st.booleans()))
        for id_ in PRODUCTS
    ]
    customer, product = st.sampled_from(IDS), st.sampled_from(PRODUCTS)
    bought = row(
        customer_id=customer,
        product_id=product,
        at=TIMES,
        quantity=st.none() | st.integers(-400, 400).map(lambda n: n / 4),
        amount=st.none() | AMOUNTS,
        currency=st.sampled_from([None, "EUR"]),
        channel=st.sampled_from([None, "web", "shop", "app"]),
    )
    answered = row(
        customer_id=customer,
        purpose=st.sampled_from(["email", "social_use", "contact"]),
        granted=st.booleans(),
        at=TIMES,
    )
    known = row(customer_id=customer, friend_id=customer, since=st.none() | TIMES)
    return {
        "customers": people,
        "products": goods,
        "purchases": draw(some(bought)),
        "consents": draw(some(answered)),
        "friendships": draw(some(known.filter(lambda r: r["customer_id"] != r["friend_id"]))),
    }


def assert_same(tables: dict[str, list[Row]], form: Format) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        direct, mapped = (Place(str(folder / f"{n}.lbug")) for n in ("direct", "mapped"))
        expected = load_from(
            direct, write_contract(folder / "direct", tables), {"purchases": {"returns": True}}
        )
        mapping = write_foreign(folder / "foreign", tables, form)
        report = load_from(mapped, folder / "foreign", mapping)
        assert report.reasons == expected.reasons == []
        for table, counts in report.tables.items():
            assert counts.filtered == (len(tables[table]) if form.junk else 0)
            assert counts.loaded == expected.tables[table].loaded
            assert rows(mapped, table) == rows(direct, table), table


SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=10, **SLOW)
@given(shops(), formats())
def test_mapping_a_table_out_and_back_gives_the_same_rows(
    tables: dict[str, list[Row]], form: Format
) -> None:
    assert_same(tables, form)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@settings(max_examples=300, **SLOW)
@given(shops(), formats())
def test_mapping_many_tables_out_and_back_gives_the_same_rows(
    tables: dict[str, list[Row]], form: Format
) -> None:
    assert_same(tables, form)
