"""Random small shops and random triggers over the whole grammar."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "America/Havana",
    "Nowhere/Land",
    None,
)
INSTANTS = tuple(
    datetime.fromisoformat(f"{text}+00:00")
    for text in (
        "2024-02-28T00:00:00",
        "2024-02-29T12:30:00",
        "2023-02-28T00:00:00",
        "2023-02-27T23:00:00",
        "2023-03-01T00:00:00",
        "2024-03-31T00:30:00",
        "2024-12-31T23:59:59.999999",
        "2025-01-01T00:00:00",
        "2025-06-15T22:00:00",
    )
)
"""Days before and after a leap day, changes of clocks, the turn of a year, plain days."""
WINDOWS = ("12h", "1d", "2d", "3d", "7d", "1w", "14d", "21d")

PEOPLE = ("ann", "bob", "cas")
PRODUCTS = ("tea", "pot", "hat", "pill")
STORES = ("mall", "shop", "den")
CITIES = ("Rom", "Ulm", "Ys")
KINDS = ("click", "trip", "purchase")
WORDS = ("red", "blue", "12", "true")

_microsecond = timedelta(microseconds=1)


@st.composite
def shops(draw: st.DrawFn, as_of: datetime) -> Tables:
    """The tables of a shop around an instant; few values, so that many are equal."""
    times = instants(as_of)
    some = st.lists
    return {
        "customers": [draw(_customer(each, as_of)) for each in PEOPLE],
        "products": [draw(_product(each)) for each in PRODUCTS],
        "stores": [draw(_store(each)) for each in STORES],
        "purchases": _numbered(
            "purchase_id", draw(some(_purchase(times), min_size=8, max_size=16))
        ),
        "visits": _numbered("visit_id", draw(some(_visit(times), min_size=3, max_size=6))),
        "events": _numbered("event_id", draw(some(_event(times), min_size=8, max_size=16))),
        "likes": _unique(
            draw(some(_like(times), min_size=2, max_size=5)), "customer_id", "interest"
        ),
        "memberships": _unique(
            draw(some(_membership(times), min_size=2, max_size=6)),
            "customer_id",
            "program",
            "since",
        ),
        "contacts": _numbered("contact_id", draw(some(_contact(times), max_size=3))),
        "friendships": _unique(
            [row for row in draw(some(_friendship(times), min_size=3, max_size=6)) if row],
            "customer_id",
            "friend_id",
        ),
        "consents": _unique(
            draw(some(_consent(times), min_size=3, max_size=9)),
            *("customer_id", "purpose", "at", "granted"),
        ),
        "sensitive_values": draw(
            st.sampled_from(
                [[], [{"table": "events", "value": "Trip"}, {"table": "stores", "value": "den"}]]
            )
        ),
        "offers": [{"offer_id": "deal"}],
    }


def instants(as_of: datetime) -> st.SearchStrategy[datetime]:
    """Instants around the edges of the windows that end at an instant."""
    hours = [0, 0, 1, 12, 24, 48, 72, 168, 336, 500]
    # Rows of the future are rare.
    edges = st.builds(
        lambda hours, step: as_of - timedelta(hours=hours) + step * _microsecond,
        st.sampled_from(hours),
        st.sampled_from((-1, 0, 0, 1)),
    )
    back = st.integers(-3600, 9 * 86_400).map(lambda s: as_of - timedelta(seconds=s))
    return st.one_of(edges, back)


def _maybe(values: Any) -> st.SearchStrategy[Any]:
    """A value, or often enough none."""
    choice = values if isinstance(values, st.SearchStrategy) else st.sampled_from(values)
    return st.one_of(choice, choice, st.none())


long_ago = st.just(datetime(2020, 1, 1, tzinfo=UTC))


def _minor(as_of: datetime) -> st.SearchStrategy[date]:
    return st.just(as_of.date().replace(year=as_of.year - 5, day=1))


def _customer(name: str, as_of: datetime) -> st.SearchStrategy[dict[str, Any]]:
    near = st.integers(-9, 9).map(lambda days: (as_of + timedelta(days=days)).date())
    born = st.one_of(
        near.map(lambda day: day.replace(year=day.year - 30, day=min(day.day, 28))),
        st.just(date(1988, 2, 29)),
        st.just(date(1970, 12, 31)),
    )
    attributes = st.one_of(
        st.none(),
        near.map(lambda day: json.dumps({"renewal": day.isoformat()})),
    )
    return st.fixed_dictionaries(
        {
            "customer_id": st.just(name),
            "birth_date": st.one_of(born, born, _maybe(_minor(as_of))),
            "city": _maybe(CITIES),
            "joined_at": st.one_of(st.none(), long_ago, instants(as_of)),
            "timezone": st.sampled_from(ZONES),
            "attributes": attributes,
        }
    )


def _attributes() -> st.SearchStrategy[str | None]:
    kept = st.dictionaries(st.sampled_from(("size", "color", "city")), st.sampled_from(WORDS))
    return _maybe(kept.map(lambda each: json.dumps(each) if each else None))


def _product(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "product_id": st.just(name),
            "category": _maybe(("drinks", "wear")),
            "brand": _maybe(("Marina", "Acme")),
            "price": _maybe((500, 1200, 1250)),
            "sensitive": st.just(name == "pill"),
            "attributes": _attributes(),
        }
    )


def _store(name: str) -> st.SearchStrategy[dict[str, Any]]:
    placed = st.sampled_from(((50.0, 8.0), (50.5, 8.0), (50.0, 9.0), (-17.0, 179.95)))
    return st.builds(
        lambda at, row: {**row, "latitude": at and at[0], "longitude": at and at[1]},
        _maybe(placed),
        st.fixed_dictionaries(
            {
                "store_id": st.just(name),
                "category": _maybe(("drinks", "wear")),
                "city": _maybe(CITIES),
            }
        ),
    )


def _purchase(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(PEOPLE),
            "product_id": st.sampled_from(PRODUCTS),
            "store_id": _maybe(STORES),
            "at": times,
            "quantity": st.sampled_from((1.0, 1.0, 2.0, None, -1.0)),
            "amount": st.sampled_from((1000, 250, 1250, None, -1000)),
            "currency": st.sampled_from(("EUR", "EUR", "USD", None)),
            "channel": _maybe(("web", "store")),
        }
    )


def _visit(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(PEOPLE),
            "store_id": st.sampled_from(STORES),
            "at": times,
        }
    )


def _event(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict[str, Any]]:
    places = ((50.0, 8.01), (50.49, 8.0), (-17.0, -179.95), (None, None))
    return st.builds(
        lambda at, row: {**row, "latitude": at[0], "longitude": at[1]},
        st.sampled_from(places),
        st.fixed_dictionaries(
            {
                "customer_id": st.sampled_from(PEOPLE),
                "kind": st.sampled_from(("click", "click", "trip", "purchase")),
                "at": times,
                "product_id": _maybe(PRODUCTS),
                "store_id": _maybe(STORES),
                "city": _maybe(CITIES),
                "value": _maybe((1.0, 2.5, 4.0)),
                "attributes": _attributes(),
            }
        ),
    )


def _like(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(PEOPLE),
            "interest": st.sampled_from(("jazz", "golf")),
            "at": _maybe(times),
        }
    )


def _membership(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(PEOPLE),
            "program": st.sampled_from(("gold", "blue")),
            "since": _maybe(times),
            "until": st.one_of(st.none(), times),
        }
    )


def _contact(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(PEOPLE),
            "offer_id": st.just("deal"),
            "channel": st.sampled_from(("email", "sms")),
            "at": times,
        }
    )


def _friendship(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict[str, Any] | None]:
    def row(ends: tuple[str, str], directed: bool, **more: Any) -> dict[str, Any] | None:
        one, other = ends if directed else sorted(ends)
        return {"customer_id": one, "friend_id": other, "directed": directed, **more}

    return st.builds(
        row,
        st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)),
        st.booleans(),
        since=_maybe(times),
        interactions=_maybe((0.0, 4.0, 20.0)),
    )


def _consent(times: st.SearchStrategy[datetime]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(PEOPLE),
            "purpose": st.just("social_use"),
            "granted": st.sampled_from((True, True, True, False)),
            "at": st.one_of(long_ago, long_ago, times),
        }
    )


def _numbered(name: str, rows: Rows) -> Rows:
    return [{name: f"{number:03}", **row} for number, row in enumerate(rows)]


def _unique(rows: Rows, *key: str) -> Rows:
    return list({tuple(row.get(name) for name in key): row for row in rows}.values())


# Triggers

_numbers = st.sampled_from((1, 2, 3, 5, 10, 12.5))


@st.composite
def bounds(draw: st.DrawFn) -> dict[str, Any]:
    """A least number, a greatest one or both."""
    low, high = sorted((draw(_numbers), draw(_numbers)))
    return draw(
        st.sampled_from(({"at_least": low}, {"at_most": high}, {"at_least": low, "at_most": high}))
    )


def _match(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    value = st.sampled_from(values)
    return st.one_of(value, st.lists(value, min_size=1, max_size=2))


_kept = st.one_of(_match((*WORDS, 12, True)), bounds())
_item = {
    "category": _match(("drinks", "wear")),
    "product.category": _match(("drinks", "wear")),
    "brand": _match(("Marina", "Acme")),
    "price": st.one_of(_match((5, 12, 12.5)), bounds()),
    "product.price": bounds(),
    "product.color": _match(WORDS),
    "size": _kept,
    "color": _kept,
    "product_id": _match(PRODUCTS),
    "store_id": _match(STORES),
    "store.category": _match(("drinks", "wear")),
    "store.city": _match(CITIES),
}
_WHERE: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "purchase": {
        **_item,
        "channel": _match(("web", "store")),
        "currency": _match(("EUR", "usd")),
        "amount": st.one_of(_match((10, 12.5)), bounds()),
        "quantity": bounds(),
        "city": _match((*CITIES, "red")),
    },
    "event": {**_item, "value": st.one_of(_match((1, 2.5)), bounds()), "city": _match(CITIES)},
    "visit": {"store_id": _match(STORES), "category": _match(("drinks", "wear"))},
    "like": {"interest": _match(("jazz", "golf"))},
    "join": {"program": _match(("gold", "blue"))},
    "contact": {"channel": _match(("email", "SMS"))},
}
_kinds = st.sampled_from(
    (*("purchase", "click") * 2, "visit", "like", "join", "contact", "trip", "event:purchase")
)


def _family(kind: str) -> str:
    return kind if kind in _WHERE else "event"


@st.composite
def did(draw: st.DrawFn, same: str | None) -> dict[str, Any]:
    """A condition on what the customer did, maybe about the same thing as others."""
    kinds = _kinds if same is None else st.sampled_from(_ABOUT[same])
    condition: dict[str, Any] = {"did": draw(kinds)}
    family = _family(condition["did"])
    _add_where(draw, condition, family)
    if same is not None:
        condition["same"] = same
    match draw(st.sampled_from(("within", "within", "within", "since", "ever"))):
        case "within":
            condition["within"] = draw(st.sampled_from(WINDOWS))
        case "since":
            nth, of = draw(st.integers(1, 2)), draw(_kinds)
            condition["since"] = {"nth_last": nth, "of": of}
    match draw(st.sampled_from(("plain", "plain", "plain", "count", "none", "sum", "place"))):
        case "count":
            condition |= draw(
                st.sampled_from(
                    (
                        {"at_least": 2},
                        {"at_most": 1},
                        {"at_least": 0, "at_most": 1},
                        {"at_least": 1, "at_most": 2},
                        {"at_least": 0},
                    )
                )
            )
        case "none":
            condition["none"] = True
        case "sum" if family in ("purchase", "event"):
            columns = {"purchase": ("amount", "quantity", "price"), "event": ("value", "size")}
            condition["sum"] = draw(st.sampled_from(columns[family]))
            least, most = draw(st.sampled_from(((5, None), (-3, 12), (None, 10), (None, -2))))
            condition |= {} if least is None else {"at_least": least}
            condition |= {} if most is None else {"at_most": most}
        case "place" if family == "event":
            condition |= draw(st.sampled_from(({"away": True}, {"near_store_km": 5})))
        case "place" if family in ("purchase", "visit"):
            condition["away"] = True
    return condition


def _add_where(draw: st.DrawFn, condition: dict[str, Any], family: str) -> None:
    if draw(st.integers(0, 2)) == 0:
        name = draw(st.sampled_from(sorted(_WHERE[family])))
        condition["where"] = {name: draw(_WHERE[family][name])}


@st.composite
def friend_did(draw: st.DrawFn, same: str | None) -> dict[str, Any]:
    """A condition on what friends did."""
    kinds = ("purchase", "purchase", "visit", "like", "join", "click")
    condition: dict[str, Any] = {
        "friend_did": draw(st.sampled_from(kinds if same is None else _ABOUT[same]))
    }
    _add_where(draw, condition, _family(condition["friend_did"]))
    if draw(st.integers(0, 3)):
        condition["within"] = draw(st.sampled_from(WINDOWS))
    if same is not None:
        condition["same"] = same
    if draw(st.booleans()):
        condition |= draw(st.sampled_from(({"at_least": 2}, {"interactions": 5})))
    return condition


_ABOUT = {
    "product": ("purchase", "click", "purchase"),
    "category": ("purchase", "visit", "click"),
    "brand": ("purchase", "click"),
    "store": ("purchase", "visit", "click"),
}
_others = st.one_of(
    st.sampled_from(({"likes": "jazz"}, {"holds": "gold"})),
    st.builds(
        lambda name, span: {"date": name, **span},
        st.sampled_from(("birth_date", "joined_at", "renewal")),
        st.sampled_from(({"ahead": "1d"}, {"ahead": "7d"}, {"within": "7d"}, {"within": "12h"})),
    ),
)


@st.composite
def definitions(draw: st.DrawFn, *, again: bool = False) -> dict[str, Any]:
    """What an analyst may write; a few of them aren't valid."""
    same = draw(st.sampled_from((None, None, "product", "category", "brand", "store")))
    offer = draw(_offers(same))
    when = []
    for number in range(draw(st.sampled_from((1, 1, 2, 2, 3)))):
        about = same if number and same is not None and draw(st.booleans()) else None
        condition = draw(st.one_of(did(about), did(about), friend_did(about), _others))
        own = same or offer.get("same")
        if number == 0 and own is not None and condition.keys() & {"did", "friend_did"}:
            # The first condition says what the reason is about.
            key = draw(st.sampled_from(("did", "did", "friend_did")))
            condition = {key: draw(st.sampled_from(_ABOUT[own]))}
            condition["within"] = draw(st.sampled_from(WINDOWS))
        when.append(condition)
    definition: dict[str, Any] = {"when": when, "offer": offer}
    if draw(st.integers(0, 3)) == 0:
        definition["lasts"] = draw(st.sampled_from(WINDOWS))
    if again:
        definition["again_after"] = draw(st.sampled_from(("1d", "36h", "3d", "7d", "14d")))
    return definition


def _offers(same: str | None) -> st.SearchStrategy[dict[str, Any]]:
    finer = {"product": ["category", "brand"], "store": ["category"], "brand": [], "category": []}
    names = [same, *finer[same]] if same else ["product", "category", "brand", "store"]
    offers: list[dict[str, Any]] = [
        {},
        {"category": "drinks"},
        {"program": "gold", "interest": "jazz"},
        {"stores_near": "trip", "within_km": 60},
        {"stores_near": "visit", "within_km": 10},
        *({"same": name} for name in names),
        *({"same": name, "category": ["drinks", "wear"]} for name in names),
        {"same": names[0], "size": 12},
    ]
    return st.sampled_from(offers)
