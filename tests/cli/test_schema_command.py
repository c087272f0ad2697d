"""`schema`: labels, relationship types, properties and dialects, in three formats."""

import json
from pathlib import Path

from support.commands import run_each

from followsuit.graph import schema as g
from followsuit.graph.description.dialects import differences
from followsuit.graph.description.elements import labels, relationships


def test_every_format_shows_the_whole_graph_without_a_store(tmp_path: Path) -> None:
    table, chosen, as_json, cypher, wrong = run_each(
        [["schema"], *(["schema", "--format", f] for f in ("table", "json", "cypher", "csv"))],
        tmp_path,
    )
    assert [done.code for done in (table, chosen, as_json, cypher)] == [0] * 4
    assert [done.said for done in (table, chosen, as_json, cypher)] == [""] * 4
    assert (wrong.code, wrong.said.count("\n")) == (2, 1)
    assert table.out == chosen.out
    for element in (*labels(), *relationships()):
        for name in (element.name, *(one.name for one in element.properties)):
            assert all(name in done.out for done in (table, as_json, cypher)), name
    for one in differences():
        for query in (one.on_neo4j, one.on_embedded):
            assert all(line in table.out and line in cypher.out for line in query.splitlines())
    content = json.loads(as_json.out)
    assert list(content) == ["labels", "relationships", "differences"]
    (product,) = [label for label in content["labels"] if label["name"] == g.PRODUCT.label]
    price = {
        "name": "price",
        "type": "integer",
        "unit": "hundredths of the currency's unit, per unit",
        "key": False,
    }
    assert price in product["properties"]
    (covers,) = [r for r in content["relationships"] if r["name"] == g.COVERS_BRAND.name]
    assert [g.OFFER.label, g.BRAND.label] in covers["ends"]
    assert [one["topic"] for one in content["differences"]] == [d.topic for d in differences()]
    assert list(tmp_path.iterdir()) == []
