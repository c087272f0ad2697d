"""Settings: where they come from, which of them wins, and what they can't be."""

from pathlib import Path

import pytest

from followsuit.cli.ranking_options import AffinityOption
from followsuit.config import ConfigurationError, Settings, read_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str) -> None:
    Path("followsuit.toml").write_text(text)


def refusal(**options: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(**options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_any_the_store_is_a_file_of_the_working_folder() -> None:
    settings = read_settings()
    assert (settings.store, settings.timeout) == ("followsuit.lbug", 60)
    assert settings.memory == 3 * 2**30
    assert settings.neo4j_password is None


def test_options_win_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write('store = "file.lbug"\ntimeout = 1\nmemory = "2GiB"\nneo4j_username = "filed"\n')
    monkeypatch.setenv("FOLLOWSUIT_STORE", "environment.lbug")
    monkeypatch.setenv("FOLLOWSUIT_TIMEOUT", "2")
    monkeypatch.setenv("NEO4J_USERNAME", "set")
    settings = read_settings(store="option.lbug", timeout=None)
    assert settings.store == "option.lbug"
    assert settings.timeout == 2
    assert settings.memory == 2 * 2**30
    assert settings.neo4j_username == "set"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    write('store = "file.lbug"\n')
    monkeypatch.setenv("FOLLOWSUIT_STORE", "")
    monkeypatch.setenv("NEO4J_USERNAME", "")
    assert read_settings().store == "file.lbug"
    assert read_settings().neo4j_username is None


def test_the_password_comes_from_the_environment_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEO4J_PASSWORD", "s3cret")
    settings = read_settings()
    assert settings.neo4j_password is not None
    assert settings.neo4j_password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "text",
    ['neo4j_password = "s3cret"', 'NEO4J_PASSWORD = "s3cret"', '[neo4j]\npassword = "s3cret"'],
)
def test_a_password_in_the_file_is_refused(text: str) -> None:
    write(text)
    assert refusal() == (
        "followsuit.toml holds a password. Take it out, and set NEO4J_PASSWORD in the environment."
    )


def test_a_comment_may_speak_of_the_password() -> None:
    write('# The password is in the environment.\nstore = "file.lbug"\n')
    assert read_settings().store == "file.lbug"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "stroe = 'x'",
            "There is no setting stroe. Did you mean store? The settings are store, memory, ",
        ),
        ("store = 5", "The setting store isn't valid: "),
        ("store = ''", "The setting store isn't valid: "),
        ("timeout = 'soon'", "The setting timeout isn't valid: "),
        ("timeout = 0", "The setting timeout isn't valid: "),
        ("memory = '1MB'", "The setting memory isn't valid: "),
        ("memory = 'plenty'", "The setting memory isn't valid: "),
        ("store = ", "followsuit.toml isn't valid TOML: "),
    ],
)
def test_a_wrong_setting_is_named(text: str, said: str) -> None:
    write(text)
    assert refusal().startswith(said)


def test_a_file_that_is_no_text_is_named() -> None:
    Path("followsuit.toml").write_bytes(b"\xff\xfe")
    assert refusal().startswith("followsuit.toml isn't valid TOML: ")


def test_the_file_may_begin_with_a_byte_order_mark() -> None:
    Path("followsuit.toml").write_bytes(b'\xef\xbb\xbfstore = "f\xc3\xbcr.lbug"\r\n')
    assert read_settings().store == "für.lbug"


def test_a_wrong_variable_or_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(timeout="soon").startswith("The setting timeout isn't valid: ")
    assert refusal(colour="red").startswith("There is no setting colour. ")
    monkeypatch.setenv("FOLLOWSUIT_TIMEOUT", "-1")
    assert refusal().startswith("The setting timeout isn't valid: ")


def test_the_help_states_the_default_of_affinity() -> None:
    default = Settings.model_fields["affinity"].default
    assert f"[default: {default}]" in AffinityOption.__metadata__[0].help
