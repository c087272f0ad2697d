"""The command line as a person runs it: in a process of its own.

`run`, `run_each` and `begin` fork it from a process that has imported what it needs (see
`forks.py`), which spares the second or two that each start takes. `start` starts a new one, as a
shell does; so do the others where the environment has what libraries read when they are imported.
"""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

LIMIT = 300.0
_READ_LATE = ("FOLLOWSUIT_", "NEO4J_", "PYTEST_", "COLUMNS", "PATH")
"""Variables that nothing reads when it is imported begin like this."""
FEW_DAYS = {"PYTEST_FEW_DAYS": "yes"}
"""An environment in which `score` and `backtest` learn as with the fixture `few_days`."""
_SET = (
    "KMP_DUPLICATE_LIB_OK",
    "KMP_INIT_AT_FORK",
    "OMP_WAIT_POLICY",
    "PYARROW_IGNORE_TIMEZONE",
    "SPARK_LOCAL_IP",
    "TORCHINDUCTOR_CACHE_DIR",
    "_RJEM_MALLOC_CONF",
)
"""Variables that libraries set when they are imported; no command depends on them."""
_AT_FIRST = dict(os.environ)
_FORKS = Path(__file__).with_name("forks.py")
_CLIENT = Path(__file__).with_name("fork_client.py")


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
    if can_be_forked(environment):
        return begin(*arguments, folder=folder, environment=environment).wait()
    process = start(*arguments, folder=folder, environment=environment)
    out, said = process.communicate(timeout=LIMIT)
    return Outcome(process.returncode, out, said)


def run_each(
    commands: Sequence[Sequence[str | Path]],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """Run many commands in one process, which compiles and imports once."""
    asked = [[str(a) for a in arguments] for arguments in commands]
    if can_be_forked(environment):
        done = Running(asked, folder, environment, each=True).wait()
    else:
        process = subprocess.run(
            [sys.executable, _FORKS, "--each", json.dumps(asked)],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        done = Outcome(process.returncode, process.stdout, process.stderr)
    assert done.code == 0, done.said
    return [Outcome(*outcome) for outcome in json.loads(done.out)]


def begin(
    *arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None
) -> "Running":
    """Begin `followsuit ARGUMENTS` in a folder, in a fork."""
    return Running([[str(a) for a in arguments]], folder, environment)


def in_fork() -> list[str]:
    """The words of a shell command that runs `followsuit` in a fork, with the arguments after."""
    return [sys.executable, "-I", "-S", str(_CLIENT), _server()]


class Running:
    """What runs in a fork.

    Args:
        commands: the arguments of each command; one alone is the process itself.
        folder: where they run.
        environment: what is added to that of the tests.
        each: run many commands, and print the outcomes as JSON.
    """

    def __init__(
        self,
        commands: list[list[str]],
        folder: Path,
        environment: Mapping[str, str] | None,
        *,
        each: bool = False,
    ) -> None:
        self._out, self._said = _file(), _file()
        request = {
            "commands": commands,
            "each": each,
            "folder": str(folder),
            "environment": {**os.environ, **(environment or {})},
        }
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(_server())
        text = json.dumps(request).encode() + b"\n"
        with Path(os.devnull).open() as nothing:
            streams = [file.fileno() for file in (nothing, self._out, self._said)]
            sent = socket.send_fds(self._socket, [text], streams)
        self._socket.sendall(text[sent:])
        self._replies = self._socket.makefile()
        self._pid = int(self._replies.readline())

    def kill(self) -> None:
        """End it with -9, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> Outcome:
        """Wait until it has ended; kill it after `LIMIT` seconds."""
        self._socket.settimeout(LIMIT)
        try:
            code = int(self._replies.readline())
        except TimeoutError:
            self.kill()
            raise
        finally:
            self._replies.close()
            self._socket.close()
        texts = []
        for file in (self._out, self._said):
            with file:
                file.seek(0)
                texts.append(file.read())
        return Outcome(code, *texts)


def _file() -> IO[str]:
    return tempfile.TemporaryFile("w+")


def can_be_forked(environment: Mapping[str, str] | None) -> bool:
    """Whether a process that was started in the first environment would import the same.

    Args:
        environment: what is added to the environment of the tests.
    """
    wanted = {**os.environ, **(environment or {})}
    changed = {
        name for name in wanted.keys() | _AT_FIRST if wanted.get(name) != _AT_FIRST.get(name)
    }
    return all(name.startswith(_READ_LATE) for name in changed.difference(_SET))


@cache
def _server() -> str:
    """The socket of this process's server."""
    folder = tempfile.mkdtemp(prefix="forks-")
    path = f"{folder}/socket"
    server = subprocess.Popen(
        [sys.executable, _FORKS, path],
        env={**_AT_FIRST, "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n", "the server of forks could not start"
    return path
