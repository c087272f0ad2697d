"""strptime formats, checked strictly.

DuckDB's parser accepts `25` as the year 25, any digits as an offset, and extra spaces. So this
module converts a format to a regular expression that the whole text must match too.
"""

import re

OFFSET = r"[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?"
"""A zone's offset as in RFC 3339, also without its colon or minutes."""
HOURS = r"([01][0-9]|2[0-3])"

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_SIXTY = r"[0-5][0-9]"
_PADDED = {
    "m": r"(0[1-9]|1[0-2])",
    "d": r"(0[1-9]|[12][0-9]|3[01])",
    "H": HOURS,
    "I": r"(0[1-9]|1[0-2])",
    "M": _SIXTY,
    "S": _SIXTY,
    "U": _SIXTY,
    "W": _SIXTY,
    "V": _SIXTY,
    "j": r"[0-3][0-9]{2}",
}
"""Numbers that may omit leading zeros unless another number is next to them."""
_NUMBERS = {
    "Y": r"[0-9]{4}",
    "G": r"[0-9]{4}",
    "y": r"[0-9]{2}",
    "f": r"[0-9]{1,6}",
    "g": r"[0-9]{1,3}",
    "n": r"[0-9]{1,9}",
    "u": r"[1-7]",
    "w": r"[0-6]",
}


def _any_of(names: tuple[str, ...], letters: int | None = None) -> str:
    return f"(?i:{'|'.join(name[:letters] for name in names)})"


_WORDS = {
    "a": _any_of(_DAYS, 3),
    "A": _any_of(_DAYS),
    "b": _any_of(_MONTHS, 3),
    "h": _any_of(_MONTHS, 3),
    "B": _any_of(_MONTHS),
    "p": r"(?i:am|pm)",
    "z": OFFSET,
    "Z": r"[A-Za-z][A-Za-z0-9_/+-]*",
}
_SHORT_FOR = {"c": "%Y-%m-%d %H:%M:%S", "x": "%Y-%m-%d", "X": "%H:%M:%S", "T": "%H:%M:%S"}
_PART = re.compile(r"%(-?.)|([^%]+)", re.DOTALL)


def pattern_of(form: str) -> str:
    """The regular expression for a format's texts.

    Raises:
        ValueError: the format isn't valid, has no year, or has one of %I and %p without the other.
    """
    parts = _parts(form)
    names = [name.removeprefix("-") for name, _ in parts]
    directives = [name for name in names if name not in ("", "%")]
    if twice := next((name for name in directives if directives.count(name) > 1), None):
        raise ValueError(f"the format {form!r} has %{twice} twice")
    if not {"Y", "y", "G"} & {*directives}:
        raise ValueError(f"the format {form!r} has no year")
    if ("I" in directives) != ("p" in directives):
        raise ValueError(f"the format {form!r} has one of %I and %p without the other")
    numbers = [name in _PADDED or name in _NUMBERS for name in names]
    beside = zip([False, *numbers], [*numbers[1:], False], strict=False)
    return "".join(
        _pattern(name, text, packed=before or after)
        for (name, text), (before, after) in zip(parts, beside, strict=True)
    )


def _parts(form: str) -> list[tuple[str, str]]:
    """The directives of a format, with the text between them under an empty name."""
    for short, meant in _SHORT_FOR.items():
        form = re.sub(rf"(?<!%)((?:%%)*)%{short}", rf"\g<1>{meant}", form)
    parts = [(m[1] or "", m[2] or "") for m in _PART.finditer(form)]
    length = sum(len(name) + 1 if name else len(text) for name, text in parts)
    known = {"", "%", *_WORDS, *_NUMBERS, *_PADDED, *(f"-{name}" for name in ("y", *_PADDED))}
    if length != len(form) or any(name not in known for name, _ in parts):
        raise ValueError(f"{form!r} isn't a strptime format")
    return parts


def _pattern(name: str, text: str, packed: bool) -> str:
    if name in ("", "%"):
        return re.escape(text or name)
    if name in _PADDED and packed:
        return _PADDED[name]
    name = name.removeprefix("-")
    if name in _PADDED:
        return f"({_PADDED[name]}|[0-9]{{1,{2 if name == 'j' else 1}}})"
    return _NUMBERS.get(name) or _WORDS[name]
