"""How long rows are kept: the table `[retention]` of the policy file."""

import tomllib
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from followsuit.core.errors import FollowsuitError
from followsuit.core.times import TimeError, length

FILE = Path("followsuit-policy.toml")


class RetentionError(FollowsuitError):
    """The policy file says nothing of retention, or something that isn't valid."""


class Retention(BaseModel):
    """How long rows are kept; None for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: timedelta | None = None
    """Purchases, visits and events, and what was made from them."""
    contacts: timedelta | None = None
    """Contacts and their outcomes."""

    @field_validator("events", "contacts", mode="before")
    @classmethod
    def _length(cls, value: object) -> object:
        try:
            return length(value) if isinstance(value, str) else value
        except TimeError as error:
            raise ValueError(str(error)) from error


def read_retention(path: Path = FILE) -> Retention:
    """Read how long rows are kept.

    Raises:
        RetentionError: there is no file or no such table in it, or a length isn't valid.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
        return Retention(**content["retention"])
    except (FileNotFoundError, KeyError) as error:
        raise RetentionError(
            f'{path} has no [retention]. Write one, with events = "400d" or contacts = "1100d".'
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise RetentionError(
            f"{path}: retention.{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RetentionError(f"{path} isn't valid TOML: {error}.") from error
