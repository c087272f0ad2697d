"""The contract of the tables, the graph, the mapping and the query library, as Markdown."""

import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import meanings
import pyarrow as pa
from pydantic import BaseModel
from to_markdown import code, field_docs, sentence, table

from followsuit.graph import schema as g
from followsuit.graph.description.dialects import differences
from followsuit.graph.description.elements import Property, labels, type_name
from followsuit.graph.description.elements import relationships as relationship_types
from followsuit.graph.tables import TABLES, Field, Kind, Table
from followsuit.loaders.column_mapping import ColumnMapping
from followsuit.loaders.mapping import TableMapping, shipped_mappings
from followsuit.offers.decisions.decision_rows import schema_of
from followsuit.offers.explanation.not_offered import EXPLAINED
from followsuit.queries.library import LibraryQuery, Parameter, library


def tables() -> str:
    """Each table of the contract, with its columns."""
    return "".join(_table(one) for one in TABLES.values())


def _table(one: Table) -> str:
    rows = [
        (code(f.name), _kind(f), "yes" if f.required else "", _meaning(one, f)) for f in one.fields
    ]
    columns = table(("column", "type", "required", "meaning"), rows)
    key = ", ".join(map(code, one.key))
    return f"## {one.name}\n\n{meanings.TABLES[one.name]} Key: {key}.\n\n{columns}"


def _kind(field: Field) -> str:
    return f"{field.kind} of {code(field.refers)}" if field.refers else str(field.kind)


def _meaning(one: Table, field: Field) -> str:
    """What a column holds.

    Raises:
        KeyError: `meanings.py` lacks the column. Add it there.
    """
    special = meanings.OF_TABLE.get((one.name, str(field.name)))
    return special or meanings.COLUMNS[field.name]


def kinds() -> str:
    """How the text of each type is read."""
    return table(("type", "how it is read"), [(code(k), meanings.KINDS[k]) for k in Kind])


def nodes() -> str:
    """Each label of the graph, with its properties."""
    return "".join(
        f"### {label.name}\n\n{label.meaning}\n\n{_properties(label.properties)}"
        for label in labels()
    )


def relationships() -> str:
    """Each relationship type of the graph, with the pairs of labels that it joins."""
    parts = []
    for kind in relationship_types():
        ends = ", ".join(code(f"({a.name})-[:{kind.name}]->({b.name})") for a, b in kind.ends)
        table_of = _properties(kind.properties) if kind.properties else ""
        parts.append(f"### {kind.name}\n\n{kind.meaning} {ends}.\n\n{table_of}")
    return "".join(parts)


def _properties(properties: tuple[Property, ...]) -> str:
    rows = [(code(p.name), p.type, p.unit, "yes" if p.key else "") for p in properties]
    return table(("property", "type", "unit", "key"), rows)


def dialects() -> str:
    """What the engines write differently, a line each."""
    rows = [
        (one.topic, _inline(one.neo4j), _inline(one.embedded), one.both) for one in differences()
    ]
    return table(("what", "on Neo4j", "on the embedded engine", "on both"), rows)


def _inline(text: str) -> str:
    return code(text.replace("|", "\\|"))


def dialect_examples() -> str:
    """A query for each engine per difference."""
    return "".join(
        f"### {one.topic}\n\nOn Neo4j:\n\n```text\n{one.on_neo4j}\n```\n\n"
        f"On the embedded engine:\n\n```text\n{one.on_embedded}\n```\n\n"
        for one in differences()
    )


def table_mapping() -> str:
    """The keys of `[tables.NAME]`."""
    return _keys(TableMapping)


def column_mapping() -> str:
    """The keys of one column."""
    return _keys(ColumnMapping)


def _keys(model: type[BaseModel]) -> str:
    docs = meanings.KEYS | field_docs(model)
    rows = [
        (code(name), _value(field.annotation), docs[name])
        for name, field in model.model_fields.items()
    ]
    return table(("key", "value", "meaning"), rows)


def _value(annotation: Any) -> str:
    """The values that a field takes, in words."""
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [_value(part) for part in get_args(annotation) if part is not type(None)]
        return " or ".join(dict.fromkeys(parts))
    if get_origin(annotation) is Annotated:
        return _value(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return " or ".join(map(code, get_args(annotation)))
    words = {str: "text", int: "number", float: "number", bool: "boolean"}
    plain = get_origin(annotation) or annotation
    return (
        words.get(plain) or {"datetime": "time", "dict": "table", "tuple": "list"}[plain.__name__]
    )


def shipped() -> str:
    """The names of the mappings that come with followsuit."""
    return ", ".join(map(code, shipped_mappings())) + "\n"


def decisions() -> str:
    """The columns of `decisions.parquet`."""
    rows = [
        (code(f.name), _kind_of(f), meanings.DECISIONS[f.name]) for f in schema_of(["popularity"])
    ]
    return table(("column", "type", "meaning"), rows)


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    if pa.types.is_struct(kind):
        return "a number for each feature"
    return type_name(kind)


def _kind_of(field: pa.Field) -> str:
    return "money" if g.is_amount(field) else _type(field.type)


def rules() -> str:
    """Each reason not to offer something."""
    rows = [(code(name), sentence(text)) for name, text in EXPLAINED.items()]
    return table(("rule", "meaning"), rows)


def queries() -> str:
    """Each query of the library."""
    return "".join(_query(query) for query in library().values())


_UNIT = f" in {g.MONEY_UNIT}"


def _query(query: LibraryQuery) -> str:
    given = table(("parameter", "type", "default", "meaning"), map(_parameter, query.parameters))
    columns = ", ".join(
        f"{code(name)} {kind}{_UNIT if kind == 'money' else ''}"
        for name, kind in query.columns.items()
    )
    order = ", ".join(
        code(name) + (" (largest first)" if way == "descending" else "")
        for name, way in query.order
    )
    return "\n\n".join(
        _present(
            [
                f"## {query.name}",
                sentence(query.question),
                f"Shows {query.shows}.",
                given if query.parameters else "",
                f"Columns: {columns}.",
                "".join(f"- {code(c)}: {meaning}.\n" for c, meaning in query.meanings.items()),
                f"Order: {order}." if order else "",
                "",
            ]
        )
    )


def _parameter(parameter: Parameter) -> tuple[str, str, str, str]:
    default = "required" if parameter.default is None else code(parameter.default)
    return code(parameter.name), parameter.type, default, sentence(parameter.meaning)


def _present(parts: Iterable[str]) -> Iterable[str]:
    """All parts but empty ones, and an empty last line."""
    return [*(part for part in parts if part), ""]
