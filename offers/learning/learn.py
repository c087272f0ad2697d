"""The values of `score --learn`."""

from enum import StrEnum


class Learn(StrEnum):
    """What a run learns itself."""

    AUTO = "auto"
    """Settings of taste at most once a week, all else each time."""
    ALWAYS = "always"
    """Everything."""
    NEVER = "never"
    """Neither settings nor the model's weights: the latest ones are used, however old."""
