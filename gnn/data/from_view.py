"""Builds data sets and splits from a view."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import (
    HELD_BACK,
    Attributes,
    Dataset,
    Ints,
    Split,
    hold_back,
    pairs,
)
from followsuit.graph.items import item_key
from followsuit.graph.views.view import SharedView

HORIZON = timedelta(days=28)
"""The default length of the period that a model is validated on."""
_SILENT = 0.1
"""A note warns if the last interaction is more than this share of the horizon before its end."""


class NothingToLearn(FollowsuitError):
    """No interaction is known at the instant as of which a model is fitted."""


class NothingToJudge(FollowsuitError):
    """Nobody had a first interaction in a period that models are validated or tested on."""


def dataset(
    view: SharedView, over: SharedView | None = None, *, interactions_only: bool = False
) -> Dataset:
    """The data set of a view: customers who share their activity, as of its instant.

    - users: the customers, by id
    - items: the items, by kind and id: `product:p1`, `store:s1` (a product and a store may share an
      id)
    - seen: the first interactions
    - friends: the friendships
    - user attributes: `city=`, `interest=` (likes), `program=` (memberships)
    - item attributes: `category=`, `brand=`, `city=` (stores)

    Cities, categories and brands have no date, nor may likes, friendships and memberships. Such
    facts count as always known; `Snapshot.undated` names them.

    Args:
        view: the view.
        over: a later view of the same snapshot, whose users and items the data set gets, so that
            data sets of several instants have the same codes; by default `view`.
        interactions_only: whether to leave out friends and attributes, for models that don't read
            them.
    """
    over = over or view
    users, items = over.customer_codes.ids, over.item_list.codes.ids
    seen = _matrix(view.first_interactions, over)
    if interactions_only:
        nobody = np.empty(0, dtype=np.int64)
        return Dataset(users, items, seen, friends=pairs(nobody, nobody, (len(users),) * 2))
    return Dataset(
        users,
        items,
        seen,
        friends=_friends(view, over),
        user_attributes=_of_users(view, over),
        item_attributes=_of_items(over),
    )


def temporal_split(view: SharedView, as_of: datetime, progress: Progress = silent) -> Split:
    """Split the interactions of a view in time.

    The horizon lasts from `as_of` to the view's instant. The test part has the first interactions
    in the horizon. The validation part has those in a period of the same length before `as_of`.
    Train is all data known before that, including attributes and friendships. The best model config
    is then fitted on all data known at `as_of`.

    Args:
        view: a view at the end of the test period.
        as_of: the start of the test period.
        progress: progress callback.

    Raises:
        NothingToLearn: there is no interaction before the validation period.
        NothingToJudge: there is no first interaction in the validation or the test period.
    """
    horizon = view.as_of - as_of
    start, end = as_of - horizon, view.as_of
    before, now = view.at(start), view.at(as_of)
    with progress("reading interactions and friendships", 2) as advance:
        train = dataset(before, view)
        advance(1)
        known = dataset(now, view)
        advance(1)
    validation = _matrix(before.following(horizon), view)
    test = _matrix(now.following(horizon), view)
    if not train.seen.nnz:
        raise NothingToLearn(
            f"No interaction is known up to {start:%Y-%m-%d} ({known.seen.nnz} up to "
            f"{as_of:%Y-%m-%d}); {_span(view)}. Choose a later --as-of or a shorter --horizon."
        )
    for name, part, first, last in (
        ("validation", validation, start, as_of),
        ("test", test, as_of, end),
    ):
        if not part.nnz:
            raise NothingToJudge(
                f"No customer had a first interaction in the {name} period, after "
                f"{first:%Y-%m-%d} and up to {last:%Y-%m-%d}; {_span(view)}. Choose another "
                "--as-of or a longer --horizon."
            )
    return Split(
        train,
        validation,
        test,
        refit_on_validation=True,
        at_test=known,
        notes=_notes(view, horizon),
    )


def training_split(
    view: SharedView,
    horizon: timedelta,
    seed: int = 0,
    over: SharedView | None = None,
    *,
    interactions_only: bool = False,
) -> Split:
    """Split a view's data to validate on its last days, without a test part.

    If these days have no first interactions, or nothing is known before them, the validation part
    is a random tenth of the first interactions, and a note says so.

    Args:
        view: the view.
        horizon: length of the validation period.
        seed: random seed of the tenth.
        over: see `dataset`.
        interactions_only: see `dataset`.

    Raises:
        NothingToLearn: no interaction is known.
    """
    over = over or view
    known = dataset(view, over, interactions_only=interactions_only)
    if not known.seen.nnz:
        raise NothingToLearn(f"No interaction is known up to {view.as_of:%Y-%m-%d}; {_span(over)}.")
    nobody = np.empty(0, dtype=np.int64)
    nothing = pairs(nobody, nobody, known.seen.shape)
    before = view.at(view.as_of - horizon)
    train = dataset(before, over, interactions_only=interactions_only)
    validation = _matrix(before.following(horizon), over)
    if train.seen.nnz and validation.nnz:
        return Split(train, validation, nothing, refit_on_validation=True, at_test=known)
    kept, held = hold_back(known.seen, HELD_BACK, seed)
    note = (
        f"No interaction is older than the {horizon.days} days up to {view.as_of:%Y-%m-%d}, or "
        "there is no first interaction in them. So a random tenth of the data is used for "
        "validation."
    )
    return Split(known.with_seen(kept), held, nothing, refit_on_validation=True, notes=(note,))


def _notes(view: SharedView, horizon: timedelta) -> tuple[str, ...]:
    """A note if the end of the test period has no first interactions."""
    _, _, last = view.span()
    silence = view.as_of - last if last else timedelta()
    if silence <= horizon * _SILENT:
        return ()
    return (
        f"No customer had a first interaction after {last:%Y-%m-%d}, but the test period lasts "
        f"until {view.as_of:%Y-%m-%d}. Check that the data is complete.",
    )


def _span(view: SharedView) -> str:
    """The number and period of the store's first interactions, as text."""
    count, first, last = view.span()
    if not count:
        return "the store has no purchases or visits of customers who share their activity"
    return f"the store has {count} first interactions from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _matrix(rows: ir.Table, over: SharedView) -> sparse.csr_matrix:
    """(users, items) 1 for each row's customer and item."""
    table = rows.select("customer_id", item=item_key(rows)).to_pyarrow()
    user = over.customer_codes.of(table["customer_id"])
    item = over.item_list.codes.of(table["item"])
    known = (user >= 0) & (item >= 0)
    return pairs(user[known], item[known], (len(over.customer_codes), len(over.item_list)))


def _friends(view: SharedView, over: SharedView) -> sparse.csr_matrix:
    rows = view.friendships.select("customer_id", "friend_id").to_pyarrow()
    codes = over.customer_codes
    return pairs(codes.of(rows["customer_id"]), codes.of(rows["friend_id"]), (len(codes),) * 2)


def _of_users(view: SharedView, over: SharedView) -> Attributes | None:
    named = []
    for kind, rows in _named(view):
        table = rows.filter(rows.value.notnull()).to_pyarrow()
        user = over.customer_codes.of(table["customer_id"])
        values = table["value"].to_numpy(zero_copy_only=False).astype(object)
        named.append((kind, user[user >= 0], values[user >= 0]))
    return _attributes(len(over.customer_codes), named)


def _named(view: SharedView) -> Iterator[tuple[str, ir.Table]]:
    """Kind and rows (`customer_id, value`) of cities, likes and memberships."""
    yield "city", view.customers.select("customer_id", value="city")
    yield "interest", view.likes.select("customer_id", value="interest")
    yield "program", view.memberships.select("customer_id", value="program")


def _of_items(view: SharedView) -> Attributes | None:
    items, every = view.item_list, np.arange(len(view.item_list), dtype=np.int64)
    return _attributes(
        len(items),
        [
            ("category", every, items.category),
            ("brand", every, items.brand),
            ("city", every, items.city),
        ],
    )


def _attributes(rows: int, named: list[tuple[str, Ints, np.ndarray]]) -> Attributes | None:
    """The attributes from (kind, row of each value, values); None if no value is known."""
    row, names = [], []
    for kind, place, value in named:
        known = ~pd.isna(value)
        row.append(place[known])
        names.append(np.array([f"{kind}={v}" for v in value[known]], dtype=object))
    values, column = np.unique(np.concatenate(names).astype(object), return_inverse=True)
    if not len(values):
        return None
    return Attributes(tuple(values), pairs(np.concatenate(row), column, (rows, len(values))))
