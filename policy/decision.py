"""The values of the column `decision`, besides the names of rules that block."""

OFFERED = "offered"
OUTRANKED = "outranked"
"""Other candidates of the customer rank higher."""
NEXT = 10
"""So many candidates after the offered ones are kept with what explains them."""
