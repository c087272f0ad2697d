"""The contract of writing rows and reading them back."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from followsuit.graph import schema as g
from followsuit.graph.schema import Element
from followsuit.graph.store import StoreError
from followsuit.testing.graph_rows import NOON, by_key, nodes, rows, sample, samples, stored
from followsuit.testing.places import Place

ELEMENTS: tuple[Element, ...] = (*g.NODES, *g.RELATIONSHIPS)


class WritingContract:
    """Rows that are written, updated and read."""

    def test_every_label_and_type_comes_back_as_written(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in ELEMENTS:
                store.write(element, samples(element))
            for element in ELEMENTS:
                table = store.read(element)
                assert table.schema.equals(element.arrow_schema()), element
                assert by_key(element, table) == by_key(element, samples(element))

    def test_what_is_written_is_there_in_the_next_session(self, place: Place) -> None:
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
            store.write(g.FRIEND_OF, rows(g.FRIEND_OF, friendship("0", "1")))
        with place.open() as store:
            assert stored(store, g.CUSTOMER) == by_key(g.CUSTOMER, samples(g.CUSTOMER))
            assert store.count(g.FRIEND_OF) == 1

    def test_a_parquet_file_is_written_like_an_arrow_table(
        self, place: Place, tmp_path: Path
    ) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.PRODUCT, g.PURCHASED):
                path = tmp_path / f"{element.name}.parquet"
                pq.write_table(samples(element, 7), path, row_group_size=2)
                store.write(element, path)
                assert stored(store, element) == by_key(element, samples(element, 7))

    def test_the_order_of_the_columns_does_not_matter(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.FRIEND_OF):
                names = element.arrow_schema().names
                store.write(element, samples(element).select(names[::-1]))
                assert stored(store, element) == by_key(element, samples(element))

    def test_writing_again_changes_nothing(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for _ in range(2):
                for element in ELEMENTS:
                    store.write(element, samples(element))
            for element in ELEMENTS:
                assert stored(store, element) == by_key(element, samples(element))

    def test_further_columns_of_a_label_and_its_own_leave_each_other_alone(
        self, place: Place
    ) -> None:
        ranks = samples(g.CUSTOMER_RANK)
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
            store.write(g.CUSTOMER_RANK, ranks)
            store.write(g.CUSTOMER, samples(g.CUSTOMER).set_column(1, "name", [["a", "b", "c"]]))
            assert stored(store, g.CUSTOMER_RANK) == by_key(g.CUSTOMER_RANK, ranks)
            assert [r["name"] for r in sorted(stored(store, g.CUSTOMER).values(), key=str)] == [
                "a",
                "b",
                "c",
            ]

    def test_no_rows_change_nothing(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.FRIEND_OF):
                for table in (rows(element), samples(element), rows(element)):
                    store.write(element, table)
                assert stored(store, element) == by_key(element, samples(element))

    def test_known_nodes_are_updated_and_new_ones_added(self, place: Place) -> None:
        old = [sample(g.PRODUCT, n) for n in range(4)]
        new = [
            old[0],
            old[1] | {"name": "other", "price": -5, "sensitive": None},
            old[2] | dict.fromkeys(("name", "price", "margin", "sensitive")),
            sample(g.PRODUCT, 9),
        ]
        with place.open() as store, store.writing():
            store.write(g.PRODUCT, rows(g.PRODUCT, *old))
            store.write(g.PRODUCT, rows(g.PRODUCT, *new))
            assert stored(store, g.PRODUCT) == by_key(g.PRODUCT, rows(g.PRODUCT, *new, old[3]))

    def test_an_updated_node_keeps_its_relationships(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.FRIEND_OF):
                store.write(element, samples(element))
            store.write(g.CUSTOMER, rows(g.CUSTOMER, {"customer_id": "Customer 1", "name": "new"}))
            assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, samples(g.FRIEND_OF))

    def test_known_relationships_are_updated_and_new_ones_added(self, place: Place) -> None:
        ann, bob, cas = (friendship(*ends) for ends in (("0", "1"), ("1", "2"), ("0", "2")))
        changed = bob | {"since": None, "interactions": 9.0, "directed": True}
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
            store.write(g.FRIEND_OF, rows(g.FRIEND_OF, ann, bob))
            store.write(g.FRIEND_OF, rows(g.FRIEND_OF, changed, cas))
            expected = rows(g.FRIEND_OF, ann, changed, cas)
            assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, expected)

    def test_two_opposite_friendships_are_two(self, place: Place) -> None:
        both = rows(g.FRIEND_OF, friendship("0", "1"), friendship("1", "0", directed=True))
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
            for _ in range(2):
                store.write(g.FRIEND_OF, both)
            assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, both)

    def test_where_the_source_alone_is_the_key_another_target_replaces_the_known_one(
        self, place: Place
    ) -> None:
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann", "bob", "cas"))
            store.write(g.CITY, nodes(g.CITY, "Lima", "Oslo"))
            store.write(g.LIVES_IN, lives(ann="Lima", bob="Lima", cas="Oslo"))
            store.write(g.LIVES_IN, lives(ann="Oslo", bob="Lima"))
            assert stored(store, g.LIVES_IN) == by_key(
                g.LIVES_IN, lives(ann="Oslo", bob="Lima", cas="Oslo")
            )

    def test_where_the_source_alone_is_the_key_an_empty_target_takes_the_known_one_away(
        self, place: Place
    ) -> None:
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann", "bob", "cas"))
            store.write(g.CITY, nodes(g.CITY, "Lima", "Oslo"))
            store.write(g.LIVES_IN, lives(ann=None, bob="Lima"))
            assert stored(store, g.LIVES_IN) == by_key(g.LIVES_IN, lives(bob="Lima"))
            store.write(g.LIVES_IN, lives(ann=None, bob=None, cas="Oslo"))
            assert stored(store, g.LIVES_IN) == by_key(g.LIVES_IN, lives(cas="Oslo"))
            assert store.count(g.CITY) == 2

    def test_where_the_target_alone_is_the_key_another_source_replaces_the_known_one(
        self, place: Place
    ) -> None:
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann", "bob"))
            store.write(g.EVENT, nodes(g.EVENT, "search", "click"))
            one = [{"source": "ann", "target": "search"}, {"source": "ann", "target": "click"}]
            other = [{"source": "bob", "target": "search"}, one[1]]
            store.write(g.DID, rows(g.DID, *one))
            store.write(g.DID, rows(g.DID, *other))
            assert stored(store, g.DID) == by_key(g.DID, rows(g.DID, *other))

    def test_where_a_column_is_the_key_the_ends_may_change(self, place: Place) -> None:
        old = [sample(g.PURCHASED, n) for n in range(3)]
        ends = {"source": "Customer 2", "target": "Product 0"}
        new = [old[0] | ends, old[1] | {"amount": 7}, old[2] | {"target": "Product 1"}]
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.PRODUCT):
                store.write(element, samples(element))
            for purchases in (old, new, new):
                store.write(g.PURCHASED, rows(g.PURCHASED, *distinct(purchases)))
            assert stored(store, g.PURCHASED) == by_key(
                g.PURCHASED, rows(g.PURCHASED, *distinct(new))
            )

    def test_an_empty_part_of_a_key_is_a_value_like_any_other(self, place: Place) -> None:
        card = {"source": "ann", "target": "gold", "until": NOON}
        undated, dated = card | {"since": None}, card | {"since": NOON}
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann"))
            store.write(g.PROGRAM, nodes(g.PROGRAM, "gold"))
            store.write(g.HOLDS, rows(g.HOLDS, undated))
            store.write(g.HOLDS, rows(g.HOLDS, undated | {"until": None}, dated))
            expected = rows(g.HOLDS, undated | {"until": None}, dated)
            assert stored(store, g.HOLDS) == by_key(g.HOLDS, expected)

    def test_types_of_one_name_are_kept_apart(self, place: Place) -> None:
        kinds = [r for r in g.RELATIONSHIPS if r.name == g.COVERS_PRODUCT.name]
        assert len(kinds) == 5
        with place.open() as store, store.writing():
            for node in {r.source for r in kinds} | {r.target for r in kinds}:
                store.write(node, samples(node))
            for kind in kinds:
                store.write(kind, samples(kind))
            moved = rows(g.COVERS_BRAND, {"source": "Offer 0", "target": "Brand 2"})
            store.write(g.COVERS_BRAND, moved)
            for kind in kinds:
                expected = by_key(kind, samples(kind))
                if kind is g.COVERS_BRAND:
                    expected |= by_key(kind, moved)
                assert stored(store, kind) == expected
            store.clear(g.COVERS_BRAND)
            assert [store.count(kind) for kind in kinds] == [
                0 if kind is g.COVERS_BRAND else 3 for kind in kinds
            ]

    def test_a_relationship_without_its_end_is_an_error_and_leaves_the_rest(
        self, place: Place
    ) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.FRIEND_OF):
                store.write(element, samples(element))
            for other in ("2", "1"):  # one that is new, one that is known
                strange = [friendship("0", other, interactions=7.0), friendship("0", "nobody")]
                with pytest.raises(StoreError, match="FRIEND_OF"):
                    store.write(g.FRIEND_OF, rows(g.FRIEND_OF, *strange))
                assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, samples(g.FRIEND_OF))


class DeletingContract:
    """Rows that are deleted."""

    def test_a_deleted_node_goes_with_its_relationships(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.PRODUCT, g.PURCHASED):
                store.write(element, samples(element, 4))
            store.write(g.FRIEND_OF, rows(g.FRIEND_OF, friendship("0", "1"), friendship("2", "3")))
            store.delete(g.CUSTOMER, "customer_id", ["Customer 1", "Customer 2", "nobody"])
            assert set(stored(store, g.CUSTOMER)) == {("Customer 0",), ("Customer 3",)}
            assert [r["source"] for r in stored(store, g.PURCHASED).values()] == [
                "Customer 0",
                "Customer 3",
            ]
            assert stored(store, g.FRIEND_OF) == {}
            assert store.count(g.PRODUCT) == 4

    def test_relationships_are_deleted_by_a_column(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for node in (g.CUSTOMER, g.PRODUCT, g.STORE):
                store.write(node, samples(node))
            for element in (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE):
                runs = [sample(element, n) | {"run_id": run} for n in range(3) for run in "abc"]
                store.write(element, rows(element, *runs))
            store.delete(g.RECOMMENDED_STORE, "run_id", ["a", "c", "none"])
            assert {r["run_id"] for r in stored(store, g.RECOMMENDED_STORE).values()} == {"b"}
            assert store.count(g.RECOMMENDED_STORE) == 3
            assert store.count(g.RECOMMENDED_PRODUCT) == 9
            assert store.count(g.CUSTOMER) == 3

    @pytest.mark.parametrize("end", ["source", "target"])
    def test_relationships_are_deleted_by_an_end(self, place: Place, end: str) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.CITY, g.LIVES_IN):
                store.write(element, samples(element))
            gone = {"source": "Customer 1", "target": "City 1"}[end]
            store.delete(g.LIVES_IN, end, [gone])
            assert set(stored(store, g.LIVES_IN)) == {("Customer 0",), ("Customer 2",)}

    def test_empty_cells_are_not_deleted_by_a_value(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.PRODUCT):
                store.write(element, samples(element))
            purchase = sample(g.PURCHASED, 0)
            without = sample(g.PURCHASED, 1) | {"channel": None, "purchase_id": "1"}
            store.write(g.PURCHASED, rows(g.PURCHASED, purchase, without))
            store.delete(g.PURCHASED, "channel", [purchase["channel"], ""])
            assert stored(store, g.PURCHASED) == {("1",): without}

    def test_relationships_are_deleted_by_several_columns(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for node in (g.CUSTOMER, g.PRODUCT, g.STORE):
                store.write(node, samples(node))
            for element in (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE):
                runs = [sample(element, n) | {"run_id": run} for n in range(3) for run in "ab"]
                store.write(element, rows(element, *runs))
            gone = [("Customer 0", "a"), ("Customer 1", "b"), ("Customer 1", "c"), ("nobody", "a")]
            keys = pa.Table.from_pylist([{"source": c, "run_id": run} for c, run in gone])
            for _ in range(2):
                store.delete_rows(g.RECOMMENDED_PRODUCT, keys)
                left = stored(store, g.RECOMMENDED_PRODUCT).values()
                assert sorted((r["source"], r["run_id"]) for r in left) == [
                    ("Customer 0", "b"),
                    ("Customer 1", "a"),
                    ("Customer 2", "a"),
                    ("Customer 2", "b"),
                ]
            assert store.count(g.RECOMMENDED_STORE) == 6
            assert store.count(g.CUSTOMER) == 3

    def test_rows_are_deleted_by_values_of_every_type_and_empty_equals_empty(
        self, place: Place
    ) -> None:
        card = {"source": "ann", "target": "gold", "until": NOON}
        undated, dated = card | {"since": None}, card | {"since": NOON}
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, nodes(g.CUSTOMER, "ann"))
            store.write(g.PROGRAM, nodes(g.PROGRAM, "gold"))
            for gone, left in ((undated, dated), (dated, undated)):
                store.write(g.HOLDS, rows(g.HOLDS, undated, dated))
                store.delete_rows(g.HOLDS, rows(g.HOLDS, gone))
                assert stored(store, g.HOLDS) == by_key(g.HOLDS, rows(g.HOLDS, left))
            for element in (g.CUSTOMER, g.PRODUCT, g.PURCHASED, g.FRIEND_OF):
                store.write(element, samples(element))
            for element in (g.PURCHASED, g.FRIEND_OF):
                for name in element.arrow_schema().names:
                    store.write(element, samples(element))
                    store.delete_rows(element, rows(element, sample(element, 1)).select([name]))
                    # Every second sample is directed; else the value is that row's alone.
                    assert store.count(element) == 2, name

    def test_a_relationship_that_equals_no_row_in_all_columns_stays(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.FRIEND_OF):
                store.write(element, samples(element))
            other = sample(g.FRIEND_OF, 0) | {"interactions": None}
            store.delete_rows(g.FRIEND_OF, rows(g.FRIEND_OF, other))
            store.delete_rows(g.FRIEND_OF, rows(g.FRIEND_OF))
            assert stored(store, g.FRIEND_OF) == by_key(g.FRIEND_OF, samples(g.FRIEND_OF))

    def test_deleting_nothing_deletes_nothing(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.FRIEND_OF):
                store.write(element, samples(element))
                store.delete(element, element.arrow_schema().names[0], [])
                assert store.count(element) == 3

    def test_clear_takes_the_relationships_and_leaves_the_nodes(self, place: Place) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.FRIEND_OF):
                store.write(element, samples(element))
            for _ in range(2):
                store.clear(g.FRIEND_OF)
                assert (store.count(g.CUSTOMER), store.count(g.FRIEND_OF)) == (3, 0)
            store.write(g.FRIEND_OF, samples(g.FRIEND_OF))
            assert store.count(g.FRIEND_OF) == 3


class ExportContract:
    """Rows that are written to a file."""

    def test_an_element_without_rows_is_exported_with_its_columns(
        self, place: Place, tmp_path: Path
    ) -> None:
        with place.open() as store, store.writing():
            for number, element in enumerate(ELEMENTS):
                path = tmp_path / f"{number}.parquet"
                store.export(element, path)
                exported = pq.read_table(path)
                assert exported.num_rows == store.count(element) == 0
                assert exported.schema.equals(element.arrow_schema()), element

    def test_an_export_is_written_again_as_it_is(self, place: Place, tmp_path: Path) -> None:
        with place.open() as store, store.writing():
            for element in (g.CUSTOMER, g.PRODUCT, g.PURCHASED):
                store.write(element, samples(element))
                store.export(element, tmp_path / "rows.parquet")
                store.write(element, tmp_path / "rows.parquet")
                assert stored(store, element) == by_key(element, samples(element))

    def test_a_file_may_have_any_name(self, place: Place, tmp_path: Path) -> None:
        folder = tmp_path / "it's a \"folder\" of Zoë's {x}"
        folder.mkdir()
        given, exported = folder / "given.parquet", folder / "found.parquet"
        pq.write_table(samples(g.CUSTOMER), given)
        with place.open() as store, store.writing():
            store.write(g.CUSTOMER, given)
            store.export(g.CUSTOMER, exported)
        assert by_key(g.CUSTOMER, pq.read_table(exported)) == by_key(
            g.CUSTOMER, samples(g.CUSTOMER)
        )


def friendship(one: str, other: str, **columns: object) -> dict[str, object]:
    """A friendship between the customers of `samples`, by their numbers."""
    ends = {"source": f"Customer {one}", "target": f"Customer {other}"}
    return ends | {"since": NOON, "interactions": 1.0, "directed": False} | columns


def distinct(purchases: list[dict[str, object]]) -> list[dict[str, object]]:
    """Purchases with unique ids."""
    return [p | {"purchase_id": f"purchase {n}"} for n, p in enumerate(purchases)]


def lives(**cities: str | None) -> object:
    """Rows of LIVES_IN by customer."""
    return rows(g.LIVES_IN, *({"source": who, "target": city} for who, city in cities.items()))
