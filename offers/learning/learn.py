"""The values of `score --learn`."""

from enum import StrEnum


class Learn(StrEnum):
    """What a run fits again."""

    AUTO = "auto"
    """Learn the settings of taste and the weights of the features once a week, and not again where
    another run has learned them from the same data by the same options."""
    ALWAYS = "always"
    """Learn everything again."""
    NEVER = "never"
    """Use the latest settings and weights, however old."""
