"""The number of threads, of whichever library, changes no byte of what is computed."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.commands import run_each

ENVIRONMENTS = [
    dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), number
    )
    for number in ("1", "3")
]
DAY = "2025-04-20"

WORLD = [
    "--customers",
    "150",
    "--products",
    "40",
    "--stores",
    "4",
    "--friendships",
    "600",
    "--purchases",
    "2000",
    "--days",
    "120",
    "--influence",
    "0.8",
]
COMMANDS = {
    "score.parquet": ["score", "--as-of", DAY, "--affinity", "linear", "--out"],
    "learn.parquet": ["influence", "learn", "--as-of", DAY, "--out"],
    "report.json": ["influence", "report", "--as-of", DAY, "--json"],
    "rank.json": ["influence", "rank", "--as-of", DAY, "--json"],
    "seeds.json": ["influence", "seeds", "--as-of", DAY, "--budget", "5", "--json"],
    "backtest.parquet": [
        "backtest",
        "--from",
        "2025-03-20",
        "--to",
        "2025-04-25",
        "--every",
        "7d",
        "--horizon",
        "14d",
        "--affinity",
        "linear",
        "--out",
    ],
}
"""By what they write."""

SECONDS = re.compile(rb'"seconds": [0-9.]+')
"""How long it took, which is said beside."""

FITTED = """
import hashlib, sys
from followsuit.testing.tastes import planted
from followsuit.gnn.models.registry import model

data = planted(users=900, items=600, per_user=12)
settings = {"lightgcn": {"epochs": 2}, "social": {"epochs": 2}, "ials": {"rounds": 2},
            "hetero": {"epochs": 1}}
for name in sys.argv[1:]:
    digest = hashlib.sha256()
    for array in model(name, **settings.get(name, {})).fit(data).state().values():
        digest.update(array.tobytes())
    print(name, digest.hexdigest())
"""
MODELS = ["ease", "ease_damped", "gfcf"]
if find_spec("torch") and find_spec("implicit"):
    MODELS += ["ials", "lightgcn", "social", "hetero"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_writes_the_same_bytes(written: list[Path], name: str) -> None:
    contents = {SECONDS.sub(b"", (folder / name).read_bytes()) for folder in written}
    assert len(contents) == 1


def test_models_learn_the_same_bytes() -> None:
    said = set()
    for environment in ENVIRONMENTS:
        done = subprocess.run(
            [sys.executable, "-c", FITTED, *MODELS],
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        assert [line.split()[0] for line in done.stdout.splitlines()] == MODELS
        said.add(done.stdout)
    assert len(said) == 1, said


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """For each environment a folder with what the commands write there of one simulated shop."""
    shop = tmp_path_factory.mktemp("shop")
    store = ["--store", "shop.lbug"]
    begun = run_each([["simulate", "delivery", *WORLD], ["load", "delivery", *store]], shop)
    assert [outcome.code for outcome in begun] == [0, 0], begun
    commands = [[*command, name, *store] for name, command in COMMANDS.items()]
    folders = []
    for environment in ENVIRONMENTS:
        folder = shop.with_name(f"{environment['OMP_NUM_THREADS']}-threads")
        shutil.copytree(shop, folder)
        done = run_each(commands, folder, environment)
        assert {outcome.code for outcome in done} == {0}, done
        folders.append(folder)
    return folders
