"""Decisions keep every rule, and account for every candidate."""

import pytest
from support.policy_worlds import policy_world, problems

from followsuit.policy.decide import decide

IN_CI, BY_NIGHT = 500, 10_000


def wrong(seed: int) -> list[str]:
    """What is wrong in a random world."""
    world = policy_world(seed)
    decided = decide(
        world.ranked,
        world.customers,
        world.stores,
        world.friend_limits,
        world.policy,
        world.top,
        seed,
    )
    return [f"world {seed}: {problem}" for problem in problems(world, decided)]


def test_no_rule_is_broken_in_random_worlds() -> None:
    assert [problem for seed in range(IN_CI) for problem in wrong(seed)] == []


@pytest.mark.nightly
def test_no_rule_is_broken_in_many_random_worlds() -> None:
    assert [problem for seed in range(IN_CI, BY_NIGHT) for problem in wrong(seed)] == []
