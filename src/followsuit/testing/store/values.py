"""The contract of a store's values: they come back as they were written."""

import math
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from followsuit.graph import schema as g
from followsuit.testing.graph_rows import by_key, nodes, rows, stored
from followsuit.testing.places import Place

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "text": (
        g.TEXT,
        [
            "",
            " ",
            "it's",
            'say "yes"',
            "C:\\new\\table\\",
            "\\'",
            "`quoted`",
            "two\nlines\r\nand\ta tab",
            "Zoë Ångström",
            "Zoe\u0308",
            "nul \x00 in the middle",
            "李小龙 🛒🇧🇷 \U0010ffff",
            "مرحبا",
            "null",
            "NULL",
            "None",
            "true",
            "1e3",
            "0042",
            "$p {x} %s",
            "a,b;c|d",
            "x" * 70_000,
        ],
    ),
    "time": (
        g.TIME,
        [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
            datetime(1903, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC),
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(2024, 2, 29, 12, 30, 15, 500_000, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        ],
    ),
    "date": (
        g.DATE,
        [date(1970, 1, 1), date(1969, 12, 31), date(1, 1, 1), date(2024, 2, 29), date.max],
    ),
    "number": (
        g.NUMBER,
        [0.0, 0.1, -1 / 3, 5e-324, 1.7976931348623157e308, -1e-7, 2.0**53 + 2, math.inf, -math.inf],
    ),
    "whole": (g.WHOLE, [0, 1, -1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63)]),
    "boolean": (g.BOOLEAN, [True, False]),
    "vector": (g.VECTOR, [[1.0, -0.5, 2.0**-149], [0.0] * 512, [0.25], []]),
    "texts": (g.TEXTS, [["a", "b"], ["ü, 'quoted'", ""], []]),
}
NODE_OF = {
    "text": (g.PRODUCT, "name"),
    "time": (g.OFFER, "valid_from"),
    "date": (g.CUSTOMER, "birth_date"),
    "number": (g.STORE, "latitude"),
    "whole": (g.PRODUCT, "price"),
    "boolean": (g.PRODUCT, "sensitive"),
    "vector": (g.EMBEDDING, "vector"),
}
RELATIONSHIP_OF = {
    "text": (g.PURCHASED, "channel"),
    "time": (g.PURCHASED, "at"),
    "number": (g.PURCHASED, "quantity"),
    "whole": (g.PURCHASED, "amount"),
    "boolean": (g.FRIEND_OF, "directed"),
    "texts": (g.RECOMMENDED_PRODUCT, "triggers"),
}


class ValuesContract:
    """Values of every type."""

    @pytest.mark.parametrize("kind", NODE_OF)
    def test_every_value_of_a_node_comes_back(self, place: Place, kind: str) -> None:
        node, column = NODE_OF[kind]
        assert node.columns[column] == VALUES[kind][0]
        # The second time each node takes the value of another: updated, not created.
        with place.open() as store, store.writing():
            for shift in (0, 1):
                given = rows(
                    node,
                    *(
                        {node.key: f"{number}", column: value}
                        for number, value in enumerate(turned(kind, shift))
                    ),
                )
                store.write(node, given)
                assert stored(store, node) == by_key(node, given)

    @pytest.mark.parametrize("kind", RELATIONSHIP_OF)
    def test_every_value_of_a_relationship_comes_back(self, place: Place, kind: str) -> None:
        element, column = RELATIONSHIP_OF[kind]
        assert element.columns[column] == VALUES[kind][0]
        ends = [str(number) for number in range(len(VALUES[kind][1]) + 1)]
        own = element.key[0] if element.key[0] in element.columns else None
        with place.open() as store, store.writing():
            for node in {element.source, element.target}:
                store.write(node, nodes(node, *ends))
            for shift in (0, 1):
                given = rows(
                    element,
                    *(
                        {"source": end, "target": "0", column: value}
                        | ({own: f"key {end}"} if own else {})
                        for end, value in zip(ends, turned(kind, shift), strict=True)
                    ),
                )
                store.write(element, given)
                assert stored(store, element) == by_key(element, given)

    def test_no_number_at_all_comes_back(self, place: Place) -> None:
        with place.open() as store, store.writing():
            store.write(g.STORE, rows(g.STORE, {"store_id": "a", "latitude": math.nan}))
            (store_row,) = stored(store, g.STORE).values()
            assert math.isnan(store_row["latitude"])

    def test_any_text_is_a_key(self, place: Place) -> None:
        texts = [text for text in VALUES["text"][1] if len(text) < 1_000]
        friends = [
            {"source": one, "target": other, "interactions": 1.0} for one, other in pairwise(texts)
        ]
        with place.open() as store, store.writing():
            for _ in range(2):
                store.write(g.CUSTOMER, nodes(g.CUSTOMER, *texts))
                store.write(g.FRIEND_OF, rows(g.FRIEND_OF, *friends))
            assert stored(store, g.CUSTOMER) == by_key(g.CUSTOMER, nodes(g.CUSTOMER, *texts))
            assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, rows(g.FRIEND_OF, *friends))
            store.delete(g.CUSTOMER, "customer_id", texts[1:])
            assert set(stored(store, g.CUSTOMER)) == {(texts[0],)}

    def test_a_text_is_never_a_part_of_the_query(self, place: Place) -> None:
        attack = "x' OR true DETACH DELETE n //"
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, attack, "bob"))
            store.delete(g.CUSTOMER, "customer_id", ["x' OR '1' = '1", attack])
            assert set(stored(store, g.CUSTOMER)) == {("bob",)}

    def test_a_time_as_a_part_of_a_key_is_exact(self, place: Place) -> None:
        times = VALUES["time"][1]
        consents = rows(
            g.CONSENTED,
            *(
                {"source": "ann", "target": "email", "at": at, "granted": granted}
                for at in times
                for granted in (True, False)
            ),
        )
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann"))
            store.write(g.PURPOSE, nodes(g.PURPOSE, "email"))
            for _ in range(2):
                store.write(g.CONSENTED, consents)
                assert stored(store, g.CONSENTED) == by_key(g.CONSENTED, consents)


def turned(kind: str, shift: int) -> list[Any]:
    """The values of a kind and an empty one, the last `shift` of them first."""
    values = [*VALUES[kind][1], None]
    return values[len(values) - shift :] + values[: len(values) - shift]
