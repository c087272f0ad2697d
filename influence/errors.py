"""What all of this room may raise."""

from followsuit.graph.errors import FollowsuitError


class NotEnoughEvidence(FollowsuitError):
    """There is too little in the data to say anything."""
