"""Settings from `followsuit.toml`, the environment and options; later ones take precedence."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack

from pydantic import AliasChoices, ByteSize, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from followsuit.core.errors import FollowsuitError
from followsuit.core.near_names import near_name
from followsuit.graph.connect import MEMORY, connect
from followsuit.graph.store import GraphStore

FILE = Path("followsuit.toml")
TRIGGERS = Path("followsuit-triggers.toml")
"""The file of a shop's own triggers, in the working folder."""
POLICY = Path("followsuit-policy.toml")
"""The file of a shop's policy, in the working folder."""


class ConfigurationError(FollowsuitError):
    """A setting isn't valid; the message names it."""


def _environment(name: str) -> AliasChoices:
    return AliasChoices(name, name.upper())


class Options(TypedDict, total=False):
    """The settings but `store`, as keyword arguments; None means not given. See `Settings`."""

    memory: int | str | None
    state: str | Path | None
    timeout: float | None
    affinity: str | None
    triggers: str | Path | None
    policy: str | Path | None
    reasons: str | None
    neo4j_username: str | None
    neo4j_password: str | SecretStr | None
    neo4j_database: str | None


class Settings(BaseSettings):
    """The settings of followsuit.

    The file `followsuit.toml` in the working folder may set `store`, `memory`, `state`, `timeout`,
    `affinity`, `triggers`, `policy`, `reasons`, `neo4j_username` and `neo4j_database`. The
    environment sets the same as FOLLOWSUIT_STORE, FOLLOWSUIT_MEMORY, ... and NEO4J_USERNAME,
    NEO4J_PASSWORD, NEO4J_DATABASE.
    """

    model_config = SettingsConfigDict(
        env_prefix="FOLLOWSUIT_",
        env_ignore_empty=True,
        extra="forbid",
        populate_by_name=True,
    )

    store: str = Field(default="followsuit.lbug", min_length=1)
    """A file for the embedded engine, or `bolt://...` or `neo4j://...`."""
    memory: ByteSize = Field(default=ByteSize(MEMORY), ge=2**30)
    """Memory limit, such as `3GiB`; at least 1GiB."""
    state: Path | None = None
    """The state folder for a Neo4j server; by default in the user's cache folder."""
    timeout: float = Field(default=60.0, gt=0)
    """Time limit of a query, in seconds."""
    affinity: str = Field(default="blend", pattern="^(blend|linear|.+:.+)$")
    """The model of own taste for offers: `blend` for the blend of models, `linear` for the faster
    linear model, or `module:Class` for your own."""
    triggers: Path | None = None
    """A file of your own triggers; by default `followsuit-triggers.toml` in the working folder, if
    there is one."""
    policy: Path | None = None
    """A file of your policy; by default `followsuit-policy.toml` in the working folder, if there is
    one."""
    reasons: str = Field(default="en", min_length=1)
    """What customers may be told: `en`, `de`, or a file of your own texts."""
    neo4j_username: str | None = Field(
        default=None, validation_alias=_environment("neo4j_username")
    )
    neo4j_password: SecretStr | None = Field(
        default=None, validation_alias=_environment("neo4j_password")
    )
    """Read only from the environment."""
    neo4j_database: str | None = Field(
        default=None, validation_alias=_environment("neo4j_database")
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options take precedence over the environment, and the environment over the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _written())

    @property
    def triggers_file(self) -> Path | None:
        """The file of the shop's own triggers, if there is one."""
        return self.triggers or (TRIGGERS if TRIGGERS.exists() else None)

    @property
    def policy_file(self) -> Path | None:
        """The file of the shop's policy, if there is one."""
        return self.policy or (POLICY if POLICY.exists() else None)

    def connect(self) -> GraphStore:
        """Connect to the store."""
        password = self.neo4j_password
        return connect(
            self.store,
            username=self.neo4j_username,
            password=password.get_secret_value() if password else None,
            database=self.neo4j_database,
            state=self.state,
            memory=self.memory,
        )


def read_settings(store: str | None = None, **options: Unpack[Options]) -> Settings:
    """Read the settings from options, the environment and the file.

    Args:
        store: the setting `store`, which takes precedence; None means not given.
        options: the other settings by name, likewise.

    Raises:
        ConfigurationError: a value isn't valid, or a key of the file is unknown or a secret.
    """
    try:
        if any("password" in key.lower() for key in _keys(_written())):
            raise ConfigurationError(
                f"{FILE} holds a password. Take it out, and set NEO4J_PASSWORD in the environment."
            )
        given: dict[str, Any] = {"store": store, **options}
        return Settings(**{k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = [field for field in Settings.model_fields if field != "neo4j_password"]
            near = near_name(name, known)
            hint = f" Did you mean {near}?" if near else ""
            raise ConfigurationError(
                f"There is no setting {name}.{hint} The settings are {', '.join(known)}."
            ) from error
        raise ConfigurationError(
            f"The setting {name} isn't valid: {first['msg']}. It comes from an option, the "
            f"environment or {FILE}."
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"{FILE} isn't valid TOML: {error}.") from error


def _written() -> dict[str, Any]:
    """The content of the file, without the byte-order mark that Windows editors add."""
    return tomllib.loads(FILE.read_text("utf-8-sig")) if FILE.exists() else {}


def _keys(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield key
        if isinstance(value, dict):
            yield from _keys(value)
