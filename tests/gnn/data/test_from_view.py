"""A view as a data set, and its split in time."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from support.snapshots import day, view_from

from followsuit.gnn.data.dataset import Attributes, Dataset, Split
from followsuit.gnn.data.from_view import (
    NothingToJudge,
    NothingToLearn,
    dataset,
    temporal_split,
    training_split,
)
from followsuit.graph.views.view import SharedView

WEEK = timedelta(days=7)
AS_OF = day(15)
Rows = list[dict[str, Any]]


def rows(columns: str, *values: tuple[Any, ...]) -> Rows:
    return [dict(zip(columns.split(), row, strict=True)) for row in values]


def bought(*values: tuple[Any, ...]) -> Rows:
    return rows("customer_id product_id at", *values)


def shop() -> dict[str, Rows]:
    adult, child = date(1985, 3, 2), date(2012, 3, 2)
    return {
        "customers": rows(
            "customer_id birth_date city joined_at",
            ("ann", adult, "Ulm", None),
            ("bob", adult, "Ulm", day(12)),
            ("cas", adult, None, None),
            ("kim", child, "Bonn", None),
        ),
        "products": rows(
            "product_id category brand sensitive",
            ("1", "food", "Acme", False),
            ("jam", None, None, False),
            ("pill", "health", None, True),
        ),
        "stores": rows("store_id category city", ("1", "food", "Kiel"), ("2", None, None)),
        "friendships": rows(
            "customer_id friend_id since directed",
            ("ann", "bob", day(10), False),
            ("ann", "cas", None, True),
            ("ann", "kim", None, False),
        ),
        "purchases": bought(
            ("ann", "1", day(2)),
            ("ann", "1", day(20)),
            ("ann", "jam", day(14)),
            ("ann", "pill", day(2)),
            ("bob", "jam", day(18)),
            ("kim", "jam", day(2)),
        ),
        "visits": rows("customer_id store_id at", ("cas", "1", day(3)), ("cas", "2", AS_OF + WEEK)),
        "likes": rows("customer_id interest at", ("cas", "Go", day(12)), ("kim", "Lego", None)),
        "memberships": rows(
            "customer_id program since until",
            ("ann", "Gold", day(1), day(12)),
            ("cas", "Gold", day(1), None),
        ),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def view(
    folder: Path, as_of: datetime = AS_OF, *, assume_consent: bool = True, **changed: Rows
) -> SharedView:
    """The view as of an instant, of customers who share their activity as of day 60."""
    tables = shop() | changed
    whole = view_from(folder, day(60), assume_consent=assume_consent, **tables)
    return whole.shared.at(as_of)


def split(
    folder: Path, as_of: datetime = AS_OF, horizon: timedelta = WEEK, **changed: Rows
) -> Split:
    return temporal_split(view(folder, as_of + horizon, **changed), as_of)


def taken(data: Dataset, matrix: sparse.csr_matrix) -> set[tuple[str, str]]:
    return {(data.users[u], data.items[i]) for u, i in zip(*matrix.nonzero(), strict=True)}


def ties(data: Dataset) -> set[tuple[str, str]]:
    return {(data.users[u], data.users[f]) for u, f in zip(*data.friends.nonzero(), strict=True)}


def said(ids: np.ndarray, known: Attributes | None) -> set[tuple[str, str]]:
    assert known is not None
    return {(ids[r], known.names[v]) for r, v in zip(*known.matrix.nonzero(), strict=True)}


def test_a_product_and_a_store_of_one_id_stay_two_items(folder: Path) -> None:
    data = dataset(view(folder))
    assert data.users.tolist() == ["ann", "bob", "cas"]
    assert data.items.tolist() == ["product:1", "store:1", "store:2", "product:jam"]


def test_seen_items_are_those_bought_or_visited_by_then(folder: Path) -> None:
    data = dataset(view(folder))
    assert taken(data, data.seen) == {
        ("ann", "product:1"),
        ("ann", "product:jam"),
        ("cas", "store:1"),
    }
    earlier = dataset(view(folder, day(2)))
    assert taken(earlier, earlier.seen) == {("ann", "product:1")}


@pytest.mark.parametrize("joined_at", [None, day(40)])
def test_a_minor_is_not_there_nor_are_their_attributes(
    folder: Path, joined_at: datetime | None
) -> None:
    customers = [
        row | {"joined_at": joined_at} if row["customer_id"] == "kim" else row
        for row in shop()["customers"]
    ]
    data = dataset(view(folder, customers=customers))
    assert "kim" not in data.users
    assert "interest=Lego" not in (data.user_attributes or Attributes((), data.seen)).names
    assert "city=Bonn" not in (data.user_attributes or Attributes((), data.seen)).names


def test_ties_are_those_that_there_were_and_run_as_acts_do(folder: Path) -> None:
    assert ties(dataset(view(folder, day(9)))) == {("ann", "cas")}
    # Bob isn't a friend, nor has he any, before he has joined.
    assert ties(dataset(view(folder, day(11)))) == {("ann", "cas")}
    assert ties(dataset(view(folder, day(12)))) == {("ann", "cas"), ("ann", "bob"), ("bob", "ann")}


def test_only_customers_who_share_are_there(folder: Path) -> None:
    consents = rows(
        "customer_id purpose granted at",
        ("bob", "social_use", True, day(1)),
        ("cas", "social_use", True, day(1)),
        ("cas", "social_use", False, day(40)),
    )
    data = dataset(view(folder, assume_consent=False, consents=consents))
    assert data.users.tolist() == ["bob"]
    assert taken(data, data.seen) == ties(data) == set()


def test_attributes_are_those_known_at_the_time(folder: Path) -> None:
    early, late = dataset(view(folder, day(11))), dataset(view(folder, day(12)))
    assert said(early.users, early.user_attributes) == {
        ("ann", "city=Ulm"),
        ("ann", "program=Gold"),
        ("cas", "program=Gold"),
    }
    assert said(late.users, late.user_attributes) == {
        ("ann", "city=Ulm"),
        ("bob", "city=Ulm"),
        ("cas", "interest=Go"),
        ("cas", "program=Gold"),
    }
    assert said(late.items, late.item_attributes) == {
        ("product:1", "category=food"),
        ("product:1", "brand=Acme"),
        ("store:1", "category=food"),
        ("store:1", "city=Kiel"),
    }


def test_a_shop_of_which_nothing_else_is_known_has_no_attributes(folder: Path) -> None:
    bare = {"customers": rows("customer_id", ("ann",)), "products": rows("product_id", ("1",))}
    empty: dict[str, Rows] = {"stores": [], "visits": [], "friendships": [], "likes": []}
    data = dataset(view(folder, memberships=[], **bare, **empty))
    assert data.user_attributes is None
    assert data.item_attributes is None
    assert data.friends.nnz == 0


def test_the_parts_of_a_split_follow_each_other_in_time(folder: Path) -> None:
    parts = split(folder)
    data = parts.train
    assert taken(data, data.seen) == {("ann", "product:1"), ("cas", "store:1")}
    assert taken(data, parts.validation) == {("ann", "product:jam")}
    # Ann's second purchase of a product isn't a first interaction. The last instant counts.
    assert taken(data, parts.test) == {("bob", "product:jam"), ("cas", "store:2")}
    assert taken(data, parts.masked) == taken(data, parts.known.seen)


def test_if_the_data_ends_before_the_test_period_a_note_says_so(folder: Path) -> None:
    assert split(folder).notes == ()
    (note,) = split(folder, horizon=timedelta(days=8)).notes
    last, end = AS_OF + WEEK, AS_OF + timedelta(days=8)
    assert f"first interaction after {last:%Y-%m-%d}" in note
    assert f"lasts until {end:%Y-%m-%d}. Check that the data is complete." in note


def test_train_knows_the_ties_of_its_day_and_the_final_fit_those_of_its_own(folder: Path) -> None:
    parts = split(folder)
    assert ties(parts.train) == {("ann", "cas")}
    assert ties(parts.known) == {("ann", "cas"), ("ann", "bob"), ("bob", "ann")}
    assert ("cas", "interest=Go") not in said(parts.train.users, parts.train.user_attributes)
    assert ("cas", "interest=Go") in said(parts.known.users, parts.known.user_attributes)
    assert parts.refit_on_validation


def test_what_comes_later_changes_nothing_but_the_test_part(folder: Path) -> None:
    later = AS_OF + timedelta(seconds=1)
    planted = {
        "purchases": shop()["purchases"] + bought(("bob", "1", later)),
        "visits": shop()["visits"] + rows("customer_id store_id at", ("bob", "1", later)),
        "friendships": shop()["friendships"]
        + rows("customer_id friend_id since directed", ("bob", "cas", later, False)),
        "likes": shop()["likes"] + rows("customer_id interest at", ("bob", "Go", later)),
        "memberships": shop()["memberships"]
        + rows("customer_id program since until", ("bob", "Gold", later, None)),
    }
    plain = split(folder / "a")
    other = split(folder / "b", **planted)
    for one, two in ((plain.train, other.train), (plain.known, other.known)):
        assert taken(one, one.seen) == taken(two, two.seen)
        assert ties(one) == ties(two)
        assert said(one.users, one.user_attributes) == said(two.users, two.user_attributes)
    assert taken(plain.train, plain.validation) == taken(other.train, other.validation)
    more = taken(other.train, other.test) - taken(plain.train, plain.test)
    assert more == {("bob", "product:1"), ("bob", "store:1")}


def test_nothing_to_learn_from_says_from_when_the_acts_are(folder: Path) -> None:
    with pytest.raises(NothingToLearn, match=r"up to 2025-01-01 .*2025-01-02 to .*later --as-of"):
        split(folder, day(8))


@pytest.mark.parametrize(
    ("as_of", "part"), [(day(12), "validation"), (day(40), "validation"), (day(22, 1), "test")]
)
def test_an_empty_period_is_named_with_its_days(folder: Path, as_of: Any, part: str) -> None:
    with pytest.raises(NothingToJudge, match=rf"{part} period, after .*2025-01-02 to 2025-01-22"):
        split(folder, as_of)


def test_before_all_data_the_message_says_when_there_is_data(folder: Path) -> None:
    early = day(1) - 52 * WEEK
    with pytest.raises(NothingToLearn, match="first interactions from 2025-01-02 to 2025-01-22"):
        split(folder, early)
    with pytest.raises(NothingToLearn, match="first interactions from 2025-01-02 to 2025-01-22"):
        training_split(view(folder, early), WEEK)


def test_a_store_without_any_act_says_so(folder: Path) -> None:
    with pytest.raises(NothingToLearn, match="no purchases or visits of customers who share"):
        split(folder, purchases=[], visits=[])
