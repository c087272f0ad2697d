"""The comparison by strata: it equals one that goes through all cases and controls."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from followsuit.triggers.report.comparison import ENOUGH, LEAST, Members, Pairs, Tally, lifts

PEOPLE, TARGETS = 7, 3
PAIRS = st.sets(st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, TARGETS - 1)))


def pairs(of: set[tuple[int, int]]) -> Pairs:
    rows = np.array(sorted(of), dtype=np.int64).reshape(-1, 2)
    return Pairs(rows[:, 0], rows[:, 1])


def by_hand(
    stratum: list[int],
    cases: set[tuple[int, int]],
    did: set[tuple[int, int]],
    before: set[tuple[int, int]],
) -> tuple[dict[int, float], dict[int, float], dict[int, int], set[int]]:
    """What each customer adds to `acted`, `expected` and `compared`, and who is a control."""
    everybody: set[int] = set()
    acted: dict[int, float] = defaultdict(float)
    expected: dict[int, float] = defaultdict(float)
    compared: dict[int, int] = defaultdict(int)
    for target in range(TARGETS):
        for cell in {(stratum[c], (c, target) in before) for c in range(PEOPLE)}:
            alike = [c for c in range(PEOPLE) if (stratum[c], (c, target) in before) == cell]
            having = [c for c in alike if (c, target) in cases]
            controls = [c for c in alike if (c, target) not in cases]
            if not having or not controls:
                continue
            mean = sum((c, target) in did for c in controls) / len(controls)
            for c in having:
                acted[c] += (c, target) in did
                expected[c] += mean
                compared[c] += 1
            everybody |= set(controls)
            for c in controls:
                expected[c] += len(having) / len(controls) * (((c, target) in did) - mean)
    return acted, expected, compared, everybody


@given(st.lists(st.integers(0, 1), min_size=PEOPLE, max_size=PEOPLE), PAIRS, PAIRS, PAIRS)
def test_a_tally_is_what_going_through_all_controls_gives(
    stratum: list[int],
    cases: set[tuple[int, int]],
    did: set[tuple[int, int]],
    before: set[tuple[int, int]],
) -> None:
    tally = Tally(PEOPLE)
    members = Members(np.arange(PEOPLE), np.array(stratum))
    tally.add(members, pairs(cases), pairs(did), pairs(before))
    acted, expected, compared, controls = by_hand(stratum, cases, did, before)
    for customer in range(PEOPLE):
        assert tally.acted[customer] == acted[customer]
        assert tally.control[customer] == (customer in controls)
        assert tally.expected[customer] == pytest.approx(expected[customer], abs=1e-12)
        assert tally.compared[customer] == compared[customer]


def tally_of(having: int, acting: int, controls_acting: int, controls: int = 200) -> Tally:
    """One stratum, in which the first customers have a reason and the first of each group act."""
    people = having + controls
    tally = Tally(people)
    did = {(c, 0) for c in range(acting)} | {(having + c, 0) for c in range(controls_acting)}
    members = Members(np.arange(people), np.zeros(people, dtype=np.int64))
    tally.add(members, pairs({(c, 0) for c in range(having)}), pairs(did), pairs(set()))
    return tally


def test_a_lift_is_the_rate_over_that_of_the_controls() -> None:
    (lift,) = lifts([tally_of(100, 60, 40)], seed=0)
    assert (lift.rate, lift.base, lift.value) == (0.6, 0.2, 3.0)
    assert lift.low is not None
    assert lift.high is not None
    # The delta method's standard error of a log risk ratio.
    error = np.sqrt(0.4 / 60 + 0.8 / 40)
    assert np.log(lift.high / lift.low) / 2 / error == pytest.approx(2.02, abs=0.15)
    assert lift.above


@pytest.mark.parametrize(
    ("having", "acting", "controls_acting", "rate"),
    [
        (LEAST - 1, 6, 40, None),
        (LEAST, 6, 40, 0.6),
        (100, ENOUGH - 1, 40, 0.04),
        (100, 50, ENOUGH - 1, 0.5),
        (100, 0, 0, 0.0),
    ],
)
def test_few_customers_are_hidden_and_few_outcomes_give_no_lift(
    having: int, acting: int, controls_acting: int, rate: float | None
) -> None:
    (lift,) = lifts([tally_of(having, acting, controls_acting)], seed=0)
    assert lift.rate == rate
    assert (lift.base is None) == (rate is None)
    known = having >= LEAST and acting >= ENOUGH and controls_acting >= ENOUGH
    assert (lift.value is not None) == known


@pytest.mark.parametrize(("controls", "shown"), [(LEAST - 1, False), (LEAST, True)])
def test_a_base_of_few_controls_is_hidden(controls: int, shown: bool) -> None:
    (lift,) = lifts([tally_of(20, 15, 6, controls)], seed=0)
    assert lift.rate == 0.75
    assert (lift.base is not None, lift.value is not None) == (shown, shown)


def test_no_tally_and_no_case_give_no_lift() -> None:
    assert lifts([], seed=0) == []
    (lift,) = lifts([Tally(3)], seed=0)
    assert (lift.rate, lift.value, lift.above) == (None, None, False)


def test_all_days_of_a_customer_are_one_in_the_interval() -> None:
    once, often = tally_of(100, 60, 40), tally_of(100, 60, 40)
    for name in ("acted", "expected", "compared"):
        setattr(often, name, getattr(often, name) * 9)
    assert lifts([once], seed=0) == lifts([often], seed=0)
