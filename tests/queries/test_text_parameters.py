"""Parameters that a query compares with ids and other text."""

import pytest

from followsuit.queries.text_parameters import text_parameters

TEXT = [
    "MATCH (c:Customer {customer_id: $p}) RETURN c.name AS x",
    "MATCH (c:Customer {name: 'x', `customer_id`:$p}) RETURN c.name AS x",
    "MATCH (c) WHERE c.customer_id = $p RETURN c",
    "MATCH (c) WHERE NOT $p=c.customer_id RETURN c",
    "MATCH (c) WHERE c.`customer_id` <> $p RETURN c",
    "MATCH (c) WHERE c.customer_id in $p RETURN c",
    "MATCH (c) WHERE c.customer_id IN ['x', $p] RETURN c",
    "MATCH (c) WHERE toLower(c.email) = toLower($p) RETURN c",
    "MATCH (c) WHERE c.phone STARTS WITH $p OR c.phone contains $p RETURN c",
    "UNWIND $p AS id MATCH (c:Customer {customer_id: id}) RETURN c",
    "WITH $p AS given MATCH (c) WHERE given = c.customer_id RETURN c",
    "MATCH (c) WITH c.customer_id AS id WHERE id = $p RETURN id",
    "MATCH (c)-[b:PURCHASED]->() WHERE b.order_id = $p AND b.quantity > 3 RETURN c",
    "MATCH (c) RETURN CASE WHEN c.name = $p THEN 1 END AS x",
]
OTHERS = [
    "MATCH (c) RETURN c.customer_id AS id LIMIT $p",
    "MATCH ()-[b:PURCHASED]->() WHERE b.quantity > $p RETURN b",
    "MATCH (c)-[b:PURCHASED]->() WHERE c.customer_id = 'x' AND b.amount = $p RETURN b",
    "MATCH (c) WHERE size(c.name) = $p RETURN c",
    "MATCH (c) // c.name = $p\nRETURN 'c.name = $p' AS x, $p AS y",
    "MATCH (v:SensitiveValue) WHERE v.value = $p RETURN v",
    "RETURN $p + 1 AS x",
    "MATCH (c {customer_id: 'x'})-[r:RECOMMENDED {rank: $p}]->() RETURN r",
    "",
    "{{$p = ",
]


@pytest.mark.parametrize("cypher", TEXT)
def test_what_is_compared_with_text_is_text(cypher: str) -> None:
    assert text_parameters(cypher) == {"p"}


@pytest.mark.parametrize("cypher", OTHERS)
def test_other_parameters_are_not(cypher: str) -> None:
    assert text_parameters(cypher) == set()


def test_each_parameter_is_judged_for_itself() -> None:
    cypher = "MATCH (c {customer_id: $id})-[b:PURCHASED]->() WHERE b.amount > $n RETURN c LIMIT $m"
    assert text_parameters(cypher) == {"id"}
