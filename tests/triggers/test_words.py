"""Words for the reasons that friends give: they are counted only from three on."""

from datetime import timedelta

import ibis
import pandas as pd
import pytest
from support.snapshots import day

from followsuit.graph.items import PRODUCT, STORE
from followsuit.triggers.friend_activity import FriendActivity

NOW = day(30)


@pytest.mark.parametrize(
    ("friends", "days", "verb", "reason"),
    [
        (1, 1, "bought", "popular with people you know"),
        (2, 3, "bought", "popular with people you know"),
        (3, 6.9, "bought", "3 friends bought this in the last week"),
        (3, 7, "visited", "3 friends visited this in the last week"),
        (4, 7.1, "bought", "4 friends bought this in the last two weeks"),
        (12, 20.5, "bought", "12 friends bought this in the last 21 days"),
    ],
)
def test_friends_are_counted_from_three(friends: int, days: float, verb: str, reason: str) -> None:
    kind = {"bought": PRODUCT, "visited": STORE}[verb]
    rows = pd.DataFrame(
        {"friends": [friends], "first_at": [NOW - timedelta(days=days)], "item_kind": [kind]}
    )
    ties = ibis.memtable({"customer_id": ["a"]})
    assert FriendActivity(ties).words(rows, NOW).tolist() == [reason]
