"""Words in definitions that a store has never seen: kinds of events, and kept attributes."""

from collections.abc import Iterator, Mapping, Sequence

import ibis
import ibis.expr.datatypes as dt

from followsuit.core.near_names import near_name
from followsuit.graph import tables as t
from followsuit.graph.schema import Col
from followsuit.graph.tables import Table
from followsuit.graph.views.snapshot import Snapshot
from followsuit.graph.views.view import View
from followsuit.triggers.definitions.definition import Definition, Did, FriendDid, OnDate, Scope
from followsuit.triggers.definitions.definition_file import shipped_definitions
from followsuit.triggers.definitions.kinds import OWNERS, RESERVED, event_kind, fields_of, table_of


def unseen(view: View, definitions: Mapping[str, Definition]) -> list[str]:
    """What definitions name that the store has never seen, each with the nearest known word.

    The shipped triggers are left out: few shops have the data for all of them.

    Args:
        view: the store as of any day; rows of all days count.
        definitions: the definitions by name.
    """
    shipped = shipped_definitions()
    own = [each for name, each in definitions.items() if each != shipped.get(name)]
    if not own:
        return []
    kinds = view.event_kinds
    known = sorted([*kinds, *RESERVED])
    notes = [
        _note(each, f"the store has no events of kind {event_kind(kind)}", kind, known)
        for each in own
        for kind in dict.fromkeys(each.kinds())
        if kind not in RESERVED and event_kind(kind) not in kinds
    ]
    return notes + [note for each in own for note in _attributes(view, each)]


def _attributes(view: View, definition: Definition) -> Iterator[str]:
    """The attributes that no row has."""
    for tables, names in _named(definition):
        # A misspelt word of `offer` reads like an attribute.
        words = set(Scope.model_fields) if names == list(definition.offer.attributes) else set()
        columns = {f.name for table in tables for f in table.fields}
        missing = [name for name in names if name not in columns]
        if not missing:
            continue
        kept = {table: _attribute_names(view.snapshot, table) for table in tables}
        plain = columns.union(*kept.values())
        owned = {
            f"{owner}.{column}"
            for owner, table in OWNERS.items()
            if table in tables
            for column in {f.name for f in table.fields} | kept[table]
        }
        for name in missing:
            if name not in plain | owned:
                where = " or ".join(table.name for table in tables)
                known = sorted(plain | (owned if "." in name else words))
                yield _note(definition, f"{where} have no column {name}", name, known)


def _named(definition: Definition) -> Iterator[tuple[list[Table], list[str]]]:
    """The columns that a definition names, with the tables that may have them."""
    for condition in definition.when:
        if isinstance(condition, OnDate):
            yield [t.CUSTOMERS], [condition.date]
        elif isinstance(condition, Did | FriendDid):
            kind = condition.did if isinstance(condition, Did) else condition.friend_did
            tables = [table_of(kind)]
            tables += [t.PRODUCTS] if t.PRODUCTS.key[0] in fields_of(kind) else []
            tables += [t.STORES] if t.STORES.key[0] in fields_of(kind) else []
            summed = [condition.sum] if isinstance(condition, Did) and condition.sum else []
            yield tables, [*condition.where, *summed]
    yield [t.PRODUCTS, t.STORES], list(definition.offer.attributes)


def _note(definition: Definition, what: str, word: str, known: Sequence[str]) -> str:
    near = near_name(word, known)
    return f"{definition.name}: {what}." + (f" Did you mean {near}?" if near else "")


def _attribute_names(snapshot: Snapshot, table: Table) -> set[str]:
    """The names of the kept attributes in a table, in rows of any time."""
    rows = snapshot.rows(table)
    if Col.ATTRIBUTES not in rows.columns:
        return set()
    keys = rows.select(name=_json_keys(rows.attributes).unnest()).distinct()
    return set(keys.to_pyarrow()["name"].to_pylist())


@ibis.udf.scalar.builtin(name="json_keys")  # type: ignore[untyped-decorator]
def _json_keys(value: dt.string) -> dt.Array[dt.string]:
    """The keys of a JSON object."""
