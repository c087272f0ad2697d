"""A store that lacks all customers or all items: an empty answer or one line, never a traceback."""

from pathlib import Path

import pytest
from support.commands import run_each

FRIENDS = "customer_id,friend_id\n" + "".join(f"c{i},c{i + 1}\n" for i in range(9))
PRODUCTS = "product_id,sensitive\n" + "".join(f"p{i},{{}}\n" for i in range(4))
PURCHASES = "customer_id,product_id,at\n" + "".join(
    f"c{i},p{(i + d) % 4},2025-01-{1 + i + d:02}T00:00:00Z\n" for i in range(9) for d in range(3)
)
STORES: dict[str, dict[str, str]] = {
    "only products": {"products": PRODUCTS.replace("{}", "false")},
    "only sensitive products": {
        "friendships": FRIENDS,
        "products": PRODUCTS.replace("{}", "true"),
        "purchases": PURCHASES,
    },
}

DAY = ("--as-of", "2025-01-08")
PERIOD = ("--from", "2025-01-03", "--to", "2025-01-12", "--every", "3d", "--horizon", "3d")
SAID: dict[tuple[str, ...], tuple[int, str]] = {
    ("gnn", "train", *DAY): (
        2,
        "the store has no purchases or visits of customers who share",
    ),
    ("gnn", "embed", *DAY): (2, "There are no purchases or visits up to 2025-01-08 to learn"),
    ("gnn", "evaluate", *DAY, "--horizon", "3d"): (2, "No interaction is known up to 2025-01-05"),
    ("gnn", "audit", *DAY, "--horizon", "3d"): (2, "No interaction is known up to 2025-01-05"),
    ("score", *DAY): (2, "give --activate to activate a run without offers"),
    ("score", *DAY, "--activate"): (0, "No customer gets an offer as of 2025-01-08"),
    ("score", *DAY, "--activate", "--affinity", "linear"): (0, "0 offers to 0 customers"),
    ("backtest", *PERIOD): (2, "No customer had a live trigger at any cutoff"),
    ("influence", "learn", *DAY): (0, "not enough evidence: 0 exposures"),
    ("influence", "report", *DAY): (0, "not enough evidence: 0 exposures"),
    ("influence", "rank", *DAY): (2, "so nobody is known to influence anybody"),
    ("influence", "seeds", *DAY, "--budget", "2"): (2, "followsuit: "),
}


@pytest.mark.parametrize("store", STORES)
def test_a_store_without_customers_or_without_items_is_answered(store: str, tmp_path: Path) -> None:
    (tmp_path / "delivery").mkdir()
    for table, text in STORES[store].items():
        (tmp_path / "delivery" / f"{table}.csv").write_text(text)
    load = ("load", "delivery", "--assume-consent")
    loaded, *done = run_each([load, *SAID], tmp_path)
    assert loaded.code == 0, loaded.said
    for (command, (code, said)), outcome in zip(SAID.items(), done, strict=True):
        assert (outcome.code, said in outcome.said) == (code, True), (command, outcome)
        assert "Traceback" not in outcome.said, (command, outcome)
        assert "Warning" not in outcome.said, (command, outcome)
        refusals = [line for line in outcome.said.splitlines() if line.startswith("followsuit: ")]
        assert len(refusals) == (code == 2), (command, outcome)
