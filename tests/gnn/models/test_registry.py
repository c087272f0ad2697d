"""Models by name, with the extra `gnn` and without it."""

import json
import subprocess
import sys

import pytest

from followsuit.gnn.models.registry import MODELS, UnknownModel, model

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


def test_without_the_extra_plain_models_are_there_and_others_say_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    assert {name for name, answer in said.items() if answer == name} >= {
        "popularity", "friends", "ease", "gfcf",
    }  # fmt: skip
    needs = {"lightgcn": "torch", "social": "torch", "hetero": "torch", "ials": "implicit"}
    for name, extra in needs.items():
        assert said[name] == f"The model {name} needs {extra}: pip install 'followsuit[gnn]'."
