"""Typed, validated and immutable settings of a model."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from followsuit.core.errors import FollowsuitError


class WrongSettings(FollowsuitError):
    """The model doesn't have a setting, or the setting can't have the value."""


class ModelConfig(BaseModel):
    """Base of all model configs; a field's docstring is its description.

    Raises:
        WrongSettings: a name is unknown, or a value is of another type or out of bounds.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise WrongSettings(_in_words(type(self), error)) from error

    def changed(self, **settings: Any) -> Self:
        """A copy with these settings changed."""
        return type(self)(**{**dict(self), **settings})


def _in_words(kind: type[ModelConfig], error: ValidationError) -> str:
    faults = []
    for fault in error.errors():
        name = ".".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            faults.append(f"it has no setting `{name}`")
        elif fault["type"] == "missing":
            faults.append(f"the setting `{name}` is missing")
        else:
            reason = fault["msg"][:1].lower() + fault["msg"][1:]
            faults.append(f"the setting `{name}` is {fault['input']!r}: {reason}")
    names = ", ".join(kind.model_fields) or "none"
    return f"{kind.__name__} isn't valid: {'; '.join(faults)}. Its settings: {names}."
