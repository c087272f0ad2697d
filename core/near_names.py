"""The name that someone probably meant."""

import difflib
from collections.abc import Sequence


def near_name(name: str, names: Sequence[str]) -> str | None:
    """The most similar of these names, whatever its case and hyphens; None if none is similar."""
    by_letters = {_letters(known): known for known in reversed(names)}
    nearest = difflib.get_close_matches(_letters(name), by_letters, n=1, cutoff=0.65)
    return by_letters[nearest[0]] if nearest else None


def _letters(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
