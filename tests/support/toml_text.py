"""Writes values as TOML: the standard library only reads it."""

import json
from collections.abc import Mapping
from typing import Any


def toml_of(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of tables that hold texts, numbers, truth values, lists and further tables."""
    parts = []
    for name, table in tables.items():
        lines = [f"{key_text(key)} = {value_text(value)}" for key, value in table.items()]
        parts.append("\n".join([f"[{key_text(name)}]", *lines, ""]))
    return "\n".join(parts)


def key_text(key: str) -> str:
    """A key, in quotes unless it is a plain word."""
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isascii() and plain.isalnum() else json.dumps(key, ensure_ascii=False)


def value_text(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key_text(k)} = {value_text(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(value_text(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
