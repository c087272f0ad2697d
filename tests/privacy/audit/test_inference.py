"""How well offers predict a sensitive purchase, on planted offers."""

import numpy as np
import pandas as pd
import pytest

from followsuit.privacy.audit.inference import inference


def offers_at_random(seed: int, customers: int = 400) -> pd.DataFrame:
    """Five offers of thirty items for each customer."""
    chance = np.random.default_rng(seed)
    rows = [
        {"customer_id": f"c{c:03}", "item_kind": "product", "item_id": f"p{item:02}"}
        for c in range(customers)
        for item in chance.choice(30, 5, replace=False)
    ]
    return pd.DataFrame(rows)


def bought(customers: list[str], kind: str = "pregnancy") -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customers, "kind": kind})


def test_the_interval_covers_zero_in_most_worlds_without_a_leak() -> None:
    covered = 0
    for seed in range(20):
        chance = np.random.default_rng(1_000 + seed)
        mothers = [f"c{c:03}" for c in chance.choice(400, 40, replace=False)]
        (found,) = inference(offers_at_random(seed), bought(mothers))
        covered += found.advantage.low <= 0 <= found.advantage.high
    assert covered >= 17


def test_a_planted_leak_is_found() -> None:
    offers = offers_at_random(0)
    mothers = [f"c{c:03}" for c in range(40)]
    lotion = pd.DataFrame({"customer_id": mothers, "item_kind": "product", "item_id": "lotion"})
    (found,) = inference(pd.concat([offers, lotion]), bought(mothers))
    assert (found.kind, found.customers) == ("pregnancy", 40)
    assert found.advantage.low > 0.8


@pytest.mark.parametrize(("mothers", "judged"), [(9, 0), (10, 1), (390, 1), (391, 0)])
def test_few_customers_are_neither_judged_nor_named(mothers: int, judged: int) -> None:
    customers = [f"c{c:03}" for c in range(mothers)]
    assert len(inference(offers_at_random(0), bought(customers))) == judged
