"""The values of the column `decision`, besides the names of rules that block."""

OFFERED = "offered"
OUTRANKED = "outranked"
"""Other candidates of the customer rank higher."""
