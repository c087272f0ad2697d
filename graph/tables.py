"""The tables that a retailer delivers, and how each maps to the graph.

A load writes a table to the graph as *parts*, each one a label or a relationship type with some of
the table's columns. A snapshot joins the same parts back into the table.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.schema import Col, Element, NodeType, RelationshipType


class Kind(StrEnum):
    """The kind of a field's values; it decides how their text is parsed."""

    ID = "id"
    TEXT = "text"
    CODE = "code"
    """A word from a small vocabulary, case-insensitive (`EMAIL` equals `email`)."""
    CURRENCY = "currency"
    ATTRIBUTES = "attributes"
    """A JSON object with the values of columns outside the contract."""
    TIME = "time"
    DATE = "date"
    MONEY = "money"
    NUMBER = "number"
    BOOLEAN = "boolean"


ARROW: dict[Kind, pa.DataType] = {
    Kind.ID: g.TEXT,
    Kind.TEXT: g.TEXT,
    Kind.CODE: g.TEXT,
    Kind.CURRENCY: g.TEXT,
    Kind.ATTRIBUTES: g.TEXT,
    Kind.TIME: g.TIME,
    Kind.DATE: g.DATE,
    Kind.MONEY: g.MONEY,
    Kind.NUMBER: g.NUMBER,
    Kind.BOOLEAN: g.BOOLEAN,
}


@dataclass(frozen=True)
class Field:
    """One column of a table; `refers` names the table whose key it holds."""

    name: str
    kind: Kind
    required: bool = False
    refers: str | None = None
    later: bool = False
    """Whether the column is newer than the first stores. It counts for a derived id only where it
    has a value, so that earlier ids stay the same."""

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the column."""
        return ARROW[self.kind]


VIEW = "view"
"""The `kind` of events that the graph stores as a relationship to their product, if they have one.
"""


@dataclass(frozen=True)
class Part:
    """One label or relationship type that a table fills.

    `columns` maps the element's columns, including `source` and `target`, to the table's.
    """

    element: Element
    columns: dict[str, str] = field(hash=False)
    split: bool | None = None
    """True: only rows for which the table's `split` holds; False: the others; None: every row."""


@dataclass(frozen=True)
class Table:
    """A table of the contract.

    `key` identifies a row; of two rows with the same key, the last wins. `derived` names a key
    column that a delivery may omit: the loader then derives it from the row's content.
    """

    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    parts: tuple[Part, ...]
    derived: str | None = None
    clock: str | None = None
    """The column with the time from which the row is true; None if the table has no such column."""
    split: str = "TRUE"
    """The SQL condition that decides which of its parts hold a row."""
    marks: str | None = None
    """For a table that marks nodes of other tables too: its column. Nodes where it is empty aren't
    rows of the table."""

    def __getitem__(self, name: str) -> Field:
        """The field of that name."""
        return next(f for f in self.fields if f.name == name)

    @property
    def node(self) -> NodeType | None:
        """The label whose nodes this table lists, if other tables refer to it."""
        first = self.parts[0].element
        return first if isinstance(first, NodeType) and self.name in NODE_TABLES else None

    def arrow_schema(self) -> pa.Schema:
        """The table's columns, in the contract's order."""
        return pa.schema([pa.field(f.name, f.type) for f in self.fields])


def _node(element: NodeType) -> Part:
    return Part(element, {c: c for c in element.columns})


def _value(element: NodeType) -> Part:
    """Nodes that hold a single value, such as a city or a category."""
    return Part(element, {element.key: element.key})


def _link(element: RelationshipType, source: str, target: str) -> Part:
    own = {c: c for c in element.columns}
    return Part(element, {Col.SOURCE: source, Col.TARGET: target, **own})


def _text(name: str) -> Field:
    return Field(name, Kind.TEXT)


def _code(name: str, required: bool = False) -> Field:
    return Field(name, Kind.CODE, required)


def _time(name: str, required: bool = False) -> Field:
    return Field(name, Kind.TIME, required)


def _money(name: str) -> Field:
    return Field(name, Kind.MONEY)


def _number(name: str) -> Field:
    return Field(name, Kind.NUMBER)


def _flag(name: str, required: bool = False) -> Field:
    return Field(name, Kind.BOOLEAN, required)


def _id(name: str) -> Field:
    return Field(name, Kind.ID)


def _later(field: Field) -> Field:
    return replace(field, later=True)


def _refers(name: str, table: str, required: bool = False) -> Field:
    return Field(name, Kind.ID, required, refers=table)


_CUSTOMER = _refers(Col.CUSTOMER_ID, "customers", required=True)
_PRODUCT = _refers(Col.PRODUCT_ID, "products", required=True)
_STORE = _refers(Col.STORE_ID, "stores", required=True)
_SOME_PRODUCT = _refers(Col.PRODUCT_ID, "products")
_SOME_STORE = _refers(Col.STORE_ID, "stores")
_ATTRIBUTES = Field(Col.ATTRIBUTES, Kind.ATTRIBUTES, later=True)

CUSTOMERS = Table(
    "customers",
    (
        Field(Col.CUSTOMER_ID, Kind.ID, required=True),
        _text(Col.NAME),
        Field(Col.BIRTH_DATE, Kind.DATE),
        _text(Col.CITY),
        _time(Col.JOINED_AT),
        _text(Col.EMAIL),
        _text(Col.PHONE),
        _text(Col.TIMEZONE),
        _ATTRIBUTES,
    ),
    key=(Col.CUSTOMER_ID,),
    parts=(_node(g.CUSTOMER), _value(g.CITY), _link(g.LIVES_IN, Col.CUSTOMER_ID, Col.CITY)),
    clock=Col.JOINED_AT,
)
PRODUCTS = Table(
    "products",
    (
        Field(Col.PRODUCT_ID, Kind.ID, required=True),
        _text(Col.NAME),
        _text(Col.CATEGORY),
        _text(Col.BRAND),
        _money(Col.PRICE),
        _money(Col.MARGIN),
        _flag(Col.SENSITIVE),
        _ATTRIBUTES,
    ),
    key=(Col.PRODUCT_ID,),
    parts=(
        _node(g.PRODUCT),
        _value(g.CATEGORY),
        _value(g.BRAND),
        _link(g.PRODUCT_IN_CATEGORY, Col.PRODUCT_ID, Col.CATEGORY),
        _link(g.OF_BRAND, Col.PRODUCT_ID, Col.BRAND),
    ),
)
STORES = Table(
    "stores",
    (
        Field(Col.STORE_ID, Kind.ID, required=True),
        _text(Col.NAME),
        _text(Col.CATEGORY),
        _text(Col.CITY),
        _number(Col.LATITUDE),
        _number(Col.LONGITUDE),
    ),
    key=(Col.STORE_ID,),
    parts=(
        _node(g.STORE),
        _value(g.CATEGORY),
        _value(g.CITY),
        _link(g.STORE_IN_CATEGORY, Col.STORE_ID, Col.CATEGORY),
        _link(g.IN_CITY, Col.STORE_ID, Col.CITY),
    ),
)
FRIENDSHIPS = Table(
    "friendships",
    (
        _CUSTOMER,
        _refers(Col.FRIEND_ID, "customers", required=True),
        _time(Col.SINCE),
        _number(Col.INTERACTIONS),
        _flag(Col.DIRECTED),
    ),
    key=(Col.CUSTOMER_ID, Col.FRIEND_ID),
    parts=(_link(g.FRIEND_OF, Col.CUSTOMER_ID, Col.FRIEND_ID),),
    clock=Col.SINCE,
)
PURCHASES = Table(
    "purchases",
    (
        _id(Col.PURCHASE_ID),
        _later(_id(Col.ORDER_ID)),
        _CUSTOMER,
        _PRODUCT,
        _time(Col.AT, required=True),
        _SOME_STORE,
        _number(Col.QUANTITY),
        _money(Col.AMOUNT),
        Field(Col.CURRENCY, Kind.CURRENCY),
        _code(Col.CHANNEL),
    ),
    key=(Col.PURCHASE_ID,),
    parts=(_link(g.PURCHASED, Col.CUSTOMER_ID, Col.PRODUCT_ID),),
    derived=Col.PURCHASE_ID,
    clock=Col.AT,
)
VISITS = Table(
    "visits",
    (_id(Col.VISIT_ID), _CUSTOMER, _STORE, _time(Col.AT, required=True)),
    key=(Col.VISIT_ID,),
    parts=(
        Part(
            g.VISITED,
            {
                Col.SOURCE: Col.CUSTOMER_ID,
                Col.TARGET: Col.STORE_ID,
                Col.EVENT_ID: Col.VISIT_ID,
                Col.AT: Col.AT,
            },
        ),
    ),
    derived=Col.VISIT_ID,
    clock=Col.AT,
)
EVENTS = Table(
    "events",
    (
        _id(Col.EVENT_ID),
        _CUSTOMER,
        _code(Col.KIND, required=True),
        _time(Col.AT, required=True),
        _SOME_PRODUCT,
        _SOME_STORE,
        _text(Col.CITY),
        _later(_number(Col.LATITUDE)),
        _later(_number(Col.LONGITUDE)),
        _later(_time(Col.STARTS_AT)),
        _number(Col.VALUE),
        _ATTRIBUTES,
    ),
    key=(Col.EVENT_ID,),
    parts=(
        Part(g.EVENT, {c: c for c in g.EVENT.columns}, split=False),
        Part(g.DID, {Col.SOURCE: Col.CUSTOMER_ID, Col.TARGET: Col.EVENT_ID}, split=False),
        Part(
            g.VIEWED,
            {
                Col.SOURCE: Col.CUSTOMER_ID,
                Col.TARGET: Col.PRODUCT_ID,
                **{c: c for c in g.VIEWED.columns},
            },
            split=True,
        ),
    ),
    derived=Col.EVENT_ID,
    clock=Col.AT,
    split=f"({Col.KIND} = '{VIEW}' AND {Col.PRODUCT_ID} IS NOT NULL)",
)
LIKES = Table(
    "likes",
    (_CUSTOMER, Field(Col.INTEREST, Kind.TEXT, required=True), _time(Col.AT)),
    key=(Col.CUSTOMER_ID, Col.INTEREST),
    parts=(_value(g.INTEREST), _link(g.LIKES, Col.CUSTOMER_ID, Col.INTEREST)),
    clock=Col.AT,
)
MEMBERSHIPS = Table(
    "memberships",
    (
        _CUSTOMER,
        Field(Col.PROGRAM, Kind.TEXT, required=True),
        _time(Col.SINCE),
        _time(Col.UNTIL),
    ),
    key=(Col.CUSTOMER_ID, Col.PROGRAM, Col.SINCE),
    parts=(_value(g.PROGRAM), _link(g.HOLDS, Col.CUSTOMER_ID, Col.PROGRAM)),
    clock=Col.SINCE,
)
OFFERS = Table(
    "offers",
    (
        Field(Col.OFFER_ID, Kind.ID, required=True),
        _text(Col.NAME),
        _SOME_PRODUCT,
        _text(Col.CATEGORY),
        _text(Col.BRAND),
        _SOME_STORE,
        _text(Col.PROGRAM),
        _text(Col.INTEREST),
        _time(Col.VALID_FROM),
        _time(Col.VALID_UNTIL),
        _money(Col.COST),
        _money(Col.VALUE),
    ),
    key=(Col.OFFER_ID,),
    parts=(
        _node(g.OFFER),
        _value(g.CATEGORY),
        _value(g.BRAND),
        _value(g.PROGRAM),
        _value(g.INTEREST),
        _link(g.COVERS_PRODUCT, Col.OFFER_ID, Col.PRODUCT_ID),
        _link(g.COVERS_CATEGORY, Col.OFFER_ID, Col.CATEGORY),
        _link(g.COVERS_BRAND, Col.OFFER_ID, Col.BRAND),
        _link(g.COVERS_PROGRAM, Col.OFFER_ID, Col.PROGRAM),
        _link(g.COVERS_INTEREST, Col.OFFER_ID, Col.INTEREST),
        _link(g.REDEEMABLE_AT, Col.OFFER_ID, Col.STORE_ID),
    ),
)
OFFER_ITEMS = Table(
    "offer_items",
    (_refers(Col.OFFER_ID, "offers", required=True), _SOME_PRODUCT, _SOME_STORE),
    key=(Col.OFFER_ID, Col.PRODUCT_ID, Col.STORE_ID),
    parts=(
        Part(
            g.INCLUDES_PRODUCT,
            {Col.SOURCE: Col.OFFER_ID, Col.TARGET: Col.PRODUCT_ID, Col.STORE_ID: Col.STORE_ID},
            split=True,
        ),
        Part(
            g.INCLUDES_STORE,
            {Col.SOURCE: Col.OFFER_ID, Col.TARGET: Col.STORE_ID, Col.STORE_ID: Col.STORE_ID},
            split=False,
        ),
    ),
    split=f"({Col.PRODUCT_ID} IS NOT NULL)",
)
CATEGORIES = Table(
    "categories",
    (Field(Col.CATEGORY, Kind.TEXT, required=True), _flag(Col.SENSITIVE)),
    key=(Col.CATEGORY,),
    parts=(_value(g.CATEGORY), _node(g.CATEGORY_SENSITIVE)),
    marks=Col.SENSITIVE,
)
SENSITIVE_VALUES = Table(
    "sensitive_values",
    (_code(Col.TABLE, required=True), Field(Col.VALUE, Kind.TEXT, required=True)),
    key=(Col.TABLE, Col.VALUE),
    parts=(
        _value(g.SENSITIVE_TABLE),
        _value(g.SENSITIVE_VALUE),
        _link(g.SENSITIVE_IN, Col.VALUE, Col.TABLE),
    ),
)
CONTACTS = Table(
    "contacts",
    (
        _id(Col.CONTACT_ID),
        _CUSTOMER,
        _refers(Col.OFFER_ID, "offers", required=True),
        _code(Col.CHANNEL, required=True),
        _time(Col.AT, required=True),
        _code(Col.ARM),
        _code(Col.OUTCOME),
        _time(Col.OUTCOME_AT),
    ),
    key=(Col.CONTACT_ID,),
    parts=(_link(g.CONTACTED, Col.CUSTOMER_ID, Col.OFFER_ID),),
    derived=Col.CONTACT_ID,
    clock=Col.AT,
)
CONSENTS = Table(
    "consents",
    (
        _CUSTOMER,
        _code(Col.PURPOSE, required=True),
        _flag(Col.GRANTED, required=True),
        _time(Col.AT, required=True),
    ),
    key=(Col.CUSTOMER_ID, Col.PURPOSE, Col.AT, Col.GRANTED),
    parts=(_value(g.PURPOSE), _link(g.CONSENTED, Col.CUSTOMER_ID, Col.PURPOSE)),
    clock=Col.AT,
)

NODE_TABLES = ("customers", "products", "stores", "offers")
"""Tables that others refer to; an undelivered one gets its rows from those references."""

TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        CUSTOMERS,
        PRODUCTS,
        STORES,
        OFFERS,
        OFFER_ITEMS,
        CATEGORIES,
        SENSITIVE_VALUES,
        FRIENDSHIPS,
        PURCHASES,
        VISITS,
        EVENTS,
        LIKES,
        MEMBERSHIPS,
        CONTACTS,
        CONSENTS,
    )
}
"""The contract, in loading order: each table comes after the tables that it refers to."""

SENSITIVE_TABLES = (EVENTS.name, LIKES.name, MEMBERSHIPS.name, STORES.name)
"""The tables whose kinds, interests, programs and stores `sensitive_values` may name."""
