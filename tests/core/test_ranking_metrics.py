"""Lists and metrics against plain loops, full sorts and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse
from sklearn.metrics import ndcg_score

from followsuit.core.ranking_metrics import hit_rate, hits_of, ndcg, recall, top_n
from followsuit.gnn.data.dataset import binary

SCORES = arrays.arrays(
    np.float32, (5, 9), elements=st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
)
BARRED = arrays.arrays(np.bool_, (5, 9))
VALUES = st.sampled_from([-np.inf, -2.0, 0.0, 0.5, 1.0])


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, int, np.ndarray | None]:
    rows, columns = draw(st.integers(0, 5)), draw(st.integers(0, 8))
    values = np.array(
        [[draw(VALUES) for _ in range(columns)] for _ in range(rows)], dtype=float
    ).reshape(rows, columns)
    tie = None
    if draw(st.booleans()):
        tie = np.array(
            [[draw(st.integers(0, 3)) for _ in range(columns)] for _ in range(rows)], dtype=int
        ).reshape(rows, columns)
    return values, draw(st.integers(1, 10)), tie


@settings(deadline=None)  # the first call compiles
@given(cases())
def test_lists_are_those_of_a_full_sort(case: tuple[np.ndarray, int, np.ndarray | None]) -> None:
    values, k, tie = case
    lists = top_n(values, k, tie=tie)
    assert lists.shape == (len(values), k)
    for row, places in enumerate(lists):
        shown = [c for c in range(values.shape[1]) if values[row, c] > -np.inf]
        order = sorted(shown, key=lambda c: (-values[row, c], c if tie is None else tie[row, c], c))
        expected = (order + [-1] * k)[:k]
        assert places.tolist() == expected


@settings(deadline=None)  # the first call compiles
@given(scores=SCORES, barred=BARRED, k=st.integers(1, 12))
def test_lists_leave_out_excluded_items(scores: np.ndarray, barred: np.ndarray, k: int) -> None:
    wanted = np.full((5, k), -1)
    for row in range(5):
        left = [c for c in range(9) if not barred[row, c]]
        best = sorted(left, key=lambda c: (-scores[row, c], c))[:k]
        wanted[row, : len(best)] = best
    lists = top_n(scores.copy(), k, binary(barred))
    assert lists.tolist() == wanted.tolist()


@given(listed_items=BARRED, wanted=BARRED, order=st.permutations(range(9)), k=st.integers(1, 9))
def test_metrics_equal_a_plain_loop_and_scikit_learn(
    listed_items: np.ndarray, wanted: np.ndarray, order: list[int], k: int
) -> None:
    wanted[:, 0] = True
    lists = np.full((5, 9), -1)
    for row in range(5):
        items = [c for c in order if listed_items[row, c]]
        lists[row, : len(items)] = items
    users = np.array([4, 0, 2])
    hits = hits_of(lists[users], binary(wanted), users)
    count = wanted.sum(axis=1)[users]
    for at, user in enumerate(users):
        told = [bool(c >= 0 and wanted[user, c]) for c in lists[user]]
        assert hits[at].tolist() == told
        assert recall(hits, count, k)[at] == pytest.approx(sum(told[:k]) / count[at])
        # Scores that fall along the list; what is not listed can't be among the first k.
        falling = [9.0 - list(lists[user]).index(c) if c in lists[user] else 0 for c in range(9)]
        listed = (lists[user] >= 0).sum()
        if listed >= k:
            theirs = ndcg_score([wanted[user]], [falling], k=k)
            assert ndcg(hits, count, k)[at] == pytest.approx(theirs)


def test_ndcg_of_a_list_worked_out_by_hand() -> None:
    hits = np.array([[True, False, True], [False, False, False]])
    ideal = 1 + 1 / np.log2(3) + 0.5
    qualities = ndcg(hits, np.array([4, 1]), 3)
    assert qualities.tolist() == pytest.approx([(1 + 0.5) / ideal, 0])


def test_without_relevant_items_nothing_is_a_hit() -> None:
    nothing = sparse.csr_matrix((3, 4), dtype=np.float32)
    assert not hits_of(np.array([[0, -1]]), nothing, np.array([1])).any()


def test_nan_and_minus_infinity_are_never_listed() -> None:
    scores = np.array([[np.nan, 1.0, -np.inf, 2.0, np.nan]])
    assert top_n(scores, 4).tolist() == [[3, 1, -1, -1]]
    assert top_n(scores[:, :1], 2).tolist() == [[-1, -1]]


def test_transposed_scores_are_ranked_in_their_own_precision() -> None:
    # In float32 the two are equal, and the smaller column would go first.
    scores = np.array([[1.0], [1.0 + 1e-12]])
    assert top_n(scores.T, 2).tolist() == [[1, 0]]


def test_without_a_relevant_item_every_metric_is_0() -> None:
    hits, none = np.zeros((2, 3), dtype=bool), np.zeros(2, dtype=np.int64)
    assert not recall(hits, none, 2).any()
    assert not ndcg(hits, none, 2).any()
    assert not hit_rate(hits, 2).any()


def test_hit_rate_is_1_if_one_of_the_first_k_is_relevant() -> None:
    hits = np.array([[False, True, False], [False, False, True]])
    assert hit_rate(hits, 2).tolist() == [1, 0]
    assert hit_rate(hits, 3).tolist() == [1, 1]
