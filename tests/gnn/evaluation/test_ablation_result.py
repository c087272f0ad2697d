"""The results of friend ablations in the store: each is its own run."""

from pathlib import Path

from support.hand_made import hand_made

import followsuit
from followsuit.core.bootstrap import Estimate
from followsuit.core.times import instant
from followsuit.gnn.evaluation.friend_ablation import FriendAblation
from followsuit.graph.results.runs import FRIEND_ABLATION, runs


def ablation(gain: float) -> FriendAblation:
    ndcg = Estimate(0.1, 0.05, 0.2)
    figures = {ties: {"ndcg@20": ndcg} for ties in ("real", "rewired", "none")}
    return FriendAblation(figures, Estimate(gain, gain - 0.01, gain + 0.01), 1234, 1, 500)


def test_two_of_one_day_are_two_runs_and_the_same_result_is_one(tmp_path: Path) -> None:
    with followsuit.open(str(tmp_path / "s.lbug")) as shop:
        shop.load(hand_made(tmp_path / "delivery"), assume_consent=True)
        for gain, created_at in ((0.02, "2025-06-01"), (0.0, "2025-06-02"), (0.0, "2025-06-03")):
            shop.apply_ablation(ablation(gain), "2025-05-01", created_at)
        listed = runs(shop.store, FRIEND_ABLATION)
    assert [run.parameters["gain"]["value"] for run in listed] == [0.0, 0.02]
    assert [run.created_at for run in listed] == [instant("2025-06-03"), instant("2025-06-01")]
    assert [run.active for run in listed] == [True, False]
