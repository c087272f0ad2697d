"""A process that has imported what commands need, and forks one that runs each command.

    python forks.py SOCKET
    python forks.py --each COMMANDS   runs many commands itself, without a server

A request over the socket is JSON in one line: `commands` (lists of arguments), `each`, `folder` and
`environment`; with it come the descriptors of standard input, output and error. The replies are
the id of the process that runs the commands, and its exit code.

What Ibis has compiled for one command is known to the next (see `compiled_once`): a fork leaves it
beside the socket.

A fork has one thread only, so that BLAS must not have started its own here: OPENBLAS_NUM_THREADS
must be 1. The server ends with its standard input, which the tests hold.
"""

import atexit
import gc
import importlib
import io
import json
import os
import pickle
import pkgutil
import selectors
import socket
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core.registry import cpu_target

import followsuit
from followsuit.cli import main
from followsuit.graph.views.compiled_once import TEXTS
from followsuit.offers.replay import replay

FEW_DAYS = "PYTEST_FEW_DAYS"
"""With this variable, models are fitted and calibrated as with the fixture `few_days`."""

ELSEWHERE = ("followsuit.__main__", "followsuit.testing", "followsuit.gnn.")
"""Not imported for itself: what runs, what only tests need, and what may need torch."""
LATER = (
    "filelock._sqlite",
    "ibis.backends.duckdb.converter",
    "pandera.backends.pandas.builtin_checks",
    "polars",
    "pyarrow.dataset",
    "pyarrow_hotfix",
    "sklearn.neighbors",
)
"""Imported by commands as they come to it."""
QUIET = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Threads that forks can do without. One minds forks itself (`pthread_atfork`). The other serves
what no command does: LadybugDB imports Polars where it is installed, and never spills with it."""
_LEFT = ".compiled"


def serve(path: str) -> None:
    """Run the commands that are asked for until standard input ends."""
    _import_all()
    gc.collect()
    gc.freeze()  # Collections in the forks would copy all that is shared.
    if sys.platform == "linux":
        _require_one_thread()
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(path)
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        os.write(1, b"ready\n")
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            _wait_for_those_who_have_answered()
            if sys.stdin in ready:
                return
            asked, _ = listener.accept()
            _learn(Path(path).parent)
            with asked:
                if os.fork() == 0:
                    selector.close()
                    listener.close()
                    _answer(asked, Path(path).parent)
                    return


def _import_all() -> None:
    for module in pkgutil.walk_packages(followsuit.__path__, "followsuit."):
        if not module.name.startswith(ELSEWHERE):
            importlib.import_module(module.name)
    for name in LATER:
        importlib.import_module(name)
    cpu_target.typing_context.refresh()  # It would at the first compiled loop.
    cpu_target.target_context.refresh()
    assert "torch" not in sys.modules, "it is slow to import, and to end with"


def _require_one_thread() -> None:
    names = {path.read_text().strip() for path in Path("/proc/self/task").glob("[0-9]*/comm")}
    loud = names - QUIET - {Path("/proc/self/comm").read_text().strip()}
    assert threading.active_count() == 1, threading.enumerate()
    assert not loud, f"these threads would be missing in a fork: {loud}"


def _wait_for_those_who_have_answered() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _learn(folder: Path) -> None:
    """Take over what forks have compiled."""
    for left in folder.glob(f"*{_LEFT}"):
        TEXTS.update(pickle.loads(left.read_bytes()))  # noqa: S301  our own
        left.unlink()


def _leave(compiled: dict[Any, Any], folder: Path) -> None:
    """Leave what this fork has compiled to the others, but for functions that can't be pickled."""
    if compiled := {shape: text for shape, text in compiled.items() if _can_be_pickled(shape)}:
        part = folder / f"{os.getpid()}.part"
        part.write_bytes(pickle.dumps(compiled))
        part.rename(part.with_suffix(_LEFT))


def _can_be_pickled(shape: Any) -> bool:
    try:
        pickle.dumps(shape)
    except pickle.PicklingError:  # Its class for a function of DuckDB has no module.
        return False
    return True


def _answer(asked: socket.socket, folder: Path) -> None:
    """Fork a process for what is asked, and say how it ended; in that process, run it."""
    text, streams, _, _ = socket.recv_fds(asked, 2**20, 3)
    while not text.endswith(b"\n"):
        text += asked.recv(2**20)
    request = json.loads(text)
    runner = os.fork()
    if runner == 0:
        asked.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        known = set(TEXTS)
        code: Any = 0
        try:
            _run(request)
        except SystemExit as end:
            code = end.code
        finally:
            _leave({k: text for k, text in TEXTS.items() if k not in known}, folder)
        _end(code)
        return
    for stream in streams:
        os.close(stream)
    asked.sendall(f"{runner}\n".encode())
    _, status = os.waitpid(runner, 0)
    asked.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _end(code: Any) -> None:
    """End this fork as Python does, but without freeing each object: that takes 0.2 s."""
    if not isinstance(code, int | None):
        sys.exit(code)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def _run(request: dict[str, Any]) -> None:
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = request["folder"]
    if FEW_DAYS in os.environ:
        replay.TRAINING_DAYS = replay.CALIBRATION_DAYS = 1
    if request["each"]:
        run_each(request["commands"])
        return
    (arguments,) = request["commands"]
    sys.argv = ["followsuit", *arguments]
    main()


def run_each(commands: list[list[str]]) -> None:
    """Run one command after the other in this process, and print the outcomes as JSON."""
    sys.stdout.write(json.dumps([_outcome(arguments) for arguments in commands]))


def _outcome(arguments: list[str]) -> tuple[Any, str, str]:
    """The exit code, output and errors of one of many commands in this process."""
    own = sys.stdout, sys.stderr
    bytes_out, bytes_said = io.BytesIO(), io.BytesIO()
    out = io.TextIOWrapper(bytes_out, encoding="utf-8")
    said = io.TextIOWrapper(bytes_said, encoding="utf-8", errors="backslashreplace")
    sys.argv, sys.stdout, sys.stderr = ["followsuit", *arguments], out, said
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        code = 1
        traceback.print_exc()
    out.flush()
    said.flush()
    sys.stdout, sys.stderr = own
    return code, bytes_out.getvalue().decode(), bytes_said.getvalue().decode()


if __name__ == "__main__":
    if sys.argv[1] == "--each":
        sys.path[0] = ""
        run_each(json.loads(sys.argv[2]))
    else:
        serve(sys.argv[1])
