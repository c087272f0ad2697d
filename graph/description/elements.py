"""Labels and relationship types of the graph with meanings, types and units."""

from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.schema import Col, NodeType, RelationshipType

_TYPES = {
    g.TEXT: "text",
    g.TIME: "time",
    g.DATE: "date",
    g.NUMBER: "number",
    g.WHOLE: "integer",
    g.BOOLEAN: "boolean",
    g.VECTOR: "list of numbers",
    g.TEXTS: "list of texts",
}
_MONEY = "hundredths of the currency's unit"
_SHARE = "0 to 1"
_UNITS = {
    Col.AMOUNT: "hundredths of `currency`, for the whole quantity",
    Col.COMMUNITY: "number of the community",
    Col.CORE: "friends that each member of the core has in it, at least",
    Col.ACCEPTANCE: _SHARE,
    Col.COST: f"{_MONEY}, per use",
    Col.CUSTOMERS: "customers",
    Col.EVIDENCE: "complete exposures",
    Col.EXPECTED_VALUE: _MONEY,
    Col.HIGH: _SHARE,
    Col.INCREMENTAL_VALUE: "hundredths; interactions where there are no prices",
    Col.INTERACTIONS: "contacts between the two",
    Col.LATITUDE: "degrees",
    Col.LONGITUDE: "degrees",
    Col.LOW: _SHARE,
    Col.MARGIN: f"{_MONEY}, per unit",
    Col.OFFERS: "offers",
    Col.OWN_SHARE: _SHARE,
    Col.PAGERANK: "share of the total",
    Col.PRICE: f"{_MONEY}, per unit",
    Col.PROBABILITY: _SHARE,
    Col.QUANTITY: "units, negative for a return",
    Col.RANK: "position, from 1",
    Col.TRIGGER_SHARE: _SHARE,
}
_VALUES = {g.MONEY: _MONEY, g.NUMBER: "as delivered"}
"""The units of `value`: money of an offer, any number of an event."""
_MEANINGS = {
    g.CUSTOMER: "A customer. `influence rank` adds the last five properties.",
    g.PRODUCT: "A product.",
    g.CATEGORY: "A category of products or stores.",
    g.BRAND: "A brand.",
    g.STORE: "A store.",
    g.CITY: "A city of customers or stores.",
    g.INTEREST: "Something that customers like.",
    g.PROGRAM: "A card, club or loyalty programme.",
    g.PURPOSE: "A purpose that customers consent to.",
    g.EVENT: "An event that isn't the view of a product.",
    g.OFFER: "An offer.",
    g.RUN: "One batch of results: offers, influence or embeddings.",
    g.EMBEDDING: "A learned vector of a customer, product or store.",
    g.SENSITIVE_TABLE: "A table that has sensitive values.",
    g.SENSITIVE_VALUE: "A sensitive kind of event, interest, programme or store.",
    g.FRIEND_OF: "A friendship. An undirected one is stored once, from the smaller id.",
    g.PURCHASED: "A line of a purchase.",
    g.VISITED: "A visit to a store.",
    g.VIEWED: "A view of a product. Every other event is a node.",
    g.DID: "Whose event it is.",
    g.LIKES: "An interest of a customer.",
    g.HOLDS: "A membership.",
    g.LIVES_IN: "The city of a customer.",
    g.CONSENTED: "A consent, or its withdrawal. The latest counts.",
    g.PRODUCT_IN_CATEGORY: "The category of a product or store.",
    g.OF_BRAND: "The brand of a product.",
    g.IN_CITY: "The city of a store.",
    g.COVERS_PRODUCT: "What an offer is for.",
    g.REDEEMABLE_AT: "Where an offer can be used.",
    g.INCLUDES_PRODUCT: "A product or store of the table `offer_items`.",
    g.SENSITIVE_IN: "The table that a sensitive value belongs to.",
    g.CONTACTED: "A message about an offer.",
    g.RECOMMENDED_PRODUCT: "An offer to a customer by the active run of `score`.",
    g.INFLUENCES: "How likely the second customer follows the first.",
    g.CUSTOMER_EMBEDDED: "Whose vector it is.",
}
"""Of a relationship type, the first with its name."""


@dataclass(frozen=True)
class Property:
    """A property of a node or relationship.

    Attributes:
        name: its name.
        type: its type in words.
        unit: its unit in words; empty if it has none.
        key: whether it identifies the node, or is part of what identifies the relationship.
    """

    name: str
    type: str
    unit: str
    key: bool


@dataclass(frozen=True)
class Label:
    """A label, and the properties of its nodes: the key first."""

    name: str
    meaning: str
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class Relationship:
    """A relationship type, the pairs of labels that it joins, and its properties."""

    name: str
    meaning: str
    ends: tuple[tuple[Label, Label], ...]
    properties: tuple[Property, ...]


def labels() -> tuple[Label, ...]:
    """All labels, in the order of the schema."""
    return tuple(map(_label, g.NODES))


def relationships() -> tuple[Relationship, ...]:
    """All relationship types, in the order of the schema."""
    described = []
    for name, same in groupby(g.RELATIONSHIPS, lambda kind: kind.name):
        kinds = list(same)
        first = kinds[0]
        ends = tuple((_label(kind.source), _label(kind.target)) for kind in kinds)
        properties = tuple(_property(c, t, c in first.key) for c, t in first.columns.items())
        described.append(Relationship(name, _MEANINGS.get(first, ""), ends, properties))
    return tuple(described)


def type_name(kind: pa.DataType) -> str:
    """The name of a type, in words."""
    return _TYPES[kind]


def properties_of(name: str) -> list[str]:
    """The properties of the label or relationship type of that name; empty if there is none."""
    kinds: list[NodeType | RelationshipType] = [*g.NODES, *g.RESULTS, *g.RELATIONSHIPS]
    return list(dict.fromkeys(c for kind in kinds if kind.name == name for c in kind.columns))


def _label(node: NodeType) -> Label:
    columns = dict(node.columns)
    for more in g.RESULTS:
        if more.label == node.label:
            columns |= more.columns
    properties = tuple(_property(c, t, c == node.key) for c, t in columns.items())
    return Label(node.label, _MEANINGS.get(node, ""), properties)


def _property(name: str, kind: pa.DataType, key: bool) -> Property:
    return Property(str(name), type_name(kind), unit(name, kind), key)


def unit(name: str, kind: pa.DataType) -> str:
    """The unit of a property, in words; empty if it has none."""
    if kind == g.TIME:
        return "UTC"
    if name == Col.VALUE:
        return _VALUES.get(kind, "")
    return _UNITS.get(Col(name), "") if kind in (g.NUMBER, g.WHOLE) else ""
