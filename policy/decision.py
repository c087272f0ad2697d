"""What becomes of a candidate: the words of the column `decision`."""

OFFERED = "offered"
OUTRANKED = "outranked"
"""Other candidates of the customer rank higher. All other values name the rule that blocked it."""
