"""The triggers that come with followsuit."""

import ibis.expr.types as ir

from followsuit.triggers.friend_activity import FriendActivity
from followsuit.triggers.trigger import Trigger


def shipped(ties: ir.Table) -> tuple[Trigger, ...]:
    """All shipped triggers, in order of precedence: the first one of a pair gives the words.

    Args:
        ties: see `tie_weights`.
    """
    return (FriendActivity(ties),)
