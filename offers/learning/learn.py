"""The values of `score --learn`."""

from enum import StrEnum


class Learn(StrEnum):
    """What a run fits again."""

    AUTO = "auto"
    """Search the settings of taste at most once a week; fit the rest each time."""
    ALWAYS = "always"
    """Search and fit everything."""
    NEVER = "never"
    """Use the latest settings and weights, however old."""
