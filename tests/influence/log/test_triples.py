from datetime import timedelta

import numpy as np
from support.influence_worlds import log_of

from followsuit.influence.log.arrays import DAY, LONG_AGO, Log, network
from followsuit.influence.log.triples import Design, Triples, exposed

DESIGN = Design(start=-100 * DAY, window=14 * DAY)
ALWAYS = LONG_AGO


def log_with(acts: list[tuple[int, int, float]], edges: list[tuple[int, int, float]]) -> Log:
    """A log of five customers: `customer, item, day` and edges `source, target, since day`."""
    customer, item, day = (np.array(column) for column in zip(*acts, strict=True))
    source, target, since = (np.array(column) for column in zip(*edges, strict=True))
    items = np.zeros(int(item.max()) + 1, dtype=int)
    times = np.where(since == ALWAYS, ALWAYS, since * DAY).astype(int)
    return log_of(customer, item, day * DAY, items, network(5, source, target, times))


def triples_of(log: Log, design: Design = DESIGN) -> Triples:
    return exposed(log, log.network, design, limit=1_000, seed=0)


def days(triples: Triples) -> list[tuple[int, int, float, bool]]:
    columns = (triples.customer, triples.item, triples.time / DAY, triples.acted)
    return [(int(c), int(i), float(d), bool(a)) for c, i, d, a in zip(*columns, strict=True)]


def test_a_friends_first_act_exposes_and_the_own_one_after_it_follows() -> None:
    log = log_with([(0, 0, -50), (1, 0, -40)], [(0, 1, ALWAYS), (0, 2, ALWAYS)])
    assert days(triples_of(log)) == [(1, 0, -50, True), (2, 0, -50, False)]


def test_only_the_first_of_several_friends_acts_exposes() -> None:
    log = log_with([(0, 0, -50), (1, 0, -45), (2, 0, -30)], [(0, 2, ALWAYS), (1, 2, ALWAYS)])
    assert days(triples_of(log)) == [(2, 0, -50, False)]


def test_an_act_on_the_last_day_of_the_window_follows_and_a_day_later_it_does_not() -> None:
    edges = [(0, 1, ALWAYS), (0, 2, ALWAYS)]
    log = log_with([(0, 0, -50), (1, 0, -36), (2, 0, -35)], edges)
    assert days(triples_of(log)) == [(1, 0, -50, True), (2, 0, -50, False)]


def test_who_has_acted_before_or_at_the_same_instant_is_not_at_risk() -> None:
    edges = [(0, 1, ALWAYS), (0, 2, ALWAYS)]
    log = log_with([(1, 0, -51), (0, 0, -50), (2, 0, -50)], edges)
    assert days(triples_of(log)) == []


def test_an_exposure_whose_window_is_not_over_is_left_out() -> None:
    log = log_with([(0, 0, -14), (0, 1, -13.9)], [(0, 1, ALWAYS)])
    assert days(triples_of(log)) == [(1, 0, -14, False)]


def test_an_exposure_before_the_start_is_left_out() -> None:
    log = log_with([(0, 0, -101), (0, 1, -100)], [(0, 1, ALWAYS)])
    assert days(triples_of(log)) == [(1, 1, -100, False)]


def test_acts_before_a_friendship_do_not_expose() -> None:
    log = log_with([(0, 0, -50), (3, 0, -30)], [(0, 1, -49), (0, 2, -50), (3, 1, ALWAYS)])
    assert days(triples_of(log)) == [(2, 0, -50, False), (1, 0, -30, False)]


def test_edges_are_followed_from_source_to_target_only() -> None:
    log = log_with([(1, 0, -50)], [(0, 1, ALWAYS)])
    assert days(triples_of(log)) == []


def test_popularity_is_the_share_of_the_unexposed_at_risk_that_acts_in_the_window() -> None:
    edges = [(0, 1, ALWAYS), (1, 0, ALWAYS), (4, 2, ALWAYS), (4, 3, ALWAYS)]
    # At -50 customers 2 and 3 are at risk and unexposed (4 has no friend); 2 acts.
    log = log_with([(0, 0, -50), (2, 0, -40), (4, 0, -30)], edges)
    triples = triples_of(log)
    assert days(triples)[0] == (1, 0, -50, False)
    assert triples.popularity[0] == 1 / 2


def test_a_lag_dates_friends_acts_back() -> None:
    log = log_with([(0, 0, -50), (1, 0, -70)], [(0, 1, ALWAYS), (0, 2, ALWAYS)])
    lagged = triples_of(log, DESIGN._replace(lag=28 * DAY))
    assert days(lagged) == [(1, 0, -78, True), (2, 0, -78, False)]


def test_above_the_limit_a_random_sample_is_drawn_the_same_each_time() -> None:
    acts = [(0, item, -50) for item in range(1_000)]
    log = log_with(acts, [(0, 1, ALWAYS), (0, 2, ALWAYS)])
    drawn, again = (exposed(log, log.network, DESIGN, limit=500, seed=3) for _ in range(2))
    assert 400 < len(drawn.customer) < 600
    assert days(drawn) == days(again)
    assert set(days(drawn)) <= set(days(exposed(log, log.network, DESIGN, 5_000, 0)))


def test_the_window_is_in_seconds() -> None:
    log = log_with([(0, 0, -50), (1, 0, -49)], [(0, 1, ALWAYS)])
    short = DESIGN._replace(window=int(timedelta(hours=23).total_seconds()))
    assert days(triples_of(log, short)) == [(1, 0, -50, False)]
