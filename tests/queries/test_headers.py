"""The headers of the library, and the parameters that they describe."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from followsuit.graph import schema as g
from followsuit.graph.meta import Meta
from followsuit.graph.query import QueryError
from followsuit.queries.guard import check_query
from followsuit.queries.library import TYPES, LibraryQuery, UnknownQuery, find, library, typed

NAMES = [
    "bought-after-a-friend",
    "bought-together",
    "counts",
    "current-recommendations",
    "customer-record",
    "friends-in-common",
    "friends-recent-purchases",
    "influence-evidence",
    "influencers-of",
    "lapsed-customers",
    "nearest",
    "offers-in-force",
    "top-customers",
    "top-influencers",
    "two-hop-reach",
    "visits-by-city",
]
NOW = datetime(2025, 7, 1, tzinfo=UTC)


def test_the_library_holds_these_queries() -> None:
    assert list(library()) == NAMES


@pytest.fixture(params=NAMES)
def query(request: pytest.FixtureRequest) -> LibraryQuery:
    return find(request.param)


def test_every_parameter_and_column_has_a_known_type(query: LibraryQuery) -> None:
    assert {p.type for p in query.parameters} <= {*TYPES, "days"}
    assert set(query.columns.values()) <= set(TYPES)
    assert query.question.endswith((")", "?"))


def test_every_query_says_whose_data_it_shows(query: LibraryQuery) -> None:
    assert re.search(r"customer|friend|totals", query.shows), query.shows
    assert not query.shows.endswith("."), "the listing adds it"


def test_every_parameter_is_declared_and_used(query: LibraryQuery) -> None:
    declared = [p.name for p in query.parameters] + list(query.given)
    assert sorted(set(re.findall(r"\$(\w+)", query.cypher))) == sorted(declared)


def test_what_is_given_is_a_note_of_the_store_and_no_choice_of_the_caller(
    query: LibraryQuery,
) -> None:
    for name in query.given:
        assert isinstance(getattr(Meta, name), property)
        with pytest.raises(QueryError, match=f"has no parameter {name}"):
            query.bind({name: True}, NOW)


def test_queries_that_read_other_peoples_data_ask_who_shares() -> None:
    given = ("assume_consent", "blocked_customers")
    assert [q.name for q in library().values() if q.given] == [
        "bought-after-a-friend",
        "friends-in-common",
        "friends-recent-purchases",
        "two-hop-reach",
    ]
    assert {q.given for q in library().values() if q.given} == {given}
    assert all("'social_use'" in q.cypher for q in library().values() if q.given)


def test_a_column_may_have_a_meaning() -> None:
    query = find("bought-together")
    assert query.columns["lift"] == "number"
    assert query.meanings["support"] == "customers / customers who bought anything"
    assert set(query.meanings) < set(query.columns)


def test_every_default_is_of_the_type(query: LibraryQuery) -> None:
    needed = {
        p.name: "x" if p.type == "text" else "2025-01-01"
        for p in query.parameters
        if p.default is None
    }
    bound = query.bind(needed, NOW)
    python = {"text": str, "integer": int, "time": datetime, "days": timedelta, "date": date}
    for parameter in query.parameters:
        assert type(bound[parameter.name]) is python[parameter.type]


def test_the_order_names_columns_and_is_that_of_the_cut(query: LibraryQuery) -> None:
    assert query.order
    assert {column for column, _ in query.order} <= set(query.columns)
    if "LIMIT" in query.cypher:
        said = ", ".join(c + (" DESC" if way == "descending" else "") for c, way in query.order)
        assert re.search(rf"ORDER BY {said}\s+LIMIT \$limit\s*$", query.cypher)


def test_every_query_passes_the_guard(query: LibraryQuery) -> None:
    assert "//" not in check_query(query.cypher)


def test_counts_asks_for_exactly_the_schema() -> None:
    query = find("counts")
    assert list(query.columns) == ["kind", "name", "n"]
    asked = re.findall(r"'(node|relationship)' AS kind, '(\w+)' AS name", query.cypher)
    nodes = [("node", n.label) for n in g.NODES]
    assert sorted(asked) == sorted({*nodes, *(("relationship", r.name) for r in g.RELATIONSHIPS)})
    matched = re.findall(r"\(x:(\w+)\)|\[x:`?(\w+)`?\]", query.cypher)
    assert [a or b for a, b in matched] == [name for _, name in asked]


def test_an_unknown_query_lists_the_library() -> None:
    with pytest.raises(UnknownQuery, match=r"no query frends; there are bought-after-a-friend, "):
        find("frends")


# Parameters.


def refusal(name: str, **parameters: Any) -> str:
    with pytest.raises(QueryError) as caught:
        find(name).bind(parameters, NOW)
    return str(caught.value)


def test_a_missing_parameter_is_named_with_its_meaning() -> None:
    assert refusal("two-hop-reach") == (
        "two-hop-reach needs customer_id (the customer): --param customer_id=..."
    )
    assert "needs customer_id" in refusal("two-hop-reach", customer_id=None)


def test_an_unknown_parameter_lists_the_known_ones() -> None:
    assert refusal("bought-together", product="p1") == (
        "bought-together has no parameter product; it has product_id, at_least, limit."
    )
    assert refusal("counts", limit=1) == "counts has no parameter limit; it has none."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "abc"),
        ("limit", "1.5"),
        ("limit", 1.5),
        ("limit", ""),
        ("limit", [1]),
        ("within", "soon"),
        ("within", "-1"),
        ("within", "nan"),
        ("within", "inf"),
        ("within", "1e300"),
        ("within", "36526"),
        ("since", "yesterday"),
        ("since", "2025-13-01"),
        ("since", 20250101.5),
        ("since", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_its_parameter(name: str, value: Any) -> None:
    said = refusal("bought-after-a-friend", **{name: value})
    assert said.startswith(f"The parameter {name} is {value!r}, which isn't a valid ")
    assert " Write " in said


def test_a_negative_limit_is_refused_alike_for_both_engines() -> None:
    assert refusal("top-customers", limit="-1") == "The parameter limit is -1. Write 0 or more."


def test_defaults_are_taken_where_nothing_is_given() -> None:
    assert find("bought-after-a-friend").bind({}, NOW) == {
        "since": datetime(1970, 1, 1, tzinfo=UTC),
        "until": NOW,
        "within": timedelta(days=14),
        "born_by": date(2007, 7, 1),
        "limit": 100,
    }


@pytest.mark.parametrize(
    ("until", "born_by"),
    [
        ("2025-07-01", "2007-07-01"),
        ("2024-02-29", "2006-02-28"),
        ("2025-06-30T23:30:00-01:00", "2007-07-01"),
    ],
)
def test_adults_are_determined_at_until(until: str, born_by: str) -> None:
    given = {"friend_id": "a", "customer_id": "b", "until": until}
    query = find("influence-evidence")
    assert query.bind(given, NOW)["born_by"] == date.fromisoformat(born_by)
    assert query.bind(given | {"born_by": "2010-01-01"}, NOW)["born_by"] == date(2010, 1, 1)


def test_without_now_its_parameters_are_required() -> None:
    with pytest.raises(QueryError, match="offers-in-force needs at"):
        find("offers-in-force").bind({}, None)
    at = datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert find("offers-in-force").bind({"at": at}, None)["at"] == datetime(
        2024, 12, 31, 22, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("text", 7, "7"),
        ("integer", "7", 7),
        ("number", "7.5", 7.5),
        ("boolean", "TRUE", True),
        ("boolean", "0", False),
        ("boolean", True, True),
        ("date", "2025-12-31", date(2025, 12, 31)),
        ("time", "2025-12-31", datetime(2025, 12, 31, tzinfo=UTC)),
        ("time", "2025-12-31T01:00:00+01:00", datetime(2025, 12, 31, tzinfo=UTC)),
        ("days", "1.5", timedelta(hours=36)),
    ],
)
def test_text_is_read_as_the_type_says(kind: str, value: Any, read: Any) -> None:
    assert typed("x", value, kind) == read
    assert type(typed("x", value, kind)) is type(read)


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(QueryError, match=r"^int isn't a parameter type; the types are text, inte"):
        typed("x", "1", "int")
