"""The wheel that the links make: all that is ours is in it, and nothing generic."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest

from followsuit.loaders.mapping import shipped_mappings
from followsuit.queries.library import library

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "followsuit"
OURS = (".py", ".cypher", ".toml", "py.typed")


def files_of(folder: Path) -> set[str]:
    """What belongs into the wheel, through the links."""
    files = [Path(at, name) for at, _, names in os.walk(folder, followlinks=True) for name in names]
    return {f"followsuit/{p.relative_to(folder)}" for p in files if p.name.endswith(OURS)}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, since building leaves files behind."""
    copied = tmp_path_factory.mktemp("packaging") / "checkout"
    left_out = ignore_patterns("__pycache__", "*.egg-info")
    copytree(ROOT / "src", copied / "src", symlinks=True, ignore=left_out)
    for room in (path.name for path in PACKAGE.iterdir() if path.is_symlink()):
        copytree(ROOT / room, copied / room, ignore=left_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / name, copied)
    return copied


def run(*arguments: str | Path, at: Path, path: Path | None = None) -> str:
    """Run Python in a folder; `path` goes before the installed packages."""
    environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def build_wheel(source: Path, into: Path) -> Path:
    run(
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        into,
        source,
        at=source.parent,
    )
    (wheel,) = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    return build_wheel(checkout, checkout.parent / "wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The wheel unpacked, as in site-packages."""
    folder = wheel.parent / "site"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def test_the_wheel_holds_every_module_query_and_mapping_and_nothing_else(installed: Path) -> None:
    expected = files_of(PACKAGE)
    for kind, least in ((".py", 60), (".cypher", 12), (".toml", 2), ("py.typed", 1)):
        assert sum(name.endswith(kind) for name in expected) >= least
    files = (path for path in (installed / "followsuit").rglob("*") if path.is_file())
    assert {str(path.relative_to(installed)) for path in files} == expected


def test_nothing_generic_lies_at_the_top(installed: Path) -> None:
    top = {path.name.partition("-")[0] for path in installed.iterdir()}
    assert top == {"followsuit"}


def test_the_wheel_runs_by_itself(installed: Path, tmp_path: Path) -> None:
    where = "import followsuit.queries.runner as module; print(module.__file__)"
    assert run("-c", where, at=tmp_path, path=installed).startswith(str(installed))
    version = run("-m", "followsuit", "--version", at=tmp_path, path=installed)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert version == f"followsuit {project['version']}\n"
    listed = run("-m", "followsuit", "query", at=tmp_path, path=installed)
    named = [line.split()[0] for line in listed.splitlines() if line[0] != " "]
    assert named == list(library())
    names = "from followsuit.loaders.mapping import shipped_mappings; print(*shipped_mappings())"
    assert run("-c", names, at=tmp_path, path=installed).split() == shipped_mappings()
    contracts = "import followsuit.testing.model_contract, followsuit.testing.store.contract"
    run("-c", contracts, at=tmp_path, path=installed)


def test_the_wheel_makes_the_command(installed: Path) -> None:
    (info,) = installed.glob("*.dist-info")
    assert "followsuit = followsuit.cli:main" in (info / "entry_points.txt").read_text()
    assert "License-Expression: Apache-2.0" in (info / "METADATA").read_text()


def test_a_wheel_from_the_source_distribution_is_the_same(
    checkout: Path, installed: Path, tmp_path: Path
) -> None:
    build = "import sys, setuptools.build_meta as b; b.build_sdist(sys.argv[1])"
    run("-c", build, tmp_path, at=checkout)
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as packed:
        packed.extractall(tmp_path, filter="data")
    again = build_wheel(tmp_path / source.name.removesuffix(".tar.gz"), tmp_path / "wheel")
    with zipfile.ZipFile(again) as packed_again:
        names = {name for name in packed_again.namelist() if ".dist-info" not in name}
    assert names == files_of(PACKAGE)
