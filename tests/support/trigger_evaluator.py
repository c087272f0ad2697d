"""Who has a reason by a trigger, in plain Python: the grammar of triggers, read to the letter.

It is slow and knows nothing of Ibis, views or `Definition`: it takes what an analyst writes, as a
dictionary, and the rows of a shop, as in `view_from`.
"""

import json
import math
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
Definition = Mapping[str, Any]

TABLES = {
    "purchase": "purchases",
    "visit": "visits",
    "like": "likes",
    "join": "memberships",
    "contact": "contacts",
}
CLOCKS = {"memberships": "since"}
MONEY = {"price", "margin", "amount"}
COLUMNS = {
    "purchases": "purchase_id order_id customer_id product_id at store_id quantity amount currency "
    "channel",
    "visits": "visit_id customer_id store_id at",
    "events": "event_id customer_id kind at product_id store_id city latitude longitude starts_at "
    "value",
    "likes": "customer_id interest at",
    "memberships": "customer_id program since until",
    "contacts": "contact_id customer_id offer_id channel at arm outcome outcome_at",
    "product": "product_id name category brand price margin",
    "store": "store_id name category city latitude longitude",
}
HALF_LIFE = timedelta(days=3.5)
RADIUS_KM = 6371.0088
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def reasons(name: str, definition: Definition, tables: Tables, as_of: datetime) -> list[Row]:
    """The reasons of a trigger, as rows of `REASONS`, by customer and what they are about.

    Args:
        name: the name of the trigger.
        definition: what stands in the file.
        tables: the rows of the shop, which assumes no consent.
        as_of: the instant.
    """
    replayed = Shop(tables, as_of)
    return [_row(name, definition, each) for each in Firings(definition, replayed).counted()]


def _row(name: str, definition: Definition, found: Row) -> Row:
    attributes = {k: v for k, v in definition.get("offer", {}).items() if k not in SCOPE}
    row = {"trigger": name, "item_kind": None, "item_id": None, "category": None, "brand": None}
    for column in ("category", "brand"):
        if isinstance(attributes.get(column), str):
            row[column] = attributes[column]
    return {**row, **{k: v for k, v in found.items() if k != "thing"}}


SCOPE = {"program", "interest", "same", "stores_near", "within_km"}


def length(text: str) -> timedelta:
    """The length that a text such as `14d` stands for."""
    unit = {"h": "hours", "d": "days", "w": "weeks"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


class Shop:
    """What is known of a shop at an instant."""

    def __init__(self, tables: Tables, as_of: datetime) -> None:
        self.tables, self.as_of = tables, as_of
        named = {(r["table"], r["value"].lower()) for r in tables.get("sensitive_values", ())}
        self.sensitive = named
        everybody = {row["customer_id"]: row for row in tables.get("customers", ())}
        self.customers = {
            each: row
            for each, row in everybody.items()
            if row.get("joined_at") is None or row["joined_at"] <= as_of
        }
        self.products = {
            row["product_id"]: row for row in tables.get("products", ()) if not row.get("sensitive")
        }
        self.stores = {
            row["store_id"]: row
            for row in tables.get("stores", ())
            if ("stores", row["store_id"].lower()) not in named
        }

    def at(self, as_of: datetime) -> "Shop":
        """The shop as of another instant."""
        return Shop(self.tables, as_of)

    def interactions(self, kind: str, customer: str, *, returns: bool = False) -> list[Row]:
        """A customer's interactions of a kind, with the time in `at`."""
        table = TABLES.get(kind, "events")
        clock = CLOCKS.get(table, "at")
        rows = [
            {**row, "at": row.get(clock), "returned": False}
            for row in self.tables.get(table, ())
            if row["customer_id"] == customer
        ]
        rows = [row for row in rows if row["at"] is not None and row["at"] <= self.as_of]
        if table == "purchases":
            rows = [{**row, "returned": _is_return(row)} for row in rows]
        if table == "events":
            rows = [row for row in rows if row["kind"] == kind.removeprefix("event:")]
        rows = [row for row in rows if not self._is_hidden(table, row)]
        return [row for row in rows if returns or not row["returned"]]

    def _is_hidden(self, table: str, row: Row) -> bool:
        word = {"events": "kind", "likes": "interest", "memberships": "program"}.get(table)
        if word and (table, row[word].lower()) in self.sensitive:
            return True
        known = {"product_id": self.products, "store_id": self.stores}
        return any(row.get(key) is not None and row[key] not in ids for key, ids in known.items())

    def begin(self) -> datetime:
        """The time of the first row about customers."""
        tables = ["customers", "events", *TABLES.values()]
        clocks = {**CLOCKS, "customers": "joined_at"}
        rows = [(row, clocks.get(name, "at")) for name in tables for row in self.tables[name]]
        return min((row[at] for row, at in rows if row.get(at) is not None), default=self.as_of)

    def known_since(self, customer: str) -> datetime | None:
        """When a customer joined, else their first interaction."""
        joined: datetime | None = self.customers[customer].get("joined_at")
        kinds = [*TABLES, *{row["kind"] for row in self.tables.get("events", ())}]
        times = [row["at"] for kind in kinds for row in self.interactions(kind, customer)]
        return joined or min(times, default=None)

    def friends(self, customer: str) -> dict[str, float | None]:
        """The friends whom a customer may follow, with their closeness."""
        found: dict[str, float | None] = {}
        for row in self.tables.get("friendships", ()):
            ends = [(row["customer_id"], row["friend_id"])]
            ends += [] if row.get("directed") else [ends[0][::-1]]
            since = row.get("since")
            for one, other in ends:
                known = one == customer and one != other and other in self.customers
                if known and (since is None or since <= self.as_of):
                    both = (found.get(other), row.get("interactions"))
                    found[other] = max((n for n in both if n is not None), default=None)
        return found

    def shares(self, customer: str) -> bool:
        """Whether a customer is an adult who agreed that others' offers use their activity."""
        born = self.customers[customer].get("birth_date")
        today = self.as_of.date()
        adult = (
            born is not None
            and (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) >= 18
        )
        answers = [
            row
            for row in self.tables.get("consents", ())
            if row["customer_id"] == customer and row["purpose"] == "social_use"
        ]
        refused = [row["at"] for row in answers if not row["granted"]]
        granted = [row["at"] for row in answers if row["granted"] and row["at"] <= self.as_of]
        return adult and any(all(at > no for no in refused) for at in granted)

    def has(self, table: str, column: str, customer: str, value: str) -> bool:
        """Whether a customer likes an interest or holds a program now."""
        for row in self.tables.get(table, ()):
            began, ended = row.get(CLOCKS.get(table, "at")), row.get("until")
            if (
                row["customer_id"] == customer
                and row[column] == value
                and (table, value.lower()) not in self.sensitive
                and (began is None or began <= self.as_of)
                and (ended is None or ended > self.as_of)
            ):
                return True
        return False

    def of_row(self, row: Row) -> list[tuple[str, Row]]:
        """An interaction, its product and its store, as far as known."""
        found = [("", row)]
        for prefix, ids in (("product", self.products), ("store", self.stores)):
            if row.get(f"{prefix}_id") is not None:
                found.append((prefix, ids[row[f"{prefix}_id"]]))
        return found

    def value(self, table: str, row: Row, name: str) -> tuple[Any, bool]:
        """A column of an interaction, its product or its store, and whether it is money."""
        wanted, _, rest = name.rpartition(".")
        for prefix, source in self.of_row(row):
            if wanted and prefix != wanted:
                continue
            column = rest if wanted else name
            found = column_of(prefix or table, source, column)
            if found is not None:
                return found, column in MONEY and column in COLUMNS[prefix or table].split()
        return None, False

    def city(self, row: Row) -> str | None:
        """The city of an interaction: its own, else its store's."""
        own: str | None = row.get("city")
        return own or self.stores.get(row.get("store_id") or "", {}).get("city")

    def thing(self, row: Row, same: str) -> str | None:
        """The product, category, brand or store that an interaction is about."""
        if same in ("product", "store"):
            found: str | None = row.get(f"{same}_id")
            return found
        sources = {prefix: source for prefix, source in self.of_row(row) if prefix}
        values = [sources.get(prefix, {}).get(same) for prefix in ("product", "store")]
        return next((value for value in values if value is not None), None)


def column_of(table: str, row: Row, column: str) -> Any:
    """A column of the contract, else a kept attribute; None if a row has none."""
    if column in COLUMNS[table].split():
        return row.get(column)
    return json.loads(row.get("attributes") or "{}").get(column)


def _is_return(row: Row) -> bool:
    return (row.get("quantity") or 0) < 0 or (row.get("amount") or 0) < 0


def fits(value: Any, money: bool, match: Any) -> bool:
    """Whether a value is the wanted one, one of those in a list, or within bounds."""
    if value is None:
        return False
    if isinstance(match, list):
        return any(fits(value, money, each) for each in match)
    if isinstance(match, Mapping):
        number = number_of(value)
        scale = 100 if money else 1
        return (
            number is not None
            and ("at_least" not in match or number >= match["at_least"] * scale)
            and ("at_most" not in match or number <= match["at_most"] * scale)
        )
    if isinstance(match, bool):
        return str(value).lower() == str(match).lower()
    if isinstance(match, int | float) and number_of(value) is not None:
        return number_of(value) == match * (100 if money else 1)
    return bool(value == match)


def number_of(value: Any) -> float | None:
    """A value as a number, if it is one."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The great-circle distance between two points in degrees."""
    (a, b), (c, d) = ([math.radians(x) for x in point] for point in (one, other))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


def place(row: Row) -> tuple[float, float] | None:
    """The coordinates of a row."""
    if row.get("latitude") is None or row.get("longitude") is None:
        return None
    return row["latitude"], row["longitude"]


def midnight(day: date, zone: str | None) -> datetime:
    """When a day begins in a time zone, or in UTC if there is no such zone."""
    return datetime.combine(day, time(), tzinfo=zone_of(zone)).astimezone(UTC)


def zone_of(name: str | None) -> zoneinfo.ZoneInfo:
    """A time zone, or UTC if there is no such zone."""
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


class Held:
    """What a condition that holds says: when it was fulfilled, and by whom."""

    def __init__(self, at: datetime | None = None, until: datetime | None = None) -> None:
        self.at, self.until = at, until
        self.strength = 1.0


class Evaluation:
    """A trigger as of an instant."""

    def __init__(self, definition: Definition, shop: Shop) -> None:
        self.shop, self.now = shop, shop.as_of
        self.when: list[Row] = list(definition["when"])
        self.offer: Row = definition.get("offer", {})
        self.lasts: str | None = definition.get("lasts")
        self.same: str | None = next(
            (c["same"] for c in self.when if "same" in c), self.offer.get("same")
        )
        positive = [c for c in self.when if _needs_interaction(c)]
        free = [c for c in positive if "same" not in c]
        self.first = next(iter(free or positive), None)

    def live(self) -> Iterator[dict[str, Any]]:
        """The rows of all live reasons, with the `thing` that each is about."""
        for customer in sorted(self.shop.customers):
            for thing in self._things():
                if (row := self._reason(customer, thing)) is not None:
                    yield {"customer_id": customer, "thing": thing, **row}

    def _things(self) -> list[str | None]:
        if self.same is None:
            return [None]
        ids = {"product": self.shop.products, "store": self.shop.stores}
        if self.same in ids:
            return sorted(ids[self.same])
        items = [*self.shop.products.values(), *self.shop.stores.values()]
        return sorted({row[self.same] for row in items if row.get(self.same) is not None})

    def _reason(self, customer: str, thing: str | None) -> dict[str, Any] | None:
        held = {id(c): self._held(c, customer, thing) for c in self.when}
        if any(each is None for each in held.values()):
            return None
        found = [each for each in held.values() if each is not None]
        begun = [each.at for each in found if each.at is not None]
        fired_at = max(begun, default=None) or self._became_silent(customer, thing)
        if fired_at is None:
            return None
        until = self._until(fired_at, found, silent=not begun)
        offered = self._offered(customer, thing)
        if offered is None or (until is not None and until <= self.now):
            return None
        strength = 1.0
        if self.first is not None and (first := held[id(self.first)]) is not None:
            strength = first.strength
        return {"fired_at": fired_at, "until": until, "strength": strength, **offered}

    def _held(self, condition: Row, customer: str, thing: str | None) -> Held | None:
        if "likes" in condition:
            likes = self.shop.has("likes", "interest", customer, condition["likes"])
            return Held() if likes else None
        if "holds" in condition:
            holds = self.shop.has("memberships", "program", customer, condition["holds"])
            return Held() if holds else None
        if "date" in condition:
            return self._date(condition, customer)
        if "friend_did" in condition:
            return self._friends(condition, customer, thing)
        return self._did(condition, customer, thing)

    def _start(self, condition: Row, customer: str) -> datetime | None:
        """The earliest instant of the window of `since`."""
        since = condition["since"]
        times = [row["at"] for row in self.shop.interactions(since["of"], customer)]
        n: int = since["nth_last"]
        return sorted(times, reverse=True)[n - 1] if len(times) >= n else None

    def rows(
        self, condition: Row, who: str, thing: str | None, *, ever: bool = False
    ) -> list[Row] | None:
        """The interactions that a condition counts; None without the n-th last one."""
        kind = condition.get("did") or condition["friend_did"]
        table = TABLES.get(kind, "events")
        rows = self.shop.interactions(kind, who, returns="sum" in condition)
        if "within" in condition and not ever:
            rows = [r for r in rows if r["at"] > self.now - length(condition["within"])]
        if "since" in condition:
            start = self._start(condition, who)
            if start is None:
                return None
            rows = [r for r in rows if r["at"] >= start]
        for name, match in condition.get("where", {}).items():
            rows = [r for r in rows if fits(*self.shop.value(table, r, name), match)]
        if condition.get("away"):
            home = self.shop.customers[who].get("city")
            cities = [self.shop.city(r) for r in rows]
            known = [c is not None and home is not None for c in cities]
            rows = [r for r, c, k in zip(rows, cities, known, strict=True) if k and c != home]
        if "near_store_km" in condition:
            rows = [r for r in rows if self._near(r, condition["near_store_km"])]
        if thing is not None and self._is_about(condition):
            rows = [r for r in rows if self.shop.thing(r, str(self.same)) == thing]
        if condition.get("sum") == "amount" and kind == "purchase":
            rows = [r for r in rows if r.get("currency") in (None, self._currency())]
        return rows

    def _is_about(self, condition: Row) -> bool:
        return "same" in condition or condition is self.first

    def _near(self, row: Row, most: float) -> list[str]:
        at = place(row)
        return sorted(
            each
            for each, store in self.shop.stores.items()
            if at and (there := place(store)) and km(at, there) <= most
        )

    def _currency(self) -> str | None:
        rows = self.shop.tables.get("purchases", ())
        given = [r["currency"] for r in rows if r.get("currency") and r["at"] <= self.now]
        return min(set(given), key=lambda each: (-given.count(each), each), default=None)

    def _did(self, condition: Row, customer: str, thing: str | None) -> Held | None:
        rows = self.rows(condition, customer, thing)
        if rows is None:
            return None
        if condition.get("none"):
            return None if rows or not self._is_known(condition, customer) else Held()
        counted = [r for r in rows if not r["returned"]]
        total: float = len(counted)
        least, most = condition.get("at_least", 1), condition.get("at_most", math.inf)
        if (column := condition.get("sum")) is not None:
            table = TABLES.get(condition["did"], "events")
            total = sum(self._net(table, r, column) for r in rows)
            least = condition.get("at_least", -math.inf)
        if not least <= total <= most:
            return None
        if not _needs_interaction(condition):
            return Held()
        if not counted:
            return None
        held = Held(max(r["at"] for r in counted))
        held.strength = len(counted)
        return held

    def _net(self, table: str, row: Row, column: str) -> float:
        """What a row adds to a sum, in major units: a return takes off."""
        value, money = self.shop.value(table, row, column)
        number = (number_of(value) or 0) / (100 if money else 1)
        return -abs(number) if row["returned"] else number

    def _is_known(self, condition: Row, customer: str) -> bool:
        known = self.shop.known_since(customer)
        if known is None:
            return False
        if "since" in condition:
            start = self._start(condition, customer)
            return start is not None and known <= start
        return "within" not in condition or known <= self.now - length(condition["within"])

    def _friends(self, condition: Row, customer: str, thing: str | None) -> Held | None:
        last: dict[str, tuple[datetime, float]] = {}
        for friend, closeness in self.shop.friends(customer).items():
            rows = self.rows(condition, friend, thing) if self.shop.shares(friend) else None
            near = closeness is not None and closeness >= condition.get("interactions", 0)
            if rows and (near or "interactions" not in condition):
                last[friend] = (max(r["at"] for r in rows), 1 + math.log(1 + (closeness or 0)))
        if len(last) < condition.get("at_least", 1):
            return None
        held = Held(max(at for at, _ in last.values()))
        held.strength = sum(weight * self._decay(at) for at, weight in last.values())
        return held

    def _decay(self, at: datetime) -> float:
        seconds = (self.now - EPOCH) // timedelta(seconds=1) - (at - EPOCH) // timedelta(seconds=1)
        decay: float = 0.5 ** (seconds / HALF_LIFE.total_seconds())
        return decay

    def _date(self, condition: Row, customer: str) -> Held | None:
        row = self.shop.customers[customer]
        name, zone = condition["date"], row.get("timezone")
        value = row.get(name)
        if name not in ("birth_date", "joined_at"):
            value = json.loads(row.get("attributes") or "{}").get(name)
            value = date.fromisoformat(value) if value else None
        if value is None:
            return None
        instant = value if isinstance(value, datetime) else None
        day = value.astimezone(zone_of(zone)).date() if isinstance(value, datetime) else value
        if "within" in condition:
            at = instant or midnight(day, zone)
            return Held(at) if self.now - length(condition["within"]) < at <= self.now else None
        ahead = length(condition["ahead"])
        today = self.now.astimezone(zone_of(zone)).date()
        # What lies ahead counts itself; an instant of the past has its first anniversary later.
        following = next(
            each
            for year in range(max(day.year, today.year), today.year + 200)
            if (each := _in_year(day, year)) >= today and not (instant and each == day)
        )
        if following > today + ahead:
            return None
        return Held(midnight(following - ahead, zone), midnight(following + timedelta(1), zone))

    def _until(self, fired_at: datetime, found: Sequence[Held], *, silent: bool) -> datetime | None:
        if self.lasts is not None:
            return fired_at + length(self.lasts)
        if silent:
            return None  # Nothing says when what didn't happen would end.
        ends = [each.until for each in found if each.until is not None]
        if ends:
            return min(ends)
        windows = [length(c["within"]) for c in self.when if "within" in c]
        return fired_at + max(windows) if windows else None

    def _became_silent(self, customer: str, thing: str | None) -> datetime | None:
        """When the customer had done nothing for the whole window, where nothing else begins."""
        known = self.shop.known_since(customer)
        if known is None:
            return None
        times: list[datetime] = []
        for condition in (c for c in self.when if "did" in c):
            rows = [r for r in self.rows(condition, customer, thing) or () if not r["returned"]]
            if rows:
                times.append(max(r["at"] for r in rows))
            elif "since" in condition:
                times.append(self._start(condition, customer) or known)
            else:
                ever = self.rows(condition, customer, thing, ever=True) or ()
                last = max((r["at"] for r in ever if not r["returned"]), default=known)
                within = condition.get("within")
                times.append(max(last, known) + length(within) if within else known)
        return max(times, default=None)

    def _offered(self, customer: str, thing: str | None) -> dict[str, Any] | None:
        """What a reason offers and where; None if it can't offer anything."""
        attributes = {k: v for k, v in self.offer.items() if k not in SCOPE}
        same = self.offer.get("same")
        names_item = same == "product" or (same == "store" and not attributes)
        row: dict[str, Any] = {"store_ids": None}
        if names_item:
            row |= {"item_kind": same, "item_id": thing}
            if not self._has(str(same), str(thing), attributes):
                return None
        elif same in ("category", "brand"):
            value = thing
            if self.same != same:
                items = {"product": self.shop.products, "store": self.shop.stores}
                value = items[str(self.same)][str(thing)].get(same)
            if value is None:
                return None
            row[same] = value
        places = [set(each) for each in self._places(customer, thing)]
        if same == "store" and not names_item:
            places.append({str(thing)})
        if places:
            row["store_ids"] = sorted(set.intersection(*places))
        return row if row["store_ids"] != [] else None

    def _has(self, kind: str, item: str, attributes: Row) -> bool:
        source = (self.shop.products if kind == "product" else self.shop.stores).get(item)
        if source is None:
            return False
        for name, match in attributes.items():
            prefix, _, column = name.rpartition(".")
            if prefix not in ("", kind):
                return False
            if not fits(column_of(kind, source, column), column in MONEY, match):
                return False
        return True

    def _places(self, customer: str, thing: str | None) -> Iterator[list[str]]:
        near = [c for c in self.when if "near_store_km" in c and _needs_interaction(c)]
        if near:
            latest = self._latest(near[0], customer, thing, "event_id")
            yield self._near(latest, near[0]["near_store_km"]) if latest else []
        if "stores_near" not in self.offer:
            return
        kind = self.offer["stores_near"]
        named = [c for c in self.when if c.get("did") == kind and _needs_interaction(c)]
        latest = self._latest(next(iter(named), {"did": kind}), customer, thing, "city")
        city = self.shop.city(latest) if latest else None
        own = {k: s for k, s in self.shop.stores.items() if city and s.get("city") == city}
        points = [at for store in own.values() if (at := place(store))]
        if not points:
            yield sorted(own)
            return
        middle = tuple(sum(x) / len(points) for x in zip(*points, strict=True))
        centre = {"latitude": middle[0], "longitude": middle[1]}
        yield self._near(centre, self.offer["within_km"])

    def _latest(self, condition: Row, customer: str, thing: str | None, order: str) -> Row | None:
        """The latest interaction that a condition counts; of several, the first by `order`."""
        rows = self.rows(condition, customer, thing) or []
        rows = [r for r in rows if not r["returned"]]
        key = self.shop.city if order == "city" else lambda row: str(row[order])
        rows.sort(key=lambda row: (key(row) is None, key(row) or ""))
        return max(rows, key=lambda row: row["at"], default=None)


def _needs_interaction(condition: Row) -> bool:
    """Whether a condition only holds with an interaction: not for a count or sum of zero."""
    if "friend_did" in condition:
        return True
    if "did" not in condition or condition.get("none"):
        return False
    least = condition.get("at_least", -math.inf if "sum" in condition else 1)
    return not least <= 0 <= condition.get("at_most", math.inf)


def _in_year(day: date, year: int) -> date:
    """The anniversary of a day in a year."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


class Firings:
    """A trigger's reasons as of an instant, after the pause that `again_after` asks for."""

    def __init__(self, definition: Definition, shop: Shop) -> None:
        self.definition, self.shop = definition, shop
        self.pause: str | None = definition.get("again_after")

    def counted(self) -> list[dict[str, Any]]:
        """The live reasons that count."""
        now = list(Evaluation(self.definition, self.shop).live())
        if self.pause is None:
            return now
        earlier: dict[tuple[str, str | None], dict[datetime, datetime | None]] = {}
        night, begin = self.shop.as_of, self.shop.begin()
        while night >= min(begin, self.shop.as_of):
            shop = self.shop.at(night)
            night -= timedelta(days=1)
            for row in Evaluation(self.definition, shop).live():
                known = earlier.setdefault((row["customer_id"], row["thing"]), {})
                known.setdefault(row["fired_at"], row["until"])
        rows = []
        for row in now:
            known = earlier[row["customer_id"], row["thing"]]
            last = None
            for at in sorted(known):
                if last is None or at - last >= length(self.pause):
                    last = at
            assert last is not None
            until = known[last]
            if until is None or until > self.shop.as_of:
                rows.append({**row, "fired_at": last, "until": until})
        return rows
