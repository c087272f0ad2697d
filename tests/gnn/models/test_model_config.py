"""Settings of models: named, described, in bounds."""

from typing import Any

import pytest
from pydantic import ValidationError

from followsuit.gnn.models.ease import DampedEase, DampedEaseConfig, Ease, EaseConfig
from followsuit.gnn.models.model_config import WrongSettings
from followsuit.gnn.models.registry import MODELS, model


@pytest.mark.parametrize("name", MODELS)
def test_every_setting_of_every_model_is_described_and_has_bounds(name: str) -> None:
    pytest.importorskip("torch")
    for setting, field in model(name).config_class.model_fields.items():
        assert field.description, setting
        assert field.metadata or name == "blend", setting


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"l2": -1.0}, "the setting `l2` is -1.0: input should be greater than 0"),
        ({"l2": "5"}, "the setting `l2` is '5': input should be a valid number"),
        ({"l2": float("nan")}, "the setting `l2` is nan: input should be "),
        ({"memory": 2.5}, "the setting `memory` is 2.5: input should be a valid integer"),
        ({"l3": 1.0}, "it has no setting `l3`"),
        ({"l3": 1.0, "damp": -1}, "it has no setting `l3`"),
    ],
)
def test_a_wrong_setting_is_named_with_those_that_there_are(
    settings: dict[str, Any], message: str
) -> None:
    for make in (Ease, EaseConfig):
        with pytest.raises(WrongSettings) as refusal:
            make(**settings)
        assert str(refusal.value).startswith("EaseConfig isn't valid: ")
        assert message in str(refusal.value)
        assert str(refusal.value).endswith("Its settings: l2, damp, memory.")


def test_single_settings_go_before_a_config_and_the_rest_are_defaults() -> None:
    assert Ease().config == EaseConfig()
    assert Ease(EaseConfig(l2=5.0), damp=0.1).config == EaseConfig(l2=5.0, damp=0.1)
    assert DampedEase().config == DampedEaseConfig(damp=0.2)


def test_a_config_of_another_model_does_not_fit() -> None:
    pytest.importorskip("torch")
    with pytest.raises(WrongSettings, match="LightGCNConfig isn't valid: it has no setting `l2`"):
        model("lightgcn", **dict(EaseConfig()))


def test_a_config_is_never_changed_in_place() -> None:
    config = EaseConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.l2 = 3.0  # type: ignore[misc]
    assert config.changed(l2=3.0) == EaseConfig(l2=3.0)
    assert config == EaseConfig()


def test_an_unfitted_copy_has_the_same_settings_but_those_that_are_changed() -> None:
    started = Ease(l2=3.0, damp=0.1)
    assert started.unfitted().config == started.config
    assert started.unfitted(damp=0.3).config == EaseConfig(l2=3.0, damp=0.3)
