"""The schema and the table contract: their fixed names, which no other module spells."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import followsuit
from followsuit.graph import schema
from followsuit.graph import schema as g
from followsuit.graph.schema import Col
from followsuit.graph.tables import NODE_TABLES, TABLES, Kind

CONTRACT = {
    "customers": "customer_id* name birth_date city joined_at email phone timezone attributes",
    "products": "product_id* name category brand price margin sensitive attributes",
    "stores": "store_id* name category city latitude longitude",
    "friendships": "customer_id* friend_id* since interactions directed",
    "purchases": "purchase_id order_id customer_id* product_id* at* store_id quantity amount "
    "currency channel",
    "visits": "visit_id customer_id* store_id* at*",
    "events": "event_id customer_id* kind* at* product_id store_id city latitude longitude "
    "starts_at value attributes",
    "offer_items": "offer_id* product_id store_id",
    "categories": "category* sensitive",
    "sensitive_values": "table* value*",
    "likes": "customer_id* interest* at",
    "memberships": "customer_id* program* since until",
    "offers": "offer_id* name product_id category brand store_id program interest valid_from "
    "valid_until cost value",
    "contacts": "contact_id customer_id* offer_id* channel* at* arm outcome outcome_at",
    "consents": "customer_id* purpose* granted* at*",
}
TYPES = {
    Kind.TIME: "at joined_at since until valid_from valid_until outcome_at starts_at",
    Kind.DATE: "birth_date",
    Kind.MONEY: "price margin amount cost",
    Kind.NUMBER: "quantity latitude longitude interactions",
    Kind.BOOLEAN: "sensitive directed granted",
    Kind.ID: "customer_id product_id store_id friend_id purchase_id visit_id event_id offer_id "
    "contact_id order_id",
    Kind.ATTRIBUTES: "attributes",
}
GRAPH = {
    "Customer",
    "Product",
    "Category",
    "Brand",
    "Store",
    "City",
    "Interest",
    "Program",
    "Offer",
    "Run",
    "FRIEND_OF",
    "PURCHASED",
    "VISITED",
    "VIEWED",
    "LIKES",
    "HOLDS",
    "LIVES_IN",
    "IN_CATEGORY",
    "OF_BRAND",
    "IN_CITY",
    "COVERS",
    "REDEEMABLE_AT",
    "CONTACTED",
    "RECOMMENDED",
    "INFLUENCES",
}
"""What the design names."""
PACKAGE = Path(followsuit.__file__).parent
NAMES = {e.name for e in (*g.NODES, *g.RELATIONSHIPS, g.META)}


class TestContract:
    @pytest.mark.parametrize("name", CONTRACT)
    def test_each_table_has_the_columns_of_the_contract(self, name: str) -> None:
        fields = [f.name + "*" * f.required for f in TABLES[name].fields]
        assert " ".join(fields) == CONTRACT[name]

    def test_there_are_no_other_tables(self) -> None:
        assert TABLES.keys() == CONTRACT.keys()

    def test_types_are_those_of_the_contract(self) -> None:
        kinds = {name: kind for kind, names in TYPES.items() for name in names.split()}
        for table in TABLES.values():
            for field in table.fields:
                # Of an event a number, of an offer money, of a sensitive value text.
                if field.name != Col.VALUE:
                    text = (Kind.TEXT, Kind.CODE, Kind.CURRENCY)
                    expected = (kinds[field.name],) if field.name in kinds else text
                    assert field.kind in expected, (table.name, field.name)
        assert TABLES["events"]["value"].kind is Kind.NUMBER
        assert TABLES["offers"]["value"].kind is Kind.MONEY

    def test_a_table_comes_after_those_that_it_refers_to(self) -> None:
        order = list(TABLES)
        for table in TABLES.values():
            for field in table.fields:
                if field.refers is not None and field.refers != table.name:
                    assert field.refers in NODE_TABLES
                    assert order.index(field.refers) < order.index(table.name)

    def test_every_column_is_stored_in_the_graph_once(self) -> None:
        for table in TABLES.values():
            for side in (True, False):
                parts = [p for p in table.parts if p.split in (side, None)]
                carried = {column for part in parts for column in part.columns.values()}
                # A view says by its type of what kind it is.
                implied = {"events": {"kind"}} if side else {"offer_items": {"product_id"}}
                assert carried | implied.get(table.name, set()) == {f.name for f in table.fields}, (
                    table.name
                )

    def test_columns_keep_their_type_in_the_graph(self) -> None:
        for table in TABLES.values():
            for part in table.parts:
                schema = part.element.arrow_schema()
                for own, name in part.columns.items():
                    assert schema.field(own).type == table[name].type, (table.name, name)
                assert list(part.columns) == schema.names


class TestGraph:
    def test_labels_and_types_are_those_of_the_design(self) -> None:
        assert GRAPH <= NAMES
        assert {
            "Purpose",
            "Event",
            "DID",
            "CONSENTED",
            "FollowsuitMeta",
            "Embedding",
            "EMBEDDED",
            "INCLUDES",
            "SensitiveTable",
            "SensitiveValue",
            "SENSITIVE_IN",
        } == NAMES - GRAPH

    def test_each_label_has_a_key_of_text(self) -> None:
        for node in (*g.NODES, g.META):
            assert node.columns[node.key] == g.TEXT
        assert len({n.label for n in g.NODES}) == len(g.NODES)

    def test_types_of_one_name_have_the_same_columns_and_key(self) -> None:
        for one in g.RELATIONSHIPS:
            for other in g.RELATIONSHIPS:
                if one.name == other.name:
                    assert (one.columns, one.key) == (other.columns, other.key)

    def test_a_key_consists_of_the_types_own_columns(self) -> None:
        for element in g.RELATIONSHIPS:
            assert set(element.key) <= set(element.arrow_schema().names)
            assert {element.source, element.target} <= set(g.NODES)


class TestNobodyElse:
    """One module names labels, relationship types and columns; no other spells a label or type."""

    def test_no_other_module_spells_a_label_or_a_relationship_type(self) -> None:
        spellings = [
            f"{path}:{line}: {text}"
            for path in modules()
            for line, text in strings(path)
            if spelled(text)
        ]
        assert spellings == []

    def test_the_search_finds_planted_spellings(self, tmp_path: Path) -> None:
        searched = {f"{path.parent.name}/{path.name}" for path in modules()}
        assert {"graph/store.py", "loaders/load.py", "offers/score.py", "cli/app.py"} <= searched
        assert "graph/schema.py" not in searched
        path = tmp_path / "room.py"
        path.write_text(
            '"""Docstrings may speak of a Customer and of FRIEND_OF."""\n'
            "def ask(x):\n"
            "    '''A `Customer`.'''\n"
            "    one = 'FRIEND_OF'\n"
            "    two = f'MATCH (c:Customer)-[:{x}]->() RETURN c'\n"
            "    three = 'MATCH (a)-[r:`PURCHASED`|VIEWED]->(b) RETURN b'\n"
            "    four = 'a Customer who likes it, For Offer'\n"
            "    return one, two, three, four\n"
            "app.command(epilog='MATCH (c:Customer) RETURN c')(ask)\n"
        )
        assert [(line, spelled(text)) for line, text in strings(path) if spelled(text)] == [
            (4, ["FRIEND_OF"]),
            (5, ["Customer"]),
            (6, ["PURCHASED", "VIEWED"]),
        ]

    @pytest.mark.parametrize(
        "path", sorted((PACKAGE / "queries").glob("*.cypher")), ids=lambda path: path.stem
    )
    def test_the_library_names_only_what_is_in_the_schema(self, path: Path) -> None:
        text = re.sub(r"//[^\n]*|'[^']*'", "", path.read_text())
        patterns = re.findall(r"[(\[]\w*:`?(\w+)`?", text)
        assert patterns
        assert set(patterns) <= NAMES - {g.META.name}
        columns = {c for e in (*g.NODES, *g.RESULTS, *g.RELATIONSHIPS) for c in e.columns}
        # A map's keys (`{active: true}`) and a variable's columns (`c.customer_id`).
        named = {a or b for a, b in re.findall(r"\{(\w+):|\b[a-z]\w*\.([a-z]\w*)", text)}
        assert named <= columns


def modules() -> list[Path]:
    """Every module of the package, rooms behind links too, but for the schema and the contracts
    that tests inherit.
    """
    rooms = [room for room in PACKAGE.iterdir() if room.is_dir() and room.name != "testing"]
    modules = [*PACKAGE.glob("*.py"), *(p for room in rooms for p in room.resolve().rglob("*.py"))]
    return sorted(p for p in modules if p != Path(schema.__file__).resolve())


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """The string constants of a module, parts of f-strings among them.

    Docstrings and the examples of the command line's help are for people: they are left out.
    """
    tree = ast.parse(path.read_text())
    for_people = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            for_people.add(id(node.value))
        if isinstance(node, ast.keyword) and node.arg == "epilog":
            for_people.add(id(node.value))
    texts = [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in for_people
    ]
    yield from sorted(texts)


def spelled(text: str) -> list[str]:
    """The labels and relationship types in a text: all of it, or in a pattern of Cypher."""
    if text in NAMES:
        return [text]
    return [n for n in re.findall(r"[:|]\s*`?(\w+)`?", text) if n in NAMES]
