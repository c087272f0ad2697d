"""Models by name, with the extra `gnn` and without it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.own_model import OWN_MODEL

from followsuit.gnn.models.model_config import WrongSettings
from followsuit.gnn.models.registry import MODELS, NotAModel, UnknownModel, model
from followsuit.testing.tastes import planted

WITHOUT_THE_EXTRA = """
import json, sys


class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "torch_geometric", "implicit"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NotInstalled())
from followsuit.gnn.models.registry import MODELS, MissingExtra, model
said = {}
for name in MODELS:
    try:
        said[name] = model(name).name
    except MissingExtra as error:
        said[name] = str(error)
print(json.dumps(said))
"""


@pytest.mark.parametrize("name", MODELS)
def test_each_name_is_the_name_of_its_model(name: str) -> None:
    assert model(name).name == name


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UnknownModel, match=r"There is no model lightgnc; there are popularity, "):
        model("lightgnc")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the current directory with a user's models."""
    name = f"own_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(OWN_MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    return name


def test_a_model_of_ones_own_is_found_in_the_current_directory(own: str, tmp_path: Path) -> None:
    started = model(f"{own}:Neighbours", power=2.0)
    assert started.name == f"{own}:Neighbours"
    assert started.settings() == {"power": 2.0}
    fitted = started.fit(planted())
    fitted.save(tmp_path / "saved")
    loaded = type(model(started.name)).load(tmp_path / "saved", planted())
    assert loaded.config == started.config
    assert loaded.score(np.arange(9)).tobytes() == fitted.score(np.arange(9)).tobytes()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("Nobody", "its module has no such class"),
        ("Other", "it isn't a subclass of followsuit.gnn.models.recommender.Recommender"),
        ("np", "it isn't a subclass of"),
        ("Half", "it doesn't define restore, score, state"),
        ("Named", "it sets the name `neighbours`, which leads to no module: leave the name out"),
    ],
)
def test_a_class_that_is_no_model_says_why(own: str, kind: str, message: str) -> None:
    with pytest.raises(NotAModel) as refusal:
        model(f"{own}:{kind}")
    assert str(refusal.value).startswith(f"{own}:{kind} can't be used as a model: {message}")


@pytest.mark.parametrize("module", ["no_such_module", "followsuit.nowhere", "json.nowhere.deeper"])
def test_a_module_that_is_not_there_says_where_to_run_this(module: str) -> None:
    with pytest.raises(
        UnknownModel, match=r"There is no module \S+ for the model .*:Mine\. Run this"
    ):
        model(f"{module}:Mine")


@pytest.mark.parametrize("name", ["my-module:Mine", ":Mine", "mine:", "../mine:Mine", ".mine:Mine"])
def test_a_name_that_no_module_can_have_is_an_unknown_model(name: str) -> None:
    with pytest.raises(UnknownModel, match="Name your own module:Class"):
        model(name)


def test_settings_that_do_not_fit_ones_own_model_are_named(own: str) -> None:
    with pytest.raises(WrongSettings, match="NeighboursConfig isn't valid: the setting `power` is"):
        model(f"{own}:Neighbours", power=-1.0)


def test_without_the_extra_plain_models_are_there_and_others_say_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    assert {name for name, answer in said.items() if answer == name} >= {
        "popularity",
        "friends",
        "ease",
        "gfcf",
    }
    needs = {"lightgcn": "torch", "social": "torch", "hetero": "torch", "ials": "implicit"}
    for name, extra in needs.items():
        assert said[name] == f"The model {name} needs {extra}: pip install 'followsuit[gnn]'."
