"""Edge probabilities against planted truth, and their table."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from support.cascade_worlds import AS_OF, WINDOW, CascadeWorld, cascade_world

from followsuit.influence.log.arrays import DAY, LONG_AGO, Actions, Log, network
from followsuit.influence.log.exposures import count_exposures, find_links
from followsuit.influence.probabilities.baselines import bernoulli, partial_credit
from followsuit.influence.probabilities.learn import ALL, SCHEMA, Influences, learn, learn_means

FORTNIGHT = timedelta(days=14)


def log_of(
    acts: list[tuple[int, int, float]],
    edges: list[tuple[int, int]],
    customers: int = 4,
    category: list[int] | None = None,
    since: list[float] | None = None,
) -> Log:
    """A log of (item, customer, days before as_of), all items of one category unless said."""
    rows = sorted((item, -round(days * DAY), who) for item, who, days in acts)
    items = sorted({item for item, _, _ in rows})
    counts = [sum(row[0] == item for row in rows) for item in items]
    begun = [
        LONG_AGO if since is None else -round(days * DAY) for days in since or [0] * len(edges)
    ]
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    kinds = category or [0] * len(items)
    return Log(
        as_of=AS_OF,
        customers=np.array([f"c{i}" for i in range(customers)], dtype=object),
        items=np.array(items, dtype=np.int64),
        category=np.array(kinds, dtype=np.int32),
        categories=np.array(
            [*(f"k{c}" for c in range(max(kinds, default=0) + 1)), None], dtype=object
        ),
        actions=Actions(
            np.array([r[2] for r in rows], dtype=np.int32),
            np.array([r[1] for r in rows], dtype=np.int32),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        ),
        network=network(customers, ends[:, 0], ends[:, 1], np.array(begun, dtype=np.int64)),
    )


# What counts as an exposure.


def exposures(log: Log) -> list[float]:
    return count_exposures(log, WINDOW, np.ones(len(log.categories)))[0].tolist()


def test_an_exposure_is_a_friends_first_act_on_what_one_has_not_acted_on() -> None:
    edges = [(0, 1), (1, 0), (2, 1)]
    acts = [(7, 0, 50.0), (7, 1, 45.0), (8, 1, 60.0), (8, 0, 60.0), (9, 2, 40.0)]
    # 0 -> 1 by item 7; neither by item 8, at the same second; 2 -> 1 by item 9.
    assert exposures(log_of(acts, edges)) == [1.0, 0.0, 1.0]


def test_an_exposure_whose_window_has_not_passed_is_left_out() -> None:
    edges = [(0, 1)]
    assert exposures(log_of([(7, 0, 14.0), (8, 0, 13.99)], edges)) == [1.0]
    followed = log_of([(7, 0, 10.0), (7, 1, 9.0)], edges)
    assert exposures(followed) == [0.0]
    assert find_links(followed, WINDOW).edge.tolist() == [-1]


def test_acts_before_the_friendship_are_not_seen() -> None:
    acts = [(7, 0, 50.0), (7, 1, 45.0), (8, 0, 30.0)]
    log = log_of(acts, [(0, 1)], since=[40.0])
    assert exposures(log) == [1.0]
    assert not len(find_links(log, WINDOW).edge)


def test_an_act_is_linked_to_every_friend_who_acted_within_the_window_before() -> None:
    edges = [(0, 3), (1, 3), (2, 3)]
    acts = [(7, 0, 60.0), (7, 1, 59.0), (7, 2, 40.0), (7, 3, 46.0)]
    links = find_links(log_of(acts, edges), WINDOW)
    assert links.edge.tolist() == [0, 1]
    assert links.delay.tolist() == [13, 13]
    assert links.pointer.tolist() == [0, 2]


# The probabilities against planted truth.


def with_evidence(influences: Influences) -> np.ndarray:
    return influences.exposures >= 1


def ratio(world: CascadeWorld, influences: Influences) -> float:
    """Evidence-weighted, estimated over true."""
    weight, here = influences.exposures, with_evidence(influences)
    estimated = (weight * influences.edges.mean)[here].sum()
    return float(estimated / (weight * world.truth)[here].sum())


def coverage(world: CascadeWorld, influences: Influences) -> float:
    here = with_evidence(influences)
    inside = (influences.edges.low <= world.truth) & (world.truth <= influences.edges.high)
    return float(inside[here].mean())


def precision_at_the_top(truth: np.ndarray, guess: np.ndarray) -> float:
    """Share of the top 1 % by the guess that is in the top 1 % in truth."""
    n = max(1, len(truth) // 100)
    return float(np.isin(np.argsort(-guess, kind="stable")[:n], np.argsort(-truth)[:n]).mean())


def expected_log_loss(world: CascadeWorld, influences: Influences, guess: np.ndarray) -> float:
    """Of the next exposures, which are followed as the truth says."""
    here = with_evidence(influences)
    p, t = np.clip(guess[here], 1e-6, 1 - 1e-6), world.truth[here]
    loss = -(t * np.log(p) + (1 - t) * np.log1p(-p))
    return float(np.average(loss, weights=influences.exposures[here]))


@pytest.fixture(scope="module")
def own_model() -> list[tuple[CascadeWorld, Influences]]:
    worlds = [cascade_world(seed, mean=0.05) for seed in range(20)]
    return [(world, learn(world.log, FORTNIGHT)) for world in worlds]


Judged = list[tuple[CascadeWorld, Influences]]


def test_probabilities_are_right_on_average_in_worlds_of_the_estimators_own_model(
    own_model: Judged,
) -> None:
    assert 0.97 <= np.mean([ratio(*case) for case in own_model]) <= 1.03


def test_90_percent_intervals_hold_the_truth_of_88_to_93_percent_of_the_edges(
    own_model: Judged,
) -> None:
    assert 0.88 <= np.mean([coverage(*case) for case in own_model]) <= 0.93


def test_the_top_edges_and_the_log_loss_beat_bernoulli_and_partial_credit(
    own_model: Judged,
) -> None:
    tops, losses = [], []
    for world, influences in own_model:
        guesses = [
            influences.edges.mean,
            bernoulli(world.log, WINDOW),
            partial_credit(world.log, WINDOW),
        ]
        tops.append([precision_at_the_top(world.truth, guess) for guess in guesses])
        losses.append([expected_log_loss(world, influences, guess) for guess in guesses])
    learned, static, partial = np.mean(tops, axis=0)
    assert learned > max(static, partial)
    learned, static, partial = np.mean(losses, axis=0)
    assert learned < min(static, partial)


@pytest.mark.parametrize(("model", "mean"), [("threshold", 0.05), ("hazard", 0.05)])
def test_in_worlds_of_another_model_the_intervals_still_hold(model: str, mean: float) -> None:
    covered, ratios = [], []
    for seed in range(10):
        world = cascade_world(seed, model=model, mean=mean)
        influences = learn(world.log, FORTNIGHT)
        covered.append(coverage(world, influences))
        ratios.append(ratio(world, influences))
    assert 0.86 <= np.mean(covered) <= 0.96
    assert 0.8 <= np.mean(ratios) <= 1.25


def test_without_influence_intervals_hold_0_for_90_percent_of_the_edges() -> None:
    for seed in range(5):
        world = cascade_world(seed, mean=0)
        influences = learn(world.log, FORTNIGHT)
        assert (influences.edges.low[with_evidence(influences)] == 0).mean() >= 0.9


def test_counting_unfinished_exposures_as_failures_would_be_biased() -> None:
    # The same estimator, with all exposures counted as complete, must be lower.
    world = cascade_world(3, mean=0.1, days=40, own=0.4)
    shifted = replace(
        world.log,
        actions=world.log.actions._replace(time=world.log.actions.time - np.int32(WINDOW)),
    )
    censored, counted = learn(world.log, FORTNIGHT), learn(shifted, FORTNIGHT)
    assert ratio(world, counted) < ratio(world, censored) - 0.05


def test_a_more_contagious_category_has_a_higher_factor() -> None:
    world = cascade_world(5, mean=0.06, categories=3)
    influences = learn(world.log, FORTNIGHT)
    assert influences.factor[0] < influences.factor[1] < influences.factor[2]
    assert influences.factor[:3] == pytest.approx(
        [0.5, 1, 1.5] / np.mean(influences.relative), rel=0.25
    )


# The table.


def test_rows_are_edges_with_evidence_and_categories_with_five_exposures() -> None:
    edges = [(0, 1), (0, 2), (3, 2)]
    acts = [(item, 0, 100.0 + item) for item in range(6)]
    log = log_of(acts, edges, category=[0, 0, 0, 0, 0, 1])
    table = learn(log, FORTNIGHT).table()
    assert table.schema == SCHEMA
    rows = [(r["source"], r["target"], r["category"], r["evidence"]) for r in table.to_pylist()]
    assert rows == [
        ("c0", "c1", ALL, 6.0),
        ("c0", "c1", "k0", 5.0),
        ("c0", "c2", ALL, 6.0),
        ("c0", "c2", "k0", 5.0),
    ]


def test_a_probability_lies_in_its_interval_and_is_never_nan() -> None:
    world = cascade_world(2, mean=0.03, categories=4, customers=200, items=60)
    table = learn(world.log, FORTNIGHT).table().to_pandas()
    assert len(table)
    assert not table.isna().any().any()
    assert (table.low <= table.probability).all()
    assert (table.probability <= table.high).all()
    assert table[["low", "high"]].min().min() >= 0
    assert table.high.max() <= 1


def test_the_same_log_gives_the_same_bytes() -> None:
    world = cascade_world(4, mean=0.05, customers=200, items=50)
    assert learn(world.log, FORTNIGHT).table() == learn(world.log, FORTNIGHT).table()


def test_the_means_alone_are_those_that_come_with_intervals() -> None:
    log = cascade_world(1, mean=0.05).log
    learned = learn(log, FORTNIGHT)
    exposures, mean = learn_means(log, FORTNIGHT)
    np.testing.assert_array_equal(exposures, learned.exposures)
    np.testing.assert_array_equal(mean, learned.edges.mean)


@pytest.mark.parametrize(
    ("acts", "edges"),
    [
        ([], []),
        ([], [(0, 1)]),
        ([(7, 0, 50.0)], []),
        ([(7, 0, 1.0), (7, 1, 0.5)], [(0, 1)]),
        ([(7, who, 50.0) for who in range(4)], [(0, 1), (1, 2), (2, 3)]),
    ],
    ids=["nothing", "no acts", "no edges", "none complete", "all at once"],
)
def test_without_evidence_no_edge_is_listed(
    acts: list[tuple[int, int, float]], edges: list[tuple[int, int]]
) -> None:
    influences = learn(log_of(acts, edges), FORTNIGHT)
    assert influences.table().num_rows == 0
    assert influences.completed == 0
    assert not np.isnan(influences.edges.mean).any()


def test_a_single_followed_exposure_raises_the_probability_only_a_little() -> None:
    acts = [(7, 0, 60.0), (7, 1, 59.0), *((item, 2, 90.0 - item) for item in range(20, 40))]
    influences = learn(log_of(acts, [(0, 1), (2, 3)]), FORTNIGHT)
    once, never = influences.edges.mean
    assert never < once < 0.9


def test_many_acts_on_one_item_are_counted() -> None:
    world = cascade_world(6, customers=3_000, items=1, own=0.9, mean=0.05)
    influences = learn(world.log, FORTNIGHT)
    assert influences.completed > 3_000
    assert np.isfinite(influences.edges.mean).all()
