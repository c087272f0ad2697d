"""Models by name, with the extra `gnn` and without it."""

import json
import subprocess
import sys

import pytest

from followsuit.gnn.models import MODELS, UnknownModel, model

WITHOUT_THE_EXTRA = """
import json, sys
for name in ("torch", "torch_geometric", "implicit"):
    sys.modules[name] = None  # as if it were not installed
from followsuit.gnn.models import MODELS, MissingExtra, model
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
    for name in ("lightgcn", "social", "hetero"):
        assert said[name] == f"The model {name} needs torch: pip install 'followsuit[gnn]'."
