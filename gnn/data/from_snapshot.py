"""From a snapshot's facts to a data set as of an instant, and to a split at one."""

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
from followsuit.graph import tables as t
from followsuit.graph.facts import SharedFacts
from followsuit.graph.schema import Col

HORIZON = timedelta(days=28)
"""How long before a day the acts lie that a model for it is chosen on."""
_SILENT = 0.1
"""Share of the test period without a new act at its end from which on a note asks why."""


class NothingToLearn(FollowsuitError):
    """No act is known by the day on which a model would have to be fitted."""


class NothingToJudge(FollowsuitError):
    """Nobody took anything new in a period that models are chosen or judged on."""


def dataset(facts: SharedFacts, as_of: datetime) -> Dataset:
    """What a snapshot's facts tell as of an instant.

    - users: all customers of `facts`, by its codes: those who share their activity
    - items: all items of `facts`, by its codes. A product and a store may share an id, so the kind
      stands before it: `product:p1`, `store:s1`
    - taken: who had bought or visited what
    - friends: the ties there were, of friends who had joined
    - user attributes: `city=`, `interest=` (likes), `program=` (memberships in force) of those who
      had joined; item attributes: `category=`, `brand=`, `city=` (stores)

    Cities, categories, brands, and likes, ties and memberships without a date count as having
    always been; `Snapshot.undated` names them.
    """
    return Dataset(
        users=facts.customers,
        items=np.array(
            [f"{k}:{i}" for k, i in zip(facts.items.kind, facts.items.id, strict=True)],
            dtype=object,
        ),
        seen=_taken(facts, facts.firsts["at"] <= as_of),
        friends=_friends(facts, as_of),
        user_attributes=_of_users(facts, as_of),
        item_attributes=_of_items(facts),
    )


def temporal_split(
    facts: SharedFacts, as_of: datetime, horizon: timedelta, progress: Progress = silent
) -> Split:
    """Split a snapshot's acts in time.

    Test is what each customer took for the first time in (as_of, as_of + horizon], validation in
    (as_of - horizon, as_of]; train is all that was known before, attributes and ties too. What is
    chosen is then fitted on all that was known by `as_of`.

    Raises:
        NothingToLearn: no act is as old as train.
        NothingToJudge: no first act falls into the validation or the test period.
    """
    start, end = as_of - horizon, as_of + horizon
    with progress("acts and ties", 2) as advance:
        train = dataset(facts, start)
        advance(1)
        known = dataset(facts, as_of)
        advance(1)
    validation, test = _first_acts(facts, start, as_of), _first_acts(facts, as_of, end)
    if not train.seen.nnz:
        raise NothingToLearn(
            f"No act is known up to {start:%Y-%m-%d} ({known.seen.nnz} up to {as_of:%Y-%m-%d}); "
            f"{_span(facts)}. Choose a later --as-of or a shorter --horizon."
        )
    for name, part, first, last in (
        ("validation", validation, start, as_of), ("test", test, as_of, end),
    ):  # fmt: skip
        if not part.nnz:
            raise NothingToJudge(
                f"Nobody took anything new in the {name} period, after {first:%Y-%m-%d} and up to "
                f"{last:%Y-%m-%d}; {_span(facts)}. Choose another --as-of or a longer --horizon."
            )
    last = _times(facts)[2]
    note = (
        f"Nobody took anything new after {last:%Y-%m-%d}, yet the test period lasts until "
        f"{end:%Y-%m-%d}: does the data reach so far?"
    )
    return Split(
        train, validation, test, refit_on_validation=True, at_test=known,
        notes=(note,) if end - last > horizon * _SILENT else (),
    )  # fmt: skip


def training_split(facts: SharedFacts, as_of: datetime, horizon: timedelta, seed: int = 0) -> Split:
    """What was known at an instant, split to choose on its last days; the test part is empty.

    Where nothing was known before these days, or nothing new was taken in them, a random tenth of
    what is known is chosen on, and a note says so.

    Raises:
        NothingToLearn: no act is known.
    """
    start = as_of - horizon
    known = dataset(facts, as_of)
    if not known.seen.nnz:
        raise NothingToLearn(f"No act is known up to {as_of:%Y-%m-%d}; {_span(facts)}.")
    nobody = np.empty(0, dtype=np.int64)
    nothing = pairs(nobody, nobody, known.seen.shape)
    train, validation = dataset(facts, start), _first_acts(facts, start, as_of)
    if train.seen.nnz and validation.nnz:
        return Split(train, validation, nothing, refit_on_validation=True, at_test=known)
    kept, held = hold_back(known.seen, HELD_BACK, seed)
    note = (
        f"Nothing is known from before the {horizon.days} days up to {as_of:%Y-%m-%d}, or nothing "
        "new was taken in them: the model is chosen on a random tenth of what is known."
    )
    return Split(known.with_seen(kept), held, nothing, refit_on_validation=True, notes=(note,))


def _first_acts(facts: SharedFacts, start: datetime, end: datetime) -> sparse.csr_matrix:
    """What customers took for the first time in (start, end]."""
    at = facts.firsts["at"]
    return _taken(facts, (at > start) & (at <= end))


def _span(facts: SharedFacts) -> str:
    count, first, last = _times(facts)
    if not count:
        return "the store has no purchases or visits of customers who share their activity"
    return f"the store's {count} first acts are of {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _times(facts: SharedFacts) -> tuple[int, pd.Timestamp, pd.Timestamp]:
    """How many first acts there are, and when the first and the last of them were."""
    acts = facts.firsts
    found = acts.aggregate(n=acts.count(), a=acts["at"].min(), b=acts["at"].max()).execute()
    count, first, last = found.iloc[0]
    return int(count), first, last


def _taken(facts: SharedFacts, when: ir.BooleanValue) -> sparse.csr_matrix:
    rows = facts.firsts.filter(when).select("customer", "item").to_pyarrow()
    shape = (len(facts.customers), len(facts.items.id))
    return pairs(rows["customer"].to_numpy(), rows["item"].to_numpy(), shape)


def _friends(facts: SharedFacts, as_of: datetime) -> sparse.csr_matrix:
    ties = facts.ties
    ties = ties.filter(ties.since.isnull() | (ties.since <= as_of))
    rows = ties.select("customer", "friend").to_pyarrow()
    customer, friend = rows["customer"].to_numpy(), rows["friend"].to_numpy()
    known = facts.among(facts.people(as_of))
    kept = (customer != friend) & known[friend]
    return pairs(customer[kept], friend[kept], (len(facts.customers),) * 2)


def _of_users(facts: SharedFacts, as_of: datetime) -> Attributes | None:
    codes = pd.Index(facts.customers)
    named = []
    for kind, column, rows in _said(facts, as_of):
        found = rows.select(id=rows[Col.CUSTOMER_ID], value=rows[column]).execute().dropna()
        customer = codes.get_indexer(found.id)
        kept = customer >= 0
        named.append((kind, customer[kept], found.value.to_numpy(dtype=object)[kept]))
    return _attributes(len(codes), named)


def _said(facts: SharedFacts, as_of: datetime) -> Iterator[tuple[str, str, ir.Table]]:
    """Kind, column and rows of what customers were known to live in, like and hold."""
    then = facts.snapshot.at(as_of)
    held = then.table(t.MEMBERSHIPS)
    yield "city", Col.CITY, then.table(t.CUSTOMERS)
    yield "interest", Col.INTEREST, then.table(t.LIKES)
    yield "program", Col.PROGRAM, held.filter(held.until.isnull() | (held.until > as_of))


def _of_items(facts: SharedFacts) -> Attributes | None:
    items, every = facts.items, np.arange(len(facts.items.id), dtype=np.int64)
    of_city = np.flatnonzero(items.city >= 0)
    stores = facts.snapshot.connection.table(t.STORES.name)
    city = stores.select("store_id", "city").execute().set_index("store_id").city
    return _attributes(
        len(every),
        [
            ("category", every, items.category_names(every)),
            ("brand", every, items.brand),
            ("city", of_city, city.reindex(items.id[of_city]).to_numpy(dtype=object)),
        ],
    )


def _attributes(rows: int, named: list[tuple[str, Ints, np.ndarray]]) -> Attributes | None:
    """The matrix of (kind, row of each value, values); None where no value is known."""
    row, names = [], []
    for kind, place, value in named:
        known = ~pd.isna(value)
        row.append(place[known])
        names.append(np.array([f"{kind}={v}" for v in value[known]], dtype=object))
    values, column = np.unique(np.concatenate(names).astype(object), return_inverse=True)
    if not len(values):
        return None
    return Attributes(tuple(values), pairs(np.concatenate(row), column, (rows, len(values))))
