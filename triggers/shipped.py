"""The triggers that come with followsuit."""

import ibis.expr.types as ir

from followsuit.triggers.friend_activity import FriendActivity
from followsuit.triggers.trigger import Trigger


def shipped(ties: ir.Table) -> tuple[Trigger, ...]:
    """All triggers, the most telling first: a reason is put into the words of the first.

    Args:
        ties: how much each friend counts, see `tie_weights`.
    """
    return (FriendActivity(ties),)
