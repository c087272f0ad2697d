"""A model of one's own, named module:Class, wherever a command takes a model."""

import json

import pytest
from support.cli_shop import AS_OF, Shop
from support.commands import run_each
from support.own_model import OWN_MODEL

OWN = "own_model:Neighbours"


def test_every_command_that_takes_a_model_takes_ones_own(own_shop: Shop) -> None:
    (own_shop.folder / "own_model.py").write_text(OWN_MODEL)
    commands = {
        "evaluate": [
            "gnn",
            "evaluate",
            "--as-of",
            "2025-04-20",
            "--models",
            f"popularity,{OWN}",
            "--json",
            "evaluated.json",
        ],
        "train": ["gnn", "train", "--as-of", AS_OF, "--model", OWN],
        "embed": ["gnn", "embed", "--as-of", AS_OF, "--model", OWN],
        "score": ["score", "--as-of", AS_OF, "--affinity", OWN, "--json", "scored.json"],
    }
    outcomes = dict(zip(commands, run_each([*commands.values()], own_shop.folder), strict=True))
    assert {name: outcome.code for name, outcome in outcomes.items()} == dict.fromkeys(commands, 0)
    evaluated = json.loads((own_shop.folder / "evaluated.json").read_text())
    assert evaluated["models"].keys() == {"popularity", OWN}
    assert evaluated["models"][OWN]["settings"]["power"] in (0.5, 1.0)
    assert f"{OWN} (power " in outcomes["train"].said
    assert f" numbers by {OWN}: run embed-" in outcomes["embed"].said
    assert f"Own taste comes from {OWN}." in outcomes["score"].said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:Mine", "There is no module nowhere for the model nowhere:Mine. Run this in the "),
        ("own_model:Mine", "own_model:Mine can't be used as a model: its module has no such class"),
        ("own_model:Other", "own_model:Other can't be used as a model: it isn't a subclass of "),
        ("own_model:Half", "own_model:Half can't be used as a model: it doesn't define restore, "),
        (
            "broken:Mine",
            "broken:Mine can't be used as a model: its module can't be imported, ",
        ),
        ("own_model:Needy", "NeedyConfig isn't valid: the setting `depth` is missing. "),
    ],
)
def test_what_is_no_model_of_ones_own_is_an_error_in_one_line(
    own_shop: Shop, name: str, message: str
) -> None:
    needy = "class NeedyConfig(ModelConfig):\n    depth: int\n\n\nclass Needy(Neighbours):\n"
    needy += "    config_class = NeedyConfig\n"
    (own_shop.folder / "own_model.py").write_text(f"{OWN_MODEL}\n\n{needy}")
    (own_shop.folder / "broken.py").write_text("import numpy\n\nundefined()\n")
    commands = [
        ["gnn", "evaluate", "--as-of", "2025-04-20", "--models", name],
        ["gnn", "train", "--as-of", AS_OF, "--model", name],
        ["gnn", "embed", "--as-of", AS_OF, "--model", name],
        ["score", "--as-of", AS_OF, "--affinity", name],
    ]
    for outcome in run_each(commands, own_shop.folder):
        assert (outcome.code, outcome.out) == (2, "")
        assert message in outcome.said
        assert "Traceback" not in outcome.said


def test_an_affinity_that_is_neither_of_the_two_nor_ones_own_is_named(shop: Shop) -> None:
    outcome = shop.run("score", "--as-of", AS_OF, "--affinity", "magic")
    assert outcome.code == 2
    assert "'magic' isn't blend, linear or module:Class" in outcome.said
