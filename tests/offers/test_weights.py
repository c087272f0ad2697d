"""Weights: planted ones are found again, and a sample stands for all the pairs."""

from datetime import timedelta

import numpy as np
import pytest
from support.snapshots import day
from support.worlds import end_of, snapshot_of

from followsuit.graph.facts import Facts
from followsuit.offers.moment import FACTORS, look
from followsuit.offers.outcomes import outcomes
from followsuit.offers.taste import choose_recipe
from followsuit.offers.weights import Sample, Weights, learn, sample
from followsuit.simulator import World

PLANTED = np.array([0.9, 0.5, 1.1, 0.7, 1.2])
INTERCEPT = -5.0


def planted(seed: int, pairs: int, friends: float = PLANTED[4]) -> Sample:
    """Pairs whose adoption follows the planted weights; friends are rare, as they are."""
    random = np.random.default_rng(seed)
    x = np.column_stack(
        [
            random.exponential(1, pairs),
            random.normal(0, 1, pairs),
            random.exponential(0.5, pairs),
            random.exponential(0.7, pairs),
            random.exponential(0.7, pairs) * (random.random(pairs) < 0.1),
        ]
    )
    odds = INTERCEPT + x @ np.array([*PLANTED[:4], friends])
    y = (random.random(pairs) < 1 / (1 + np.exp(-odds))).astype(float)
    return Sample(day(1), x, y, np.ones(pairs))


def thinned(whole: Sample, share: float, seed: int) -> Sample:
    """The adoptions, and a share of the rest that stands for all of it."""
    kept = (whole.y == 1) | (np.random.default_rng(seed).random(len(whole.y)) < share)
    weight = np.where(whole.y == 1, 1.0, 1 / share)
    return Sample(whole.as_of, whole.x[kept], whole.y[kept], weight[kept])


def test_planted_weights_are_found_without_bias() -> None:
    found = [learn([thinned(planted(seed, 40_000), 0.2, seed)]) for seed in range(12)]
    vectors = np.array([w.vector() for w in found])
    error = vectors.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert np.all(np.abs(vectors.mean(axis=0) - PLANTED) < 4 * error)
    assert np.all(error < 0.05)
    intercepts = [w.intercept for w in found]
    assert np.mean(intercepts) == pytest.approx(INTERCEPT, abs=0.1)


def test_friends_that_make_an_act_less_likely_get_no_weight() -> None:
    harmful = planted(1, 60_000, friends=-1.0)
    found = learn([harmful])
    assert found.friends == 0
    assert found == learn([harmful], friends=False)


def test_too_few_adoptions_leave_the_weights_to_start_from() -> None:
    few = planted(1, 60_000)
    few = Sample(few.as_of, few.x[few.y == 1][:19], np.ones(19), np.ones(19))
    assert learn([few]) == Weights()
    assert learn([few]).moments == 0
    assert learn([], friends=False).friends == 0


def test_weights_say_what_they_were_learned_from() -> None:
    samples = [planted(seed, 20_000) for seed in range(3)]
    found = learn(samples)
    assert found.moments == 3
    assert found.adoptions == sum(s.y.sum() for s in samples)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    world = World(
        customers=400, products=120, stores=6, friendships=2_400, purchases=8_000, days=90, seed=5
    )
    return Facts(snapshot_of(world, tmp_path_factory.mktemp("world")))


def test_a_sample_stands_for_every_pair_that_may_be_offered(facts: Facts) -> None:
    fortnight = timedelta(days=14)
    then = facts.snapshot.as_of - fortnight
    taste = choose_recipe(facts, then).fit(facts, then)
    moment = look(facts, then, fortnight, taste=taste)
    drawn = sample(moment, outcomes(facts, moment, fortnight).pairs, seed=0)
    n, k = len(moment.customers), len(moment.items)
    free = n * k - moment.barred(slice(None)).sum()
    assert drawn.weight.sum() == pytest.approx(free, rel=0.02)
    assert drawn.x.shape == (len(drawn.y), len(FACTORS))

    # What the sample says of the means of the factors is what all the pairs say.
    open_pairs = np.argwhere(~moment.barred(slice(None)))
    popularity = moment.popularity[open_pairs[:, 1]].mean()
    affinity = moment.affinity(slice(None), slice(None))[tuple(open_pairs.T)].mean()
    activity = moment.activity[open_pairs[:, 0]].mean()
    exposed = moment.friends.toarray()[open_pairs[:, 0], open_pairs[:, 1]].mean()
    means = np.average(drawn.x, axis=0, weights=drawn.weight)
    assert means[0] == pytest.approx(popularity, rel=0.02)
    assert means[2] == pytest.approx(affinity, rel=0.02)
    assert means[3] == pytest.approx(activity, rel=0.02)
    assert means[4] == pytest.approx(exposed, rel=0.02)


def test_the_same_seed_draws_the_same_sample(facts: Facts) -> None:
    week = timedelta(days=7)
    moment = look(facts, end_of(World(days=90)) - week, week)
    pairs = outcomes(facts, moment, week).pairs
    one, again, other = (sample(moment, pairs, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.x, again.x)
    assert not np.array_equal(one.x, other.x)
