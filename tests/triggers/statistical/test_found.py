"""The strongest reasons are chosen, and who doesn't share takes nobody's place."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from followsuit.triggers.statistical.found import within_share

ROWS = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 5), st.booleans()), max_size=20
)


def chosen(
    rows: list[tuple[str, int]], shares: str, most: int, each: int = 9
) -> list[tuple[str, int]]:
    frame = pd.DataFrame(rows, columns=["customer_id", "strength"]).astype({"strength": float})
    sharing = frame.customer_id.isin(list(shares)).to_numpy()
    kept = within_share(frame, sharing, most, each)
    return [row for row, is_kept in zip(rows, kept, strict=True) if is_kept]


def test_the_strongest_customers_are_chosen_the_first_on_ties() -> None:
    rows = [("a", 2), ("b", 3), ("c", 2), ("d", 1)]
    assert chosen(rows, "abcd", 2) == [("a", 2), ("b", 3)]
    assert chosen(rows, "abcd", 9) == rows


def test_a_customer_is_ranked_by_their_strongest_row_and_has_few() -> None:
    rows = [("a", 1), ("a", 5), ("a", 2), ("b", 4)]
    assert chosen(rows, "ab", 1, each=2) == [("a", 5), ("a", 2)]


def test_others_are_compared_with_the_last_of_those_who_share() -> None:
    rows = [("a", 3), ("b", 2), ("x", 2), ("y", 1), ("z", 9)]
    assert chosen(rows, "ab", 2) == [("a", 3), ("b", 2), ("x", 2), ("z", 9)]
    assert chosen(rows, "ab", 3) == rows, "there is room"
    assert chosen(rows, "", 3) == rows


@given(ROWS, st.integers(1, 4), st.integers(1, 3))
def test_who_does_not_share_changes_nobody_elses(
    drawn: list[tuple[str, int, bool]], most: int, each: int
) -> None:
    rows = sorted({(who, strength) for who, strength, _ in drawn if who < "e"})
    others = sorted({(who, strength) for who, strength, _ in drawn if who >= "e"})
    alone = chosen(rows, "abcd", most, each)
    assert len({who for who, _ in alone}) <= most
    together = chosen(rows + others, "abcd", most, each)
    assert [row for row in together if row[0] < "e"] == alone
    for who in {who for who, _ in others}:
        own = [row for row in others if row[0] == who]
        by_itself = chosen(rows + own, "abcd", most, each)
        assert [r for r in by_itself if r[0] == who] == [r for r in together if r[0] == who]


def test_nothing_is_chosen_of_nothing() -> None:
    assert not len(
        within_share(
            pd.DataFrame({"customer_id": [], "strength": []}), np.zeros(0, dtype=bool), 1, 1
        )
    )
