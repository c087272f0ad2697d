"""The schema of the graph: the names of all labels, relationship types and columns.

`followsuit.graph.tables` maps a retailer's tables to it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

VERSION = 4
"""The store version; increase it when earlier code can't read a store that this code writes."""

RENAMED = {"FOR": "COVERS"}
"""Relationship types by their name in stores of earlier versions; opening a store renames them."""

TEXT: pa.DataType = pa.string()
TIME: pa.DataType = pa.timestamp("us", tz="UTC")
DATE: pa.DataType = pa.date32()
NUMBER: pa.DataType = pa.float64()
MONEY: pa.DataType = pa.int64()
"""Whole minor units: hundredths of the currency's unit."""
MONEY_UNIT = "minor units (hundredths)"
"""The unit of amounts, as the metadata of columns and the help name it."""
WHOLE: pa.DataType = pa.int64()
BOOLEAN: pa.DataType = pa.bool_()
VECTOR: pa.DataType = pa.list_(pa.float32())
TEXTS: pa.DataType = pa.list_(TEXT)


def amount(name: str, kind: pa.DataType = MONEY) -> pa.Field:
    """A column of amounts, whose metadata names the unit."""
    return pa.field(name, kind, metadata={"unit": MONEY_UNIT})


def is_amount(field: pa.Field) -> bool:
    """Whether the metadata of a column says that it holds amounts in minor units."""
    return (field.metadata or {}).get(b"unit") == MONEY_UNIT.encode()


class Col(StrEnum):
    """Every column name of the tables and the graph."""

    ACCEPTANCE = "acceptance"
    ACTIVE = "active"
    AMOUNT = "amount"
    ARM = "arm"
    AS_OF = "as_of"
    AT = "at"
    ATTRIBUTES = "attributes"
    BIRTH_DATE = "birth_date"
    BRAND = "brand"
    CATEGORY = "category"
    CHANNEL = "channel"
    CITY = "city"
    CONTACT_ID = "contact_id"
    COMMUNITY = "community"
    CORE = "core"
    COST = "cost"
    CREATED_AT = "created_at"
    CURRENCY = "currency"
    CUSTOMER_ID = "customer_id"
    CUSTOMERS = "customers"
    DIRECTED = "directed"
    EMAIL = "email"
    EMBEDDING_ID = "embedding_id"
    EVENT_ID = "event_id"
    EVIDENCE = "evidence"
    EXPECTED_VALUE = "expected_value"
    FRIEND_ID = "friend_id"
    GRADE = "grade"
    GRANTED = "granted"
    HIGH = "high"
    INCREMENTAL_VALUE = "incremental_value"
    INTERACTIONS = "interactions"
    INTEREST = "interest"
    ITEM_ID = "item_id"
    ITEM_KIND = "item_kind"
    JOINED_AT = "joined_at"
    KEY = "key"
    KIND = "kind"
    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    LOW = "low"
    MARGIN = "margin"
    NAME = "name"
    NODE_ID = "node_id"
    NODE_KIND = "node_kind"
    OFFER_ID = "offer_id"
    OFFERS = "offers"
    ORDER_ID = "order_id"
    OUTCOME = "outcome"
    OUTCOME_AT = "outcome_at"
    OWN_SHARE = "own_share"
    PAGERANK = "pagerank"
    PARAMETERS = "parameters"
    PHONE = "phone"
    PRICE = "price"
    PROBABILITY = "probability"
    PRODUCT_ID = "product_id"
    PROGRAM = "program"
    PURCHASE_ID = "purchase_id"
    PURPOSE = "purpose"
    QUANTITY = "quantity"
    RANK = "rank"
    RANKED_AS_OF = "ranked_as_of"
    REASON = "reason"
    RUN_ID = "run_id"
    SENSITIVE = "sensitive"
    SINCE = "since"
    STARTS_AT = "starts_at"
    STORE_ID = "store_id"
    STORE_IDS = "store_ids"
    TABLE = "table"
    TIMEZONE = "timezone"
    TRIGGER = "trigger"
    TRIGGER_SHARE = "trigger_share"
    TRIGGERS = "triggers"
    UNTIL = "until"
    VALID_FROM = "valid_from"
    VALID_UNTIL = "valid_until"
    VALUE = "value"
    VECTOR = "vector"
    VISIT_ID = "visit_id"

    # The two ends of a relationship, in tables that a store reads and writes.
    SOURCE = "source"
    TARGET = "target"


@dataclass(frozen=True)
class NodeType:
    """A label and its columns; the first column is the key."""

    label: str
    columns: dict[str, pa.DataType] = field(hash=False)

    @property
    def name(self) -> str:
        """The label."""
        return self.label

    @property
    def key(self) -> str:
        """The column that identifies a node of this label."""
        return next(iter(self.columns))

    def arrow_schema(self) -> pa.Schema:
        """Columns of this label's rows in `GraphStore.write` and `GraphStore.read`."""
        return pa.schema(list(self.columns.items()))


@dataclass(frozen=True)
class RelationshipType:
    """A relationship type between two labels.

    `key` names what identifies a relationship of this type: its ends `source` and `target`, and
    columns. If `target` isn't in the key, a source has at most one such relationship (a customer's
    city), and writing another replaces it.
    """

    name: str
    source: NodeType
    target: NodeType
    key: tuple[str, ...] = field(default=(Col.SOURCE, Col.TARGET))
    columns: dict[str, pa.DataType] = field(default_factory=dict, hash=False)

    def arrow_schema(self) -> pa.Schema:
        """Columns of this type's rows: `source`, `target` (the ends' keys), then its own."""
        ends = [(Col.SOURCE.value, TEXT), (Col.TARGET.value, TEXT)]
        return pa.schema(ends + list(self.columns.items()))


Element = NodeType | RelationshipType

CUSTOMER = NodeType(
    "Customer",
    {
        Col.CUSTOMER_ID: TEXT,
        Col.NAME: TEXT,
        Col.BIRTH_DATE: DATE,
        Col.JOINED_AT: TIME,
        Col.EMAIL: TEXT,
        Col.PHONE: TEXT,
        Col.TIMEZONE: TEXT,
        Col.ATTRIBUTES: TEXT,
    },
)
PRODUCT = NodeType(
    "Product",
    {
        Col.PRODUCT_ID: TEXT,
        Col.NAME: TEXT,
        Col.PRICE: MONEY,
        Col.MARGIN: MONEY,
        Col.SENSITIVE: BOOLEAN,
        Col.ATTRIBUTES: TEXT,
    },
)
CATEGORY = NodeType("Category", {Col.CATEGORY: TEXT})
BRAND = NodeType("Brand", {Col.BRAND: TEXT})
STORE = NodeType(
    "Store",
    {Col.STORE_ID: TEXT, Col.NAME: TEXT, Col.LATITUDE: NUMBER, Col.LONGITUDE: NUMBER},
)
CITY = NodeType("City", {Col.CITY: TEXT})
INTEREST = NodeType("Interest", {Col.INTEREST: TEXT})
PROGRAM = NodeType("Program", {Col.PROGRAM: TEXT})
PURPOSE = NodeType("Purpose", {Col.PURPOSE: TEXT})
EVENT = NodeType(
    "Event",
    {
        Col.EVENT_ID: TEXT,
        Col.KIND: TEXT,
        Col.AT: TIME,
        Col.PRODUCT_ID: TEXT,
        Col.STORE_ID: TEXT,
        Col.CITY: TEXT,
        Col.VALUE: NUMBER,
        Col.LATITUDE: NUMBER,
        Col.LONGITUDE: NUMBER,
        Col.STARTS_AT: TIME,
        Col.ATTRIBUTES: TEXT,
    },
)
OFFER = NodeType(
    "Offer",
    {
        Col.OFFER_ID: TEXT,
        Col.NAME: TEXT,
        Col.VALID_FROM: TIME,
        Col.VALID_UNTIL: TIME,
        Col.COST: MONEY,
        Col.VALUE: MONEY,
    },
)
RUN = NodeType(
    "Run",
    {
        Col.RUN_ID: TEXT,
        Col.KIND: TEXT,
        Col.AS_OF: TIME,
        Col.CREATED_AT: TIME,
        Col.ACTIVE: BOOLEAN,
        Col.CUSTOMERS: WHOLE,
        Col.OFFERS: WHOLE,
        Col.PARAMETERS: TEXT,
    },
)
EMBEDDING = NodeType(
    "Embedding",
    {
        Col.EMBEDDING_ID: TEXT,
        Col.RUN_ID: TEXT,
        Col.NODE_KIND: TEXT,
        Col.NODE_ID: TEXT,
        Col.VECTOR: VECTOR,
    },
)
"""The embedding of a customer, product or store from a run of `gnn embed`.

It is a separate node because LadybugDB takes minutes to add relationships that carry vectors.
"""
SENSITIVE_TABLE = NodeType("SensitiveTable", {Col.TABLE: TEXT})
"""A table of the contract that has sensitive values."""
SENSITIVE_VALUE = NodeType("SensitiveValue", {Col.VALUE: TEXT})
"""A sensitive kind of event, interest, program or store."""
META = NodeType("FollowsuitMeta", {Col.KEY: TEXT, Col.VALUE: TEXT})
"""Notes about the store itself: version, revision, an unfinished load."""

CUSTOMER_RANK = NodeType(
    CUSTOMER.label,
    {
        Col.CUSTOMER_ID: TEXT,
        Col.INCREMENTAL_VALUE: NUMBER,
        Col.PAGERANK: NUMBER,
        Col.CORE: WHOLE,
        Col.COMMUNITY: WHOLE,
        Col.RANKED_AS_OF: TIME,
    },
)
"""The columns that `influence rank` writes to existing customers."""

CATEGORY_SENSITIVE = NodeType(CATEGORY.label, {Col.CATEGORY: TEXT, Col.SENSITIVE: BOOLEAN})
"""The column that the table `categories` writes to existing categories."""

RESULTS = (CUSTOMER_RANK, CATEGORY_SENSITIVE)
"""Further columns of a label; writing them leaves its other columns unchanged."""

NODES = (
    CUSTOMER,
    PRODUCT,
    CATEGORY,
    BRAND,
    STORE,
    CITY,
    INTEREST,
    PROGRAM,
    PURPOSE,
    EVENT,
    OFFER,
    RUN,
    EMBEDDING,
    SENSITIVE_TABLE,
    SENSITIVE_VALUE,
)


def with_results(node: NodeType) -> NodeType:
    """A label with its further columns too."""
    columns = dict(node.columns)
    for further in RESULTS:
        if further.label == node.label:
            columns |= further.columns
    return NodeType(node.label, columns)


_ONE = (Col.SOURCE,)

FRIEND_OF = RelationshipType(
    "FRIEND_OF",
    CUSTOMER,
    CUSTOMER,
    columns={Col.SINCE: TIME, Col.INTERACTIONS: NUMBER, Col.DIRECTED: BOOLEAN},
)
PURCHASED = RelationshipType(
    "PURCHASED",
    CUSTOMER,
    PRODUCT,
    key=(Col.PURCHASE_ID,),
    columns={
        Col.PURCHASE_ID: TEXT,
        Col.AT: TIME,
        Col.QUANTITY: NUMBER,
        Col.AMOUNT: MONEY,
        Col.CURRENCY: TEXT,
        Col.CHANNEL: TEXT,
        Col.STORE_ID: TEXT,
        Col.ORDER_ID: TEXT,
    },
)
VISITED = RelationshipType(
    "VISITED", CUSTOMER, STORE, key=(Col.EVENT_ID,), columns={Col.EVENT_ID: TEXT, Col.AT: TIME}
)
VIEWED = RelationshipType(
    "VIEWED",
    CUSTOMER,
    PRODUCT,
    key=(Col.EVENT_ID,),
    columns={
        Col.EVENT_ID: TEXT,
        Col.AT: TIME,
        Col.STORE_ID: TEXT,
        Col.CITY: TEXT,
        Col.VALUE: NUMBER,
        Col.LATITUDE: NUMBER,
        Col.LONGITUDE: NUMBER,
        Col.STARTS_AT: TIME,
        Col.ATTRIBUTES: TEXT,
    },
)
DID = RelationshipType("DID", CUSTOMER, EVENT, key=(Col.TARGET,))
LIKES = RelationshipType("LIKES", CUSTOMER, INTEREST, columns={Col.AT: TIME})
HOLDS = RelationshipType(
    "HOLDS",
    CUSTOMER,
    PROGRAM,
    key=(Col.SOURCE, Col.TARGET, Col.SINCE),
    columns={Col.SINCE: TIME, Col.UNTIL: TIME},
)
LIVES_IN = RelationshipType("LIVES_IN", CUSTOMER, CITY, key=_ONE)
CONSENTED = RelationshipType(
    "CONSENTED",
    CUSTOMER,
    PURPOSE,
    key=(Col.SOURCE, Col.TARGET, Col.AT, Col.GRANTED),
    columns={Col.GRANTED: BOOLEAN, Col.AT: TIME},
)
PRODUCT_IN_CATEGORY = RelationshipType("IN_CATEGORY", PRODUCT, CATEGORY, key=_ONE)
STORE_IN_CATEGORY = RelationshipType("IN_CATEGORY", STORE, CATEGORY, key=_ONE)
OF_BRAND = RelationshipType("OF_BRAND", PRODUCT, BRAND, key=_ONE)
IN_CITY = RelationshipType("IN_CITY", STORE, CITY, key=_ONE)
COVERS_PRODUCT = RelationshipType("COVERS", OFFER, PRODUCT, key=_ONE)
COVERS_CATEGORY = RelationshipType("COVERS", OFFER, CATEGORY, key=_ONE)
COVERS_BRAND = RelationshipType("COVERS", OFFER, BRAND, key=_ONE)
COVERS_PROGRAM = RelationshipType("COVERS", OFFER, PROGRAM, key=_ONE)
COVERS_INTEREST = RelationshipType("COVERS", OFFER, INTEREST, key=_ONE)
REDEEMABLE_AT = RelationshipType("REDEEMABLE_AT", OFFER, STORE, key=_ONE)
_INCLUDED = (Col.SOURCE, Col.TARGET, Col.STORE_ID)
INCLUDES_PRODUCT = RelationshipType(
    "INCLUDES", OFFER, PRODUCT, key=_INCLUDED, columns={Col.STORE_ID: TEXT}
)
"""A product of an offer's items, at one store if `store_id` names one."""
INCLUDES_STORE = RelationshipType(
    "INCLUDES", OFFER, STORE, key=_INCLUDED, columns={Col.STORE_ID: TEXT}
)
"""A store of an offer's items; `store_id` is the store too."""
SENSITIVE_IN = RelationshipType("SENSITIVE_IN", SENSITIVE_VALUE, SENSITIVE_TABLE)
CONTACTED = RelationshipType(
    "CONTACTED",
    CUSTOMER,
    OFFER,
    key=(Col.CONTACT_ID,),
    columns={
        Col.CONTACT_ID: TEXT,
        Col.CHANNEL: TEXT,
        Col.AT: TIME,
        Col.ARM: TEXT,
        Col.OUTCOME: TEXT,
        Col.OUTCOME_AT: TIME,
    },
)

_RECOMMENDED: dict[str, pa.DataType] = {
    Col.RUN_ID: TEXT,
    Col.RANK: WHOLE,
    Col.ITEM_KIND: TEXT,
    Col.OFFER_ID: TEXT,
    Col.PROBABILITY: NUMBER,
    Col.TRIGGER_SHARE: NUMBER,
    Col.VALUE: MONEY,
    Col.CHANNEL: TEXT,
    Col.TRIGGER: TEXT,
    Col.REASON: TEXT,
    Col.LOW: NUMBER,
    Col.HIGH: NUMBER,
    Col.ACCEPTANCE: NUMBER,
    Col.OWN_SHARE: NUMBER,
    Col.TRIGGERS: TEXTS,
    Col.UNTIL: TIME,
    Col.EXPECTED_VALUE: NUMBER,
    Col.STORE_IDS: TEXTS,
}
_RANKED = (Col.SOURCE, Col.RUN_ID, Col.RANK)
RECOMMENDED_PRODUCT = RelationshipType("RECOMMENDED", CUSTOMER, PRODUCT, _RANKED, _RECOMMENDED)
RECOMMENDED_STORE = RelationshipType("RECOMMENDED", CUSTOMER, STORE, _RANKED, _RECOMMENDED)
INFLUENCES = RelationshipType(
    "INFLUENCES",
    CUSTOMER,
    CUSTOMER,
    key=(Col.SOURCE, Col.TARGET, Col.CATEGORY, Col.RUN_ID),
    columns={
        Col.RUN_ID: TEXT,
        Col.CATEGORY: TEXT,
        Col.PROBABILITY: NUMBER,
        Col.LOW: NUMBER,
        Col.HIGH: NUMBER,
        Col.EVIDENCE: NUMBER,
        Col.GRADE: TEXT,
    },
)
CUSTOMER_EMBEDDED = RelationshipType("EMBEDDED", CUSTOMER, EMBEDDING, key=(Col.TARGET,))
PRODUCT_EMBEDDED = RelationshipType("EMBEDDED", PRODUCT, EMBEDDING, key=(Col.TARGET,))
STORE_EMBEDDED = RelationshipType("EMBEDDED", STORE, EMBEDDING, key=(Col.TARGET,))

RELATIONSHIPS = (
    FRIEND_OF,
    PURCHASED,
    VISITED,
    VIEWED,
    DID,
    LIKES,
    HOLDS,
    LIVES_IN,
    CONSENTED,
    PRODUCT_IN_CATEGORY,
    STORE_IN_CATEGORY,
    OF_BRAND,
    IN_CITY,
    COVERS_PRODUCT,
    COVERS_CATEGORY,
    COVERS_BRAND,
    COVERS_PROGRAM,
    COVERS_INTEREST,
    REDEEMABLE_AT,
    INCLUDES_PRODUCT,
    INCLUDES_STORE,
    SENSITIVE_IN,
    CONTACTED,
    RECOMMENDED_PRODUCT,
    RECOMMENDED_STORE,
    INFLUENCES,
    CUSTOMER_EMBEDDED,
    PRODUCT_EMBEDDED,
    STORE_EMBEDDED,
)

EVERYTHING: tuple[Element, ...] = (META, *map(with_results, NODES), *RELATIONSHIPS)
"""All that a store holds, nodes before relationships."""

LATER_COLUMNS: tuple[tuple[Element, tuple[str, ...]], ...] = (
    (CUSTOMER, (Col.ATTRIBUTES,)),
    (PRODUCT, (Col.ATTRIBUTES,)),
    (EVENT, (Col.LATITUDE, Col.LONGITUDE, Col.STARTS_AT, Col.ATTRIBUTES)),
    (PURCHASED, (Col.ORDER_ID,)),
    (VIEWED, (Col.LATITUDE, Col.LONGITUDE, Col.STARTS_AT, Col.ATTRIBUTES)),
    (
        RECOMMENDED_PRODUCT,
        (
            Col.LOW,
            Col.HIGH,
            Col.ACCEPTANCE,
            Col.OWN_SHARE,
            Col.TRIGGERS,
            Col.UNTIL,
            Col.EXPECTED_VALUE,
            Col.STORE_IDS,
        ),
    ),
)
"""Columns that stores of earlier versions lack, the last of their element."""

RENAMED_COLUMNS: tuple[tuple[str, str, str], ...] = (("RECOMMENDED", "uplift", Col.TRIGGER_SHARE),)
"""Relationship type, old and new name of columns in stores of earlier versions."""
