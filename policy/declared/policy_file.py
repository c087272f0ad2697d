"""Reads a policy from TOML. Errors name the line."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from followsuit.core.errors import FollowsuitError
from followsuit.core.near_names import near_name
from followsuit.core.toml_lines import KeyPath, key_lines
from followsuit.policy.declared.policy import LATEST, NO_POLICY, Policy, Retention
from followsuit.policy.declared.run_parameters import POLICY_LINES

_SECTIONS = {"contact", "limits", "never", "holdout", "retention"}


class PolicyError(FollowsuitError):
    """A policy isn't valid; the message names the line."""


@dataclass(frozen=True)
class PolicyFile:
    """A policy, and where each of its rules stands.

    Attributes:
        policy: the policy.
        name: the name of the file; None without one.
        lines: the line of each key, by its path in the file.
    """

    policy: Policy = NO_POLICY
    name: str | None = None
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def line(self, *path: str) -> int:
        """The line of a key, else that of the nearest one above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def wrong(self, why: str, *path: str) -> PolicyError:
        """The error that a key isn't valid."""
        end = "" if why.endswith("?") else "."
        return PolicyError(f"{self.name}, line {self.line(*path)}: {why}{end}")

    def require_retention(self) -> Retention:
        """How long rows are kept.

        Raises:
            PolicyError: the policy doesn't say.
        """
        kept = self.policy.retention
        if kept.events is None and kept.contacts is None:
            raise PolicyError(
                f"{self.name or 'The policy'} has no [retention]. Write one, with "
                'events = "400d" or contacts = "1100d".'
            )
        return kept

    def as_parameters(self) -> dict[str, Any]:
        """Where each rule stands, as a parameter of a run: `FILE, line 3` by the rule's name."""
        # A rule is named after its key; the holdout, after its section.
        rules = {
            str(path[-1]): line
            for path, line in self.lines.items()
            if len(path) == 2 and path[0] in _SECTIONS
        }
        if "salt" in rules:
            rules["holdout"] = self.line("holdout")
        return {POLICY_LINES: {name: f"{self.name}, line {n}" for name, n in rules.items()}}


NO_FILE = PolicyFile()
"""No policy at all."""


def read_policy(path: Path | None) -> PolicyFile:
    """Read a policy.

    Args:
        path: the file; None for no policy.

    Raises:
        PolicyError: the file can't be read, or isn't valid.
    """
    if path is None:
        return NO_FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PolicyError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path} isn't UTF-8 text. Save it as UTF-8.") from error
    return parse_policy(text, path.name)


def parse_policy(text: str, name: str) -> PolicyFile:
    """Parse a policy.

    Args:
        text: the policy in TOML.
        name: the name of the file, for errors.

    Raises:
        PolicyError: it isn't valid.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{name} isn't valid TOML: {error}.") from error
    file = PolicyFile(NO_POLICY, name, key_lines(text))
    version = given.get("version", LATEST)
    if isinstance(version, int) and version > LATEST:
        known = f"version {version} is newer than this followsuit, which knows {LATEST}"
        raise file.wrong(f"{known}. Upgrade followsuit", "version")
    try:
        policy = Policy.model_validate(given)
    except ValidationError as error:
        raise _error(file, error.errors()[0]) from None
    for path, why in policy.contradictions().items():
        raise file.wrong(why, *path)
    return PolicyFile(policy, name, file.lines)


def _error(file: PolicyFile, error: ErrorDetails) -> PolicyError:
    """The error of the first thing that isn't valid."""
    path = tuple(str(key) for key in error["loc"] if key != "[key]")
    why = error["msg"].removeprefix("Value error, ").rstrip(".")
    if error["type"] == "extra_forbidden":
        known = _keys_at(path[:-1])
        near = near_name(path[-1], known)
        hint = f"Did you mean {near}?" if near else f"Valid keys are {', '.join(known)}"
        return file.wrong(f"no such key: {path[-1]}. {hint}", *path)
    if why == error["msg"].rstrip("."):
        why = f"`{path[-1]}`: {_told(error)}"
    return file.wrong(why, *path)


def _keys_at(path: tuple[str, ...]) -> list[str]:
    """The keys that a part of a policy may have."""
    part: type[BaseModel] = Policy
    for key in path:
        kind = part.model_fields[key].annotation
        kinds = [each for each in (kind, *get_args(kind)) if isinstance(each, type)]
        part = next(each for each in kinds if issubclass(each, BaseModel))
    return [each.alias or name for name, each in part.model_fields.items()]


def _told(error: ErrorDetails) -> str:
    """What to write in the place of a value that pydantic refuses."""
    text = _WHY.get(error["type"], error["msg"])
    return text.format(**error.get("ctx", {}), given=error["input"])


_WHY = {
    "missing": "it is missing here",
    "string_type": "write it as text, in quotes",
    "string_too_short": "write a text that isn't empty",
    "int_type": "{given!r} isn't a whole number",
    "float_type": "{given!r} isn't a number",
    "dict_type": "write a table, such as {{ sms = 2000 }}",
    "tuple_type": "write a list, such as ['staff']",
    "model_type": "write a table, such as {{ at_most = 2, within = '7d' }}",
    "model_attributes_type": "write a table, such as {{ at_most = 2, within = '7d' }}",
    "greater_than_equal": "{given} isn't valid; write a number from {ge:g}",
    "less_than_equal": "{given} isn't valid; write a number up to {le:g}",
    "less_than": "{given} isn't valid; write a number below {lt:g}",
}
"""Other words for pydantic's types of errors."""
