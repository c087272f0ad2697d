"""The command line as a person runs it: in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT = 300.0


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command; `out` is its standard output, `said` its standard error."""

    code: int
    out: str
    said: str


def start(
    *arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start `followsuit ARGUMENTS` in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "followsuit", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    *arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> Outcome:
    """Run `followsuit ARGUMENTS` in a folder until it ends."""
    process = start(*arguments, folder=folder, environment=environment)
    out, said = process.communicate(timeout=LIMIT)
    return Outcome(process.returncode, out, said)


_ONE_AFTER_THE_OTHER = """
import io, json, sys, traceback
from followsuit.cli import main
outcomes = []
for arguments in json.load(sys.stdin):
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    sys.argv, sys.stdout, sys.stderr = ["followsuit", *arguments], out, said
    try:
        code = main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        code = 1
        traceback.print_exc()
    texts = []
    for stream in (out, said):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    outcomes.append([code, *texts])
sys.stdout = sys.__stdout__
print(json.dumps(outcomes))
"""


def run_each(
    commands: Sequence[Sequence[str | Path]],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """Run many commands in one process, which spares the seconds that each start takes."""
    done = subprocess.run(
        [sys.executable, "-c", _ONE_AFTER_THE_OTHER],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        input=json.dumps([[str(a) for a in arguments] for arguments in commands]),
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    return [Outcome(*outcome) for outcome in json.loads(done.stdout)]
