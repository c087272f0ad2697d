"""The incremental value of customers, against exact enumeration."""

import networkit
import numpy as np
import pyarrow as pa
import pytest
from support.exact_spread import Edge, Exact, influence, random_influence

from followsuit.influence.log.arrays import Floats, Network
from followsuit.influence.spread.inputs import BadInput, NotEnoughEvidence
from followsuit.influence.spread.rank import rank


def by_customer(table: pa.Table) -> dict[int, dict[str, float]]:
    return {row["customer"]: row for row in table.to_pylist()}


def truth(made: Network, probability: Floats, value: Floats) -> list[float]:
    """What others do because of each, on average."""
    exact = Exact(made, probability, value)
    return [exact.spread([v]) - value[v] for v in range(len(value))]


@pytest.mark.parametrize("seed", range(5))
def test_the_value_is_what_others_are_expected_to_do_times_its_worth(seed: int) -> None:
    made, probability = random_influence(seed, 10, 13)
    value = np.random.default_rng(seed).exponential(10, 10)
    ranked = by_customer(rank(made, probability, value, seed=seed))
    for v, expected in enumerate(truth(made, probability, value)):
        error = (ranked[v]["high"] - ranked[v]["low"]) / (2 * 1.645)
        assert abs(ranked[v]["value"] - expected) <= 3.5 * error + 1e-9


def test_nine_of_ten_intervals_hold_the_exact_value_also_of_the_top_ones() -> None:
    made, probability = random_influence(1, 10, 13)
    probability *= 0.2
    expected = truth(made, probability, np.ones(10))
    held = {"all": [], "top": []}  # type: dict[str, list[bool]]
    for seed in range(150):
        for name, top in (("all", None), ("top", 2)):
            rows = by_customer(rank(made, probability, top=top, seed=seed))
            held[name] += [
                row["low"] <= expected[v] <= row["high"]
                for v, row in rows.items()
                if row["high"] > 0
            ]
    assert 0.87 <= np.mean(held["all"]) <= 0.95
    assert 0.85 <= np.mean(held["top"]) <= 0.96


def test_rows_are_by_falling_value_and_the_first_are_the_top() -> None:
    made, probability = random_influence(4, 12, 13)
    expected = np.argsort(-np.array(truth(made, probability, np.ones(12))), kind="stable")
    table = rank(made, probability)
    values = table["value"].to_numpy()
    assert (np.diff(values) <= 0).all()
    assert sorted(table["customer"].to_pylist()) == list(range(12))
    assert rank(made, probability, top=1)["customer"].to_pylist() == [expected[0]]
    assert table.column_names == [
        "customer",
        "value",
        "low",
        "high",
        "pagerank",
        "core",
        "community",
    ]


def test_whom_nobody_follows_is_worth_nothing_for_certain() -> None:
    made, probability = influence(4, [(0, 1, 0.5), (2, 1, 0.0)])
    ranked = by_customer(rank(made, probability))
    # Customer 0 alone is followed: how often is then no matter of chance.
    assert ranked[0]["low"] == pytest.approx(0.5, rel=1e-3)
    assert ranked[0]["value"] == ranked[0]["high"] == 0.5
    for v in (1, 2, 3):
        assert (ranked[v]["value"], ranked[v]["low"], ranked[v]["high"]) == (0, 0, 0)


def test_a_follower_so_rare_that_no_cascade_shows_it_leaves_room_above_zero() -> None:
    made, probability = influence(40, [(0, 1, 1e-12), *((2, v, 0.5) for v in range(3, 40))])
    ranked = by_customer(rank(made, probability, top=3))
    assert ranked[0]["value"] == ranked[0]["low"] == 0 < ranked[0]["high"]


def test_the_customers_own_interaction_does_not_count_and_cycles_do_not_inflate() -> None:
    made, probability = influence(3, [(0, 1, 1.0), (1, 0, 1.0), (1, 2, 1.0)])
    ranked = by_customer(rank(made, probability, np.array([1.0, 10, 100])))
    assert ranked[0]["value"] == pytest.approx(110, rel=0.03)
    assert ranked[1]["value"] == pytest.approx(101, rel=0.03)
    assert ranked[2]["value"] == 0


def test_the_same_seed_gives_the_same_rows_for_any_number_of_threads() -> None:
    made, probability = random_influence(5, 100, 900)
    threads = networkit.getMaxNumberOfThreads()
    try:
        tables = []
        for count in (1, 4):
            networkit.setNumberOfThreads(count)
            tables.append(rank(made, probability, seed=3))
    finally:
        networkit.setNumberOfThreads(threads)
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(rank(made, probability, seed=4))


def test_nothing_is_ever_nan() -> None:
    made, probability = influence(6, [(0, 1, 1.0), (1, 0, 1.0), (2, 3, 1e-300)])
    for row in rank(made, probability, np.array([0.0, 0, 0, 7, 5, 0])).to_pylist():
        assert all(np.isfinite(x) for x in row.values())


@pytest.mark.parametrize(("customers", "edges"), [(1, []), (3, []), (2, [(0, 1, 0.0)])])
def test_without_influence_nobody_is_ranked(customers: int, edges: list[Edge]) -> None:
    with pytest.raises(NotEnoughEvidence, match="nobody is known to influence anybody"):
        rank(*influence(customers, edges))


def test_what_cannot_be_ranked_is_named() -> None:
    made, probability = influence(3, [(0, 1, 0.5)])
    with pytest.raises(BadInput, match="top is 0: give 1 or more"):
        rank(made, probability, top=0)
    with pytest.raises(BadInput, match="value of customer 1 is nan"):
        rank(made, probability, np.array([1, np.nan, 1]))
    with pytest.raises(NotEnoughEvidence, match=r"no customer with a value above 0 .* follow"):
        rank(made, probability, np.array([1, 0, 1]))
    with pytest.raises(BadInput, match="value of every customer is 0"):
        rank(made, probability, np.zeros(3))
