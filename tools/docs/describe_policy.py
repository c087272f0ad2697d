"""The keys of a policy, as Markdown."""

from collections.abc import Iterator
from datetime import time, timedelta
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import meanings
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from to_markdown import code, table

from followsuit.policy.contact.answers import NO_ANSWER
from followsuit.policy.declared.policy import Policy
from followsuit.policy.rules import SENTENCES

_WORDS = {
    int: "whole number",
    float: "number",
    str: "text",
    timedelta: "length",
    time: "time of day",
}


def policy() -> str:
    """Each part of a policy, with its keys."""
    header = ("key", "type", "default", "meaning", "rule")
    return "".join(
        f"{_title(names)}\n\n{table(header, _rows(names, model))}"
        for names, model in parts().items()
    )


def no_answers() -> str:
    """The outcomes of contacts that are no answer."""
    return ", ".join(map(code, NO_ANSWER)) + "\n"


def parts() -> dict[tuple[str, ...], type[BaseModel]]:
    """The tables of a policy, by the keys whose values they are."""
    found: dict[tuple[str, ...], type[BaseModel]] = {(): Policy}
    for section, part in _below(Policy).items():
        found[(section,)] = part
        inner = _below(part)
        for model in dict.fromkeys(inner.values()):
            names = (name for name, other in inner.items() if other is model)
            found[(section, *names)] = model
    return found


def all_keys() -> list[str]:
    """Every key of a policy, as `meanings.py` has it: `Contact.per_customer`."""
    return [
        f"{model.__name__}.{name}"
        for names, model in parts().items()
        for name in _fields(model)
        if names or name not in _below(Policy)
    ]


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _below(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The tables that a table contains, by their key."""
    return {
        name: kind
        for name, field in _fields(model).items()
        for kind in _classes(field.annotation)
        if issubclass(kind, BaseModel)
    }


def _classes(annotation: Any) -> Iterator[type]:
    """The classes that an annotation names."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _classes(part)


def _rows(names: tuple[str, ...], model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    sections = () if names else _below(Policy)
    for name, field in _fields(model).items():
        if name not in sections:
            # `meanings.py` lacks a key that raises KeyError here. Add it there.
            meaning = meanings.POLICY[f"{model.__name__}.{name}"]
            rule = next((code(n) for n in (name, *names[:1]) if n in SENTENCES), "")
            yield code(name), _type(field.annotation), _default(field), meaning, rule


def _type(annotation: Any) -> str:
    """The type of a key's values, in words."""
    inner, origin = get_args(annotation), get_origin(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is dict:
        return f"table: name = {_type(inner[1])}"
    if origin is tuple:
        return f"list of {_type(inner[0])}s"
    if NoneType in inner:
        return _type(next(part for part in inner if part is not NoneType))
    if issubclass(annotation, BaseModel):
        return f"{{ {', '.join(map(code, _fields(annotation)))} }}"
    return _WORDS[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, timedelta):
        return code(f"{value.days}d")
    empty = value is PydanticUndefined or value is None or value == ()
    return "none" if empty else code(value)


def _title(names: tuple[str, ...]) -> str:
    if len(names) > 1:
        return f"### {', '.join(map(code, names[1:]))}"
    return f"## `[{names[0]}]`" if names else "## Before all parts"
