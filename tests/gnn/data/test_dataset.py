"""Data sets that fit together, and splits of their cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from followsuit.gnn.data.dataset import (
    Attributes,
    BadDataset,
    Dataset,
    Split,
    binary,
    hold_back,
    pairs,
)
from followsuit.testing.tastes import planted

DATA = planted()


def matrix(rows: int, columns: int, value: float = 1.0) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.full((rows, columns), value, dtype=np.float32))


@pytest.mark.parametrize(
    ("part", "wrong", "said"),
    [
        ("seen", matrix(2, 4), r"`seen` has shape \(2, 4\): it must be \(2, 3\)"),
        ("friends", matrix(2, 3), r"`friends` has shape \(2, 3\): it must be \(2, 2\)"),
        ("user_attributes", Attributes(("a",), matrix(3, 1)), r"`user_attributes` has shape"),
        ("item_attributes", Attributes(("a",), matrix(2, 1)), r"`item_attributes` has shape"),
        ("seen", matrix(2, 3, np.nan), r"`seen` has a number that isn't finite"),
        ("item_attributes", Attributes(("a",), matrix(3, 1, np.inf)), "isn't finite. Remove NaN"),
    ],
)
def test_parts_that_do_not_fit_are_named(part: str, wrong: object, said: str) -> None:
    parts = {"seen": matrix(2, 3), "friends": matrix(2, 2)} | {part: wrong}
    with pytest.raises(BadDataset, match=said):
        Dataset(np.arange(2), np.arange(3), **parts)  # type: ignore[arg-type]


def test_popularity_counts_the_users_of_each_item() -> None:
    assert DATA.popularity.tolist() == DATA.seen.toarray().sum(axis=0).tolist()


def test_binary_adds_up_repeats_and_drops_zeros() -> None:
    cells = sparse.coo_matrix(([2.0, 3.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    assert binary(cells).toarray().tolist() == [[0, 1], [0, 0]]
    assert binary(cells).nnz == 1
    assert pairs(np.array([1, 1]), np.array([0, 0]), (2, 2)).toarray().tolist() == [[0, 0], [1, 0]]


@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=12),
    share=st.floats(0, 1),
    seed=st.integers(0, 50),
)
def test_each_user_keeps_some_and_gives_the_share(
    counts: list[int], share: float, seed: int
) -> None:
    user = np.repeat(np.arange(len(counts)), counts)
    item = np.concatenate([np.arange(c) for c in counts]).astype(int)
    taken = pairs(user, item, (len(counts), 12))
    kept, held = hold_back(taken, share, seed)
    assert ((kept + held) != taken).nnz == 0
    assert kept.multiply(held).nnz == 0
    count, quota = np.array(counts), np.diff(held.indptr)
    assert (np.diff(kept.indptr)[count > 0] > 0).all()
    free = count > 1
    low = np.minimum(np.floor(count * share), count - 1)
    assert ((quota >= low) & (quota <= np.floor(count * share) + 1))[free].all()
    again = hold_back(taken, share, seed)[1]
    assert (again != held).nnz == 0


def test_what_is_held_back_is_the_share_on_average() -> None:
    held = hold_back(DATA.seen, 0.3, 0)[1]
    assert held.nnz / DATA.seen.nnz == pytest.approx(0.3, abs=0.02)


def split(*, refit: bool, at_test: Dataset | None = None) -> Split:
    kept, held = hold_back(DATA.seen, 0.2, 0)
    nothing = sparse.csr_matrix(kept.shape, dtype=np.float32)
    return Split(DATA.with_seen(kept), held, nothing, refit_on_validation=refit, at_test=at_test)


def test_what_is_known_at_last_is_train_with_or_without_validation_or_of_a_later_day() -> None:
    assert (split(refit=True).known.seen != DATA.seen).nnz == 0
    kept = split(refit=False)
    assert kept.known is kept.train
    assert (kept.masked != DATA.seen).nnz == 0
    assert split(refit=True, at_test=DATA).known is DATA


def test_other_ties_are_made_of_those_of_each_instant() -> None:
    later = DATA.with_friends(planted(seed=3).friends)
    changed = split(refit=True, at_test=later).with_friends(lambda friends: friends * 2)
    assert (changed.train.friends != DATA.friends * 2).nnz == 0
    assert (changed.known.friends != later.friends * 2).nnz == 0
    assert (changed.known.seen != DATA.seen).nnz == 0
