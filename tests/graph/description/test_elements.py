"""The description of the graph has every label, relationship type and property of the schema."""

import pytest

from followsuit.graph import schema as g
from followsuit.graph.description.elements import (
    Label,
    Property,
    Relationship,
    labels,
    relationships,
    unit,
)
from followsuit.graph.schema import Col

ELEMENTS: dict[str, Label | Relationship] = {e.name: e for e in (*labels(), *relationships())}


def test_every_element_of_the_schema_is_described() -> None:
    assert set(ELEMENTS) == {element.name for element in (*g.NODES, *g.RELATIONSHIPS)}
    for element in (*g.NODES, *g.RESULTS, *g.RELATIONSHIPS):
        described = {one.name for one in ELEMENTS[element.name].properties}
        assert set(element.columns) <= described, element.name
    for kind in relationships():
        ends = [(source.name, target.name) for source, target in kind.ends]
        same = [k for k in g.RELATIONSHIPS if k.name == kind.name]
        assert ends == [(k.source.label, k.target.label) for k in same]


@pytest.mark.parametrize("name", ELEMENTS)
def test_each_element_has_a_meaning_and_each_number_a_unit(name: str) -> None:
    assert ELEMENTS[name].meaning
    for one in ELEMENTS[name].properties:
        assert one.unit or one.type not in ("number", "integer", "time"), one.name


def test_money_is_in_hundredths_and_other_values_are_not() -> None:
    assert unit(Col.VALUE, g.MONEY).startswith("hundredths")
    assert unit(Col.VALUE, g.NUMBER) == "as delivered"
    assert unit(Col.VALUE, g.TEXT) == ""
    assert Property("price", "integer", unit(Col.PRICE, g.MONEY), False) in (
        ELEMENTS["Product"].properties
    )
