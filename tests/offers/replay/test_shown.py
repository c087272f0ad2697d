"""What a ranking might have shown on an earlier day."""

import ibis
import pytest

from followsuit.offers.replay.shown import sampled

REASONS = ibis.memtable({"customer_id": [f"c{i % 30:02}" for i in range(90)]})


@pytest.mark.parametrize("most", [30, 100])
def test_all_customers_are_taken_if_there_are_no_more_than_wanted(most: int) -> None:
    assert sampled(REASONS, most, 0) is None


def test_of_more_customers_a_sample_is_drawn_by_the_seed() -> None:
    chosen = sampled(REASONS, 10, 0)
    assert chosen is not None
    assert len(set(chosen)) == 10
    assert list(chosen) == sorted(chosen)
    assert sampled(REASONS, 10, 0) == chosen
    assert sampled(REASONS, 10, 1) != chosen
