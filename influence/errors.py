"""What all of this room may raise."""

from followsuit.core.errors import FollowsuitError


class NotEnoughEvidence(FollowsuitError):
    """There is too little in the data to say anything."""
