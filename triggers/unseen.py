"""Words in definitions that a store has never seen: kinds of events, and kept attributes."""

from collections.abc import Iterator, Mapping, Sequence

from followsuit.core.near_names import near_name
from followsuit.graph import tables as t
from followsuit.graph.tables import Table
from followsuit.graph.view import View
from followsuit.triggers.definition import (
    RESERVED,
    Definition,
    Did,
    FriendDid,
    OnDate,
    Scope,
    event_kind,
    fields_of,
    table_of,
)
from followsuit.triggers.definition_file import shipped_definitions
from followsuit.triggers.interactions import attribute_names


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
        attributes = attribute_names(view.snapshot, tables)
        for name in missing:
            if name.rpartition(".")[2] not in columns | attributes:
                where = " or ".join(table.name for table in tables)
                known = sorted(columns | attributes | words)
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
