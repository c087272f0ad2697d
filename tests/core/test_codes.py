"""Positions of ids in a list."""

import numpy as np
import pyarrow as pa
import pytest

from followsuit.core.codes import Codes

IDS = ["ann", "10", "9", "Ann"]


@pytest.mark.parametrize(
    "ids",
    [np.array(IDS, dtype=object), pa.array(IDS), pa.chunked_array([IDS[:1], IDS[1:]])],
    ids=["numpy", "arrow", "chunks"],
)
def test_they_are_the_positions_in_the_given_order(ids: np.ndarray | pa.Array) -> None:
    codes = Codes(ids)
    assert len(codes) == 4
    assert codes.ids.tolist() == IDS
    assert codes.of(pa.array(["9", "Ann", "ann"])).tolist() == [2, 3, 0]
    assert codes.of(pa.chunked_array([["9"], ["10", "9"]])).tolist() == [2, 1, 2]


def test_unknown_and_missing_ids_have_no_code() -> None:
    codes = Codes(np.array(IDS, dtype=object))
    assert codes.of(pa.array(["bob", None, "ann"])).tolist() == [-1, -1, 0]
    for missing in (None, np.nan):
        assert codes.of(np.array(["ann", missing], dtype=object)).tolist() == [0, -1]


def test_an_empty_list_has_no_codes() -> None:
    nobody = Codes(np.empty(0, dtype=object))
    assert len(nobody) == len(nobody.ids) == 0
    assert nobody.of(pa.array(["ann"])).tolist() == [-1]
    codes = Codes(pa.array(IDS)).of(pa.array([], pa.string()))
    assert codes.dtype == np.int64
    assert len(codes) == 0


def test_values_are_laid_out_by_code_and_others_are_missing() -> None:
    codes = Codes(np.array(["a", "b", "c"], dtype=object))
    texts = pa.chunked_array([["c", "x"], ["a"]])
    numbers = codes.lay_out(texts, pa.chunked_array([[3, 9], [1]]), 0)
    assert (numbers.dtype, numbers.tolist()) == (np.float64, [1, 0, 3])
    cities = codes.lay_out(texts, pa.chunked_array([["Rome", "Oslo"], [None]]), None)
    assert cities.tolist() == [None, None, "Rome"]


def test_the_texts_that_codes_name_get_new_codes_in_the_same_order() -> None:
    used, codes = Codes(np.array(IDS, dtype=object)).used(np.array([3, 0, 3]))
    assert used.ids.tolist() == ["ann", "Ann"]
    assert codes.tolist() == [1, 0, 1]
    nobody, none = Codes(np.array(IDS, dtype=object)).used(np.zeros(0, dtype=np.int64))
    assert len(nobody) == len(none) == 0
