"""The command line as a person runs it: in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT = 300.0


@dataclass(frozen=True)
class Outcome:
    """What a command came to; `said` is what it told beside its result."""

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
