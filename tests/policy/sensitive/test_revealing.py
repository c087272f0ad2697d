"""Which offers reveal a sensitive purchase: the coupons of the teenager whose father saw them."""

import numpy as np
import pandas as pd

from followsuit.policy.sensitive.revealing import COLUMNS, revealing


def offers(items: dict[str, list[int]]) -> pd.DataFrame:
    rows = [(f"c{c:03}", "product", item) for item, people in items.items() for c in people]
    return pd.DataFrame(rows, columns=["customer_id", "item_kind", "item_id"])


def bought(**kinds: list[int]) -> pd.DataFrame:
    rows = [(f"c{c:03}", kind) for kind, people in kinds.items() for c in people]
    return pd.DataFrame(rows, columns=["customer_id", "kind"])


EVERYBODY = list(range(500))
MOTHERS = EVERYBODY[:30]


def test_the_coupons_that_told_the_father_are_found_and_the_others_are_not() -> None:
    shown = offers(
        {
            "bread": EVERYBODY,
            "lotion": [*MOTHERS[:25], *EVERYBODY[100:110]],
            "toys": [*MOTHERS[:6], *EVERYBODY[200:280]],
        }
    )
    found = revealing(shown, bought(pregnancy=MOTHERS))
    assert found[["item_kind", "item_id", "kind", "customers"]].to_numpy().tolist() == [
        ["product", "lotion", "pregnancy", 35]
    ]
    assert found.ratio[0] > found.low[0] > 3


def test_a_higher_threshold_lets_more_offers_pass() -> None:
    shown = offers({"bread": EVERYBODY, "lotion": [*MOTHERS[:25], *EVERYBODY[100:110]]})
    low = revealing(shown, bought(pregnancy=MOTHERS)).low[0]
    assert len(revealing(shown, bought(pregnancy=MOTHERS), threshold=low + 0.01)) == 0
    assert len(revealing(shown, bought(pregnancy=MOTHERS), threshold=low - 0.01)) == 1


def test_chance_alone_reveals_nothing() -> None:
    for seed in range(20):
        chance = np.random.default_rng(seed)
        items = {f"p{i}": chance.choice(500, 40, replace=False).tolist() for i in range(50)}
        mothers = chance.choice(500, 30, replace=False).tolist()
        assert len(revealing(offers(items), bought(pregnancy=mothers))) == 0


def test_an_item_is_listed_once_with_what_it_reveals_best() -> None:
    shown = offers({"bread": EVERYBODY, "tea": EVERYBODY[:40]})
    kinds = bought(one=EVERYBODY[:30], other=EVERYBODY[:40])
    assert revealing(shown, kinds)[["item_id", "kind"]].to_numpy().tolist() == [["tea", "other"]]


def test_without_sensitive_purchases_there_is_nothing_to_reveal() -> None:
    found = revealing(offers({"bread": EVERYBODY}), bought())
    assert list(found.columns) == [*COLUMNS]
    assert len(found) == 0
