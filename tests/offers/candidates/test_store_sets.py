"""Sets of stores by number, and where offers can be used."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from followsuit.offers.candidates.store_sets import ANY, StoreSets, redemption

Names = frozenset[str] | None
Stores = st.none() | st.frozensets(st.sampled_from("abcd"), max_size=3)


def met(one: Names, other: Names) -> list[str] | None:
    given = [names for names in (one, other) if names is not None]
    return sorted(frozenset.intersection(*given)) if given else None


def lists(names: list[Names]) -> pa.ChunkedArray:
    rows = [None if each is None else sorted(each) for each in names]
    return pa.chunked_array([pa.array(rows, pa.list_(pa.string()))])


@given(st.lists(st.tuples(Stores, Stores), max_size=12))
def test_both_are_the_stores_that_two_sets_share(
    pairs: list[tuple[Names, Names]],
) -> None:
    sets = StoreSets()
    one, other = (sets.numbers(lists([pair[side] for pair in pairs])) for side in (0, 1))
    both = sets.both(one, other)
    expected = [met(*pair) for pair in pairs]
    assert sets.lists(both).to_pylist() == expected
    assert sets.empty(both).tolist() == [stores == [] for stores in expected]


@given(st.lists(Stores, min_size=1, max_size=5))
def test_any_of_several_sets_has_the_stores_of_all(names: list[Names]) -> None:
    sets = StoreSets()
    number = sets.any_of(sets.numbers(lists(names)).tolist())
    given = [each for each in names if each is not None]
    expected = sorted(frozenset().union(*given)) if len(given) == len(names) else None
    assert sets.lists(np.array([number])).to_pylist() == [expected]


def test_the_stores_of_an_item_come_first_and_a_visit_is_to_the_store() -> None:
    sets = StoreSets()
    where = redemption(sets, {2: "s9"}, {0: ["s1", "s2"]}, {(0, 1): ["s3"]}, (2, 4))
    offer, column = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 1, 2])
    numbers = where.at(offer, column)
    assert sets.lists(numbers).to_pylist() == [["s1", "s2"], ["s3"], ["s9"], None, ["s9"]]
    assert numbers[3] == ANY


def test_no_candidates_have_no_stores() -> None:
    where = redemption(StoreSets(), {}, {}, {}, (1, 1))
    none = np.zeros(0, dtype=np.int64)
    assert where.at(none, none).tolist() == []
