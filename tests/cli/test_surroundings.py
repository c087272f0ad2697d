"""Help, pipes, Ctrl-C, bugs, and what `doctor` says of a machine."""

import errno
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main
from support.cli_shop import Shop
from support.commands import can_be_forked, run, run_each, start

from followsuit import __version__
from followsuit.cli.app import app

SET_VARIABLES = ("pandera", "polars", "sklearn", "torch")
"""Libraries that set environment variables when they are imported."""
GENDERED = re.compile(r"\b(she|hers?|herself|he|him|his|himself)\b", re.IGNORECASE)

# How the tests run commands.


def test_what_libraries_set_in_the_environment_keeps_no_command_from_a_fork() -> None:
    """Else each command of the tests would start Python and import everything anew."""
    for name in SET_VARIABLES:
        if find_spec(name) is not None:
            import_module(name)
    assert can_be_forked(None)


# Help.


def commands(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


ROOT: Any = typer.main.get_command(app)
COMMANDS = list(commands(ROOT))


def test_there_are_the_commands_that_scripts_rely_on() -> None:
    assert sorted(" ".join(path) for path in COMMANDS) == [
        "access",
        "backtest",
        "consent set",
        "consent show",
        "correct",
        "cypher",
        "demo",
        "doctor",
        "forget",
        "gnn audit",
        "gnn embed",
        "gnn evaluate",
        "gnn train",
        "handoff",
        "influence learn",
        "influence rank",
        "influence report",
        "influence seeds",
        "load",
        "privacy audit",
        "prune",
        "query",
        "runs list",
        "runs prune",
        "runs use",
        "schema",
        "score",
        "simulate",
        "trigger check",
        "trigger list",
        "trigger preview",
        "trigger report",
        "why",
        "why-not",
    ]


def test_every_command_helps_with_an_example_in_words_that_fit_everybody(tmp_path: Path) -> None:
    helped = run_each([[*path, "--help"] for path in COMMANDS], tmp_path, {"COLUMNS": "400"})
    for path, done in zip(COMMANDS, helped, strict=True):
        assert (done.code, done.said) == (0, "")
        assert f"Usage: followsuit {' '.join(path)}" in done.out
        assert f"Example: followsuit {' '.join(path)}" in done.out
        assert not GENDERED.search(done.out), path


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_example_of_a_command_is_one_that_it_takes(path: tuple[str, ...]) -> None:
    command = ROOT
    for name in path:
        command = command.commands[name]
    example = command.epilog.removeprefix("Example: followsuit ")
    arguments = shlex.split(example)
    assert tuple(arguments[: len(path)]) == path
    context = command.make_context(path[-1], arguments[len(path) :])
    assert context.params


def test_without_a_command_and_with_help_the_commands_are_listed(tmp_path: Path) -> None:
    bare, helped, short, version = run_each([[], ["--help"], ["-h"], ["--version"]], tmp_path)
    assert bare == helped == short
    assert bare.code == 0
    for path in COMMANDS:
        assert re.search(rf"^│ {path[0]} ", bare.out, re.MULTILINE)
    assert (version.code, version.out) == (0, f"followsuit {__version__}\n")


def test_the_shell_completes_commands(tmp_path: Path) -> None:
    # Which shell it is typer finds out by the processes above it, which differ under a test.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = run("--show-completion", "bash", folder=tmp_path, environment=named)
    assert done.code == 0
    assert "complete" in done.out


# Pipes and keys.


def test_a_reader_that_leaves_early_is_no_error(shop: Shop) -> None:
    limits = ["cypher", "UNWIND range(1, 200000) AS x RETURN x, 'some text' AS y"]
    for command in (["query"], [*limits, "--format", "csv"], ["query", "counts"]):
        process = start(*command, folder=shop.folder)
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() in (0, 1)


@pytest.mark.parametrize(
    "command",
    [
        ("simulate", "big", "--customers", "1000000", "--purchases", "20000000"),
        (
            "cypher",
            "UNWIND range(1, 99999) AS a UNWIND range(1, 99999) AS b "
            "UNWIND range(1, 9999) AS c RETURN sum(a + b + c) AS n",
        ),
    ],
)
def test_ctrl_c_ends_a_command_without_a_word(command: tuple[str, ...], shop: Shop) -> None:
    process = start(*command, folder=shop.folder)
    time.sleep(4)
    assert process.poll() is None, "the command was done too early for this test"
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    # A step that was under way may say how long it took; nothing else is said.
    assert all(re.fullmatch(r"[\w ()-]+: \d+ s", line) for line in said.splitlines()), said


# Ctrl-C falls into a callback of numba's compiler or llvmlite's, which raises nothing.
SWALLOWED = """
import time
import followsuit.doctor
from followsuit.cli import main
class Callback:
    def __del__(self):
        raise KeyboardInterrupt
def examine(store):
    Callback()
    {then}
followsuit.doctor.examine = examine
import sys
sys.argv = ["followsuit", "doctor"]
main()
"""


@pytest.mark.parametrize("then", ["time.sleep(60)", "raise RuntimeError('no compiled object')"])
def test_ctrl_c_is_heard_where_a_callback_swallows_it(then: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(then=then)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


BUG = """
import followsuit.doctor
from followsuit.cli import main
def examine(store):
    raise {error}
followsuit.doctor.examine = examine
import sys
sys.argv = ["followsuit", "doctor"]
main()
"""


@pytest.mark.parametrize(
    "error", ["ZeroDivisionError()", "KeyError('x')", f"OSError({errno.ENOENT}, 'gone', 'x')"]
)
def test_a_bug_keeps_its_traceback(error: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUG.format(error=error)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "in examine" in done.stderr


# Doctor.


def test_doctor_names_each_library_the_store_and_the_tools(shop: Shop) -> None:
    done = shop.run("doctor")
    assert (done.code, done.said) == (0, "")
    for name in ("Python", "ladybug", "neo4j", "duckdb", "ibis", "sklearn", "networkit", "numba"):
        assert re.search(rf"^ok      {name}: [\w.]+, \w", done.out, re.MULTILINE)
    assert re.search(r"^ok      store followsuit.lbug: loaded, revision 1$", done.out, re.MULTILINE)


def test_doctor_says_what_to_install_where_there_is_no_jdk(tmp_path: Path) -> None:
    (tmp_path / "java").touch(mode=0o755)
    done = run("doctor", folder=tmp_path, environment={"PATH": str(tmp_path)})
    assert done.code == 0, "the tests against Neo4j need it, followsuit does not"
    assert f"ok      java: {tmp_path / 'java'}\n" in done.out
    assert (
        "absent  javac: install a JDK 17 or later; this may be a JRE, for `make neo4j` and the "
        "tests that start a Neo4j server\n" in done.out
    )
    assert "absent  mvn: install Apache Maven, for `make neo4j`" in done.out
    assert "absent  store followsuit.lbug: There is no store at " in done.out


def test_doctor_fails_where_something_needed_does_not_work(tmp_path: Path) -> None:
    server = ["doctor", "--store", "bolt://127.0.0.1:1"]
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("raise ImportError('no numba here')")
    here = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    down, lacking = (
        run(*server, folder=tmp_path),
        run("doctor", folder=tmp_path, environment=here),
    )
    assert (down.code, lacking.code) == (1, 1)
    assert "MISSING store bolt://127.0.0.1:1: " in down.out
    assert "MISSING numba: no numba here; install followsuit again" in lacking.out
