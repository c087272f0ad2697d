"""Lines of keys in TOML: every key of a random file is found where it stands."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.toml_text import key_text, value_text

from followsuit.core.toml_lines import KeyPath, key_lines

_keys = st.text("abc-_ .#='\"é", min_size=1, max_size=5).filter(lambda key: "'" not in key)
_texts = st.text("ab #[]{}=,.'\"\\\n", max_size=6)
_scalars = st.one_of(st.booleans(), st.integers(), st.floats(-9, 9), _texts)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=6,
)


class Writer:
    """Writes a file line by line, and notes where each key and element begins."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.text = draw, ""
        self.lines: dict[KeyPath, int] = {}

    @property
    def line(self) -> int:
        return 1 + self.text.count("\n")

    def gap(self) -> None:
        """Maybe a comment, an empty line or spaces."""
        self.text += self.draw(st.sampled_from(["", "", "\n", "# [a] = {'\n", "  "]))

    def table(self, name: str, table: Mapping[str, Any]) -> None:
        self.gap()
        self.lines[name,] = self.line
        self.text += f"[{key_text(name)}]\n"
        for key, value in table.items():
            self.gap()
            self.lines[name, key] = self.line
            self.text += f"{key_text(key)} = "
            self.value((name, key), value)
            self.text += "\n"

    def value(self, path: KeyPath, value: Any) -> None:
        if isinstance(value, list):
            self.text += "["
            for number, each in enumerate(value):
                self.text += self.draw(st.sampled_from(["", "\n", " # it's ]\n"]))
                self.lines[*path, number] = self.line
                self.value((*path, number), each)
                self.text += self.draw(st.sampled_from([",", " ,", "\n,"]))
            self.text += "]"
        elif isinstance(value, dict):
            self.text += "{"
            for number, (key, each) in enumerate(value.items()):
                self.text += ", " if number else " "
                self.lines[*path, key] = self.line
                self.text += f"{key_text(key)} = "
                self.value((*path, key), each)
            self.text += " }"
        elif isinstance(value, str) and self.draw(st.booleans()) and _is_literal(value):
            self.text += f"'''\n{value}'''" if "\n" in value else f"'{value}'"
        else:
            self.text += value_text(value)


def _is_literal(value: str) -> bool:
    return "'" not in value


@settings(deadline=None)
@given(st.dictionaries(_keys, st.dictionaries(_keys, _values, max_size=3), max_size=3), st.data())
def test_every_key_is_found_on_its_line(
    tables: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    writer = Writer(data.draw)
    for name, table in tables.items():
        writer.table(name, table)
    assert key_lines(writer.text) == writer.lines


def test_tables_may_be_nested_numbered_and_dotted() -> None:
    text = (
        'a.b = 1\n[c]\nd."e f".g = 2\n\n[[h]]\ni = 3\n[[h]]\ni = 4\n'
        "[h.j]\nk = 1979-05-27T07:32:00.5Z\n"
    )
    lines = key_lines(text)
    assert lines["a", "b"] == 1
    assert lines["c",] == 2
    assert lines["c", "d", "e f", "g"] == 3
    assert lines["h", 0] == 5
    assert lines["h", 0, "i"] == 6
    assert lines["h", 1, "i"] == 8
    assert lines["h", "j", "k"] == 10
