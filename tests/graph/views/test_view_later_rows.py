"""Rows dated after the instant, planted in any table, don't change a view."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.snapshots import day, view_from

from followsuit.graph.schema import Col
from followsuit.graph.tables import NODE_TABLES, TABLES
from followsuit.graph.views.view import View

AS_OF = day(10)
END = day(20)
CUSTOMERS = ("ann", "bob", "cas", "kim")
NEWCOMERS = ("new", "zoe")
ADULT, CHILD = date(1985, 3, 2), date(2012, 3, 2)
BORN = {"kim": CHILD, "cas": None}
DATED = tuple(name for name, table in TABLES.items() if table.clock and name != "customers")
COMPUTED = (
    "customers",
    "items",
    "interactions",
    "first_interactions",
    "friendships",
    "memberships",
    "likes",
    "purchase_rows",
    "event_rows",
    "people",
    "offers",
)
FIXED = {
    "products": [{"product_id": name, "sensitive": name == "pill"} for name in ("jam", "pill")],
    "stores": [{"store_id": name} for name in ("jam", "pier")],
    "offers": [
        {"offer_id": "valid", "valid_until": AS_OF + timedelta(days=1)},
        {"offer_id": "later", "valid_from": AS_OF + timedelta(days=1)},
    ],
}
Tables = dict[str, list[dict[str, Any]]]

PAST, FUTURE = st.integers(1, 10).map(day), st.integers(11, 20).map(day)
SOON = st.just(AS_OF + timedelta(microseconds=1))


def rows_of(
    name: str, times: st.SearchStrategy[Any], customers: tuple[str, ...], *granted: bool
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of a table with a clock that run to these times."""
    columns: dict[str, st.SearchStrategy[Any]] = {
        Col.CUSTOMER_ID: st.sampled_from(customers),
        Col.FRIEND_ID: st.sampled_from(customers),
        Col.DIRECTED: st.sampled_from([None, False, True]),
        Col.INTERACTIONS: st.sampled_from([None, 1.0, 5.0]),
        Col.PRODUCT_ID: st.sampled_from(["jam", "pill"]),
        Col.STORE_ID: st.sampled_from(["jam", "pier"]),
        Col.QUANTITY: st.sampled_from([None, -1.0, 2.0]),
        Col.KIND: st.sampled_from(["trip", "view"]),
        Col.INTEREST: st.sampled_from(["go", "tea"]),
        Col.PROGRAM: st.sampled_from(["gold", "tin"]),
        Col.UNTIL: st.none() | PAST | FUTURE,
        Col.CHANNEL: st.just("email"),
        Col.OUTCOME: st.just("accepted"),
        Col.OUTCOME_AT: st.none() | PAST | FUTURE,
        Col.PURPOSE: st.sampled_from(["social_use", "email"]),
        Col.GRANTED: st.sampled_from(granted),
    }
    table = TABLES[name]
    own = {f.name: columns[f.name] for f in table.fields if f.name in columns}
    return st.lists(st.fixed_dictionaries(own | {str(table.clock): times}), max_size=5)


def any_time(name: str) -> st.SearchStrategy[Any]:
    """A time on either side of the instant, or none where the contract allows that."""
    table = TABLES[name]
    times = PAST | FUTURE
    return times if table[str(table.clock)].required else st.none() | times


SHOPS = st.fixed_dictionaries(
    {name: rows_of(name, any_time(name), CUSTOMERS, True, False) for name in DATED}
    | {"joined_at": st.tuples(*(st.none() | PAST | FUTURE for _ in CUSTOMERS))}
)
PLANTS = st.fixed_dictionaries(
    {name: rows_of(name, SOON | FUTURE, CUSTOMERS + NEWCOMERS, True) for name in DATED}
    | {"joined_at": st.tuples(*(SOON | FUTURE for _ in NEWCOMERS))}
    | {"bought_before": rows_of("purchases", PAST, NEWCOMERS)}
)


def customers(names: tuple[str, ...], joined_at: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [
        {"customer_id": name, "joined_at": at, "birth_date": BORN.get(name, ADULT)}
        for name, at in zip(names, joined_at, strict=True)
    ]


def tables_of(shop: dict[str, Any]) -> Tables:
    """The shop as a store would hold it."""
    tables = {name: as_stored(name, shop[name]) for name in DATED}
    return FIXED | tables | {"customers": customers(CUSTOMERS, shop["joined_at"])}


def with_plants(shop: dict[str, Any], plants: dict[str, Any]) -> Tables:
    """The same with the later rows, and with newcomers who bought before they join."""
    tables = {name: as_stored(name, shop[name] + plants[name]) for name in DATED}
    tables["purchases"] += plants["bought_before"]
    newcomers = customers(NEWCOMERS, plants["joined_at"])
    return FIXED | tables | {"customers": customers(CUSTOMERS, shop["joined_at"]) + newcomers}


def as_stored(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each key, the first; an undirected friendship has the smaller id first."""
    table, kept = TABLES[name], {}
    for number, row in enumerate(rows):
        row = dict(row)
        if name == "friendships" and not row[Col.DIRECTED]:
            ends = sorted((row[Col.CUSTOMER_ID], row[Col.FRIEND_ID]))
            row[Col.CUSTOMER_ID], row[Col.FRIEND_ID] = ends
        kept.setdefault(tuple(row.get(column, number) for column in table.key), row)
    return list(kept.values())


def shown(view: View) -> dict[str, Any]:
    """All that a view shows of the customers who had joined."""
    parts: dict[str, Any] = {name: getattr(view, name) for name in COMPUTED}
    parts |= {f"table {name}": view.table(name) for name in TABLES}
    parts["recent"] = view.recent(timedelta(days=3))
    content = {name: records(rows) for name, rows in parts.items() if rows is not None}
    graph = view.friends()
    edges = sorted(map(str, graph.edges(data=True)))
    return content | {"friends": (type(graph), sorted(graph.nodes), edges)}


def records(rows: Any) -> list[str]:
    return sorted(
        str(row)
        for row in rows.to_pyarrow().to_pylist()
        # The tables of the contract are cut by the time of their rows alone.
        if row.get(Col.CUSTOMER_ID) not in NEWCOMERS
    )


CASES = {"shop": SHOPS, "plants": PLANTS, "listed": st.booleans(), "assume": st.booleans()}


@pytest.mark.parametrize("root", [AS_OF, END])
@settings(max_examples=5, deadline=None)
@given(**CASES)
def test_later_rows_change_nothing(
    root: Any, tmp_path_factory: pytest.TempPathFactory, **case: Any
) -> None:
    check(root, tmp_path_factory, **case)


@pytest.mark.nightly
@pytest.mark.parametrize("root", [AS_OF, END])
@settings(max_examples=100, deadline=None)
@given(**CASES)
def test_later_rows_change_nothing_in_many_shops(
    root: Any, tmp_path_factory: pytest.TempPathFactory, **case: Any
) -> None:
    check(root, tmp_path_factory, **case)


def check(
    root: Any,
    folders: pytest.TempPathFactory,
    shop: dict[str, Any],
    plants: dict[str, Any],
    listed: bool,
    assume: bool,
) -> None:
    if root != AS_OF:  # whose consents count
        plants = plants | {"consents": []}
    delivered = NODE_TABLES if listed else ("customers", "offers")
    one, other = (
        view_from(
            folders.mktemp("shop"),
            root,
            assume_consent=assume,
            delivered=delivered,
            **tables,
        ).at(AS_OF)
        for tables in (tables_of(shop), with_plants(shop, plants))
    )
    assert shown(one) == shown(other)
    assert shown(one.shared) == shown(other.shared)
    for view in (one, other):
        view.snapshot.connection.disconnect()
