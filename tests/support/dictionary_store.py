"""Any sequence of writes to a store, against a dictionary that takes the same."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from followsuit.graph import schema as g
from followsuit.graph.schema import Element, NodeType
from followsuit.testing.graph_rows import Content, key_of, nodes, rows, stored
from followsuit.testing.places import Place
from followsuit.testing.store.large import model_write

PEOPLE = ["", "ann", "bob", "cas", "d'Arc"]
THINGS = ["tea", "pot"]
CITIES = ["Lima", "São Paulo"]


def _several(element: Element, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A write of some rows, each key at most once."""
    record = st.fixed_dictionaries(columns)
    records = st.lists(record, max_size=6, unique_by=lambda r: tuple(r[c] for c in key_of(element)))
    return records.map(lambda drawn: ("write", element, rows(element, *drawn)))


def _deletion(element: Element, column: str, values: Sequence[str]) -> st.SearchStrategy[Any]:
    some = st.lists(st.sampled_from(values), max_size=2, unique=True)
    return some.map(lambda drawn: ("delete", element, column, drawn))


_person = st.sampled_from(PEOPLE)
_few = st.sampled_from([None, "", "a", "b"])

steps = st.lists(
    st.one_of(
        _several(g.CUSTOMER, customer_id=_person, name=_few, email=_few),
        _several(
            g.FRIEND_OF,
            source=_person,
            target=_person,
            interactions=st.sampled_from([None, 0.0, 1.5]),
            directed=st.sampled_from([None, True, False]),
        ),
        _several(g.LIVES_IN, source=_person, target=st.sampled_from([None, *CITIES])),
        _several(
            g.PURCHASED,
            source=_person,
            target=st.sampled_from(THINGS),
            purchase_id=st.sampled_from("1234"),
            amount=st.sampled_from([None, 5, -5]),
        ),
        _deletion(g.CUSTOMER, "customer_id", PEOPLE),
        _deletion(g.PURCHASED, "purchase_id", "1234"),
        _deletion(g.FRIEND_OF, "source", PEOPLE),
        st.sampled_from([("clear", g.FRIEND_OF), ("clear", g.LIVES_IN)]),
    ),
    max_size=8,
)
MODELLED = (g.CUSTOMER, g.FRIEND_OF, g.LIVES_IN, g.PURCHASED)


def check_against_model(place: Place, taken: list[tuple[Any, ...]]) -> None:
    """Take steps on an emptied store and on dictionaries, and compare the two."""
    with place.open() as store, store.writing():
        for node, keys in ((g.CUSTOMER, PEOPLE), (g.PRODUCT, THINGS), (g.CITY, CITIES)):
            store.delete(node, node.key, keys)
            store.write(node, nodes(node, *keys))
        model: dict[Element, Content] = {element: {} for element in MODELLED}
        model_write(model[g.CUSTOMER], g.CUSTOMER, nodes(g.CUSTOMER, *PEOPLE))
        for what, element, *rest in taken:
            if what == "write":
                table = _with_known_ends(element, rest[0], model)
                store.write(element, table)
                model_write(model[element], element, table)
            elif what == "delete":
                store.delete(element, *rest)
                _model_delete(model, element, *rest)
            else:
                store.clear(element)
                model[element].clear()
        for element in MODELLED:
            assert stored(store, element) == model[element]


def _with_known_ends(element: Element, table: pa.Table, model: dict[Element, Content]) -> pa.Table:
    """Customers may have been deleted: rows that name those have no place."""
    if isinstance(element, NodeType):
        return table
    customers = {key[0] for key in model[g.CUSTOMER]}
    return rows(
        element,
        *(
            r
            for r in table.to_pylist()
            if r["source"] in customers
            and (element.target is not g.CUSTOMER or r["target"] in customers)
        ),
    )


def _model_delete(
    model: dict[Element, Content], element: Element, column: str, values: list[str]
) -> None:
    for key, record in list(model[element].items()):
        if record[column] in values:
            del model[element][key]
    if element is not g.CUSTOMER:
        return
    for other in (g.FRIEND_OF, g.LIVES_IN, g.PURCHASED):
        for key, record in list(model[other].items()):
            of_customers = [record["source"]] + [record["target"]] * (other is g.FRIEND_OF)
            if set(of_customers) & set(values):
                del model[other][key]
