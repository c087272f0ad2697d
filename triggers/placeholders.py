"""Checks the placeholders of texts that customers are told, such as `{friends}`."""

import re
from collections.abc import Sequence

OF_FRIENDS = ("friends", "period")
"""The placeholders of a trigger's text."""

_PLACE = re.compile(r"\{([^{}]*)\}")


def check_placeholders(text: str, places: Sequence[str]) -> None:
    """Check that a text has only placeholders that are filled in, and no other braces.

    Args:
        text: the text.
        places: the names of the placeholders that it may have.

    Raises:
        ValueError: it has another one, or a brace that belongs to none.
    """
    known = " and ".join(f"{{{each}}}" for each in places)
    hint = f"those of this text are {known}" if known else "this text has none"
    for name in _PLACE.findall(text):
        if name not in places:
            raise ValueError(f"{{{name}}} isn't a placeholder; {hint}")
    if re.search("[{}]", _PLACE.sub("", text)):
        raise ValueError(f"a brace belongs to no placeholder; {hint}")
