"""Runs a query in a separate process, with hard limits of time and memory.

The engine alone enforces no such limits: it checks the time only between the steps of a query, it
counts only the memory of its buffer pool, and a deeply nested query crashes the process. So `ask`
starts this module as a program, sends it the query, and reads the answer as an Arrow stream. The
program limits its own memory, and `ask` kills it when its time is up. The program ends when the
calling process dies.
"""

import io
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import IO, Any, NoReturn

import ladybug
import pyarrow as pa

from followsuit.graph.engines.embedded_rows import run, widened
from followsuit.graph.query import QueryCrashed, QueryError, QueryTimeout, QueryTooLarge
from followsuit.graph.store import first_line

_SOONEST = 3.0
"""Minimum seconds for the program, which has to start before the query runs."""
_GRACE = 0.5
"""Seconds after the time limit at which the program is killed if the engine hasn't stopped."""
_GLANCE = 0.02
"""Seconds between two checks of memory use and of the calling process."""
_SPARE = 64 * 2**20
"""Bytes beyond its limits at which the program ends itself if the system doesn't stop it."""
_OBJECTS = 8
"""Ratio of the size of nested values as Python objects to their Arrow size (measured)."""
_NODES, _NODE, _VALUE = ("NODE", "REL"), 32, 1
"""Types of nodes and relationships, and the minimum bytes in Arrow of one and of other values."""
_BULK = 10_000
"""Rows that the engine converts to Arrow at a time."""

_STATM = Path("/proc/self/statm")
"""Where Linux reports the memory of a process, in pages."""
INTERRUPTED = "Interrupted."
"""The engine's only message for a query that timed out or was stopped by Ctrl-C."""


class Unopened(Exception):
    """The engine can't open the file; carries the engine's message."""


class Refused(Exception):
    """The engine refuses the query; carries the engine's message."""


class _End(IntEnum):
    """How the program ends."""

    ANSWERED = 0
    REFUSED = 10
    TIMED_OUT = 11
    NEEDS_MORE = 12
    TOO_MANY = 13
    UNOPENED = 14
    NESTED = 15


@dataclass(frozen=True)
class Bounds:
    """The limits of a query.

    Attributes:
        pool: bytes of the engine's buffer pool.
        heap: bytes of memory outside the pool, and bytes of the answer.
        timeout: seconds; None for no limit.
    """

    pool: int
    heap: int
    timeout: float | None


def past_limit(timeout: float | None) -> QueryTimeout:
    """The error for a query that takes too long."""
    return QueryTimeout(
        f"The query ran past its limit of {timeout or 0:g} seconds. Narrow it, or raise the limit."
    )


# The calling process.


def ask(file: Path, cypher: str, parameters: Mapping[str, Any], bounds: Bounds) -> pa.Table:
    """Run a read-only query.

    Args:
        file: the store's file; no process may write to it meanwhile.
        cypher: the query.
        parameters: values of the types that `GraphStore.query` takes.
        bounds: the limits of the query.

    Raises:
        Refused: the engine refuses the query.
        QueryTimeout, QueryTooLarge: the query exceeds a limit.
        QueryCrashed: the query crashes the engine.
        Unopened: the file can't be opened.
    """
    seconds = None if bounds.timeout is None else max(bounds.timeout, _SOONEST)
    until = None if seconds is None else time.monotonic() + seconds
    request = {
        "file": str(file),
        "cypher": cypher,
        "parameters": list(parameters.items()),
        "pool": bounds.pool,
        "heap": bounds.heap,
        "timeout": bounds.timeout,
        "until": until,
    }
    late = threading.Event()
    with tempfile.TemporaryFile() as errors, _started(errors) as child:
        timer = threading.Timer((seconds or 0) + _GRACE, _kill, [child, late])
        try:
            if seconds is not None:
                timer.start()
            table = _conversation(child, json.dumps(request, default=_packed))
            code = child.wait()
        finally:
            timer.cancel()
            child.kill()
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if late.is_set():
        raise past_limit(bounds.timeout)
    if code == _End.ANSWERED and table is not None:
        return table
    raise _error(code, text, bounds)


def _started(errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the program in its own session, so that Ctrl-C reaches only the caller."""
    module_paths = [path or str(Path(__file__).parents[2]) for path in sys.path]
    environment = {
        "PYTHONPATH": os.pathsep.join(module_paths),
        "OPENBLAS_NUM_THREADS": "1",  # its threads cost time and memory, and do nothing here
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # other pools reserve a GiB at once
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )


def _kill(child: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    child.kill()


def _conversation(child: "subprocess.Popen[bytes]", request: str) -> pa.Table | None:
    """Send the request and read the answer; None if the answer is incomplete.

    The program's input stays open; when it closes, the program knows that this process has died.
    """
    assert child.stdin is not None
    assert isinstance(child.stdout, io.BufferedReader)
    try:
        child.stdin.write(request.encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        return None
    child.stdout.peek()  # Wait for the query here, where Ctrl-C can interrupt.
    try:
        return pa.ipc.open_stream(child.stdout).read_all()
    except (pa.ArrowInvalid, OSError):
        return None


def _error(code: int, text: str, bounds: Bounds) -> Exception:
    size = f"{(bounds.pool + bounds.heap) // 2**20:,} MiB"
    match code:
        case _End.REFUSED:
            return Refused(text)
        case _End.NESTED:
            return QueryError(
                "The query returns a value that is nested too deeply. Return its parts."
            )
        case _End.TIMED_OUT:
            return past_limit(bounds.timeout)
        case _End.TOO_MANY:
            return QueryTooLarge(
                f"The query returns too much: {text}. Add LIMIT, return less of each row, or raise "
                "FOLLOWSUIT_MEMORY."
            )
        case _End.UNOPENED:
            return Unopened(text)
    if code == _End.NEEDS_MORE or (code < 0 and "bad_alloc" in text):
        return QueryTooLarge(
            f"The query needs more memory than its limit of {size}. Narrow it, or raise "
            "FOLLOWSUIT_MEMORY."
        )
    if code < 0:
        return QueryCrashed(
            "The query crashed the engine: it is nested too deeply, or needs more memory than its "
            f"limit of {size}. Simplify it."
        )
    return RuntimeError(f"{__name__} ended with {code}: {text}")


def _packed(value: object) -> dict[str, Any]:
    """Encode a parameter that JSON has no type for."""
    match value:
        case datetime():
            return {"time": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case timedelta():
            return {"length": [value.days, value.seconds, value.microseconds]}
    raise TypeError(type(value))


def _unpacked(packed: dict[str, Any]) -> Any:
    match packed:
        case {"time": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
        case {"length": length}:
            return timedelta(*length)
    return packed


# The program.


def main() -> None:
    """Answer the request on standard input."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Keep what the engine prints out of the answer.
    request = json.loads(sys.stdin.buffer.readline(), object_hook=_unpacked)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = _opened(request)
    limits = _Limits(request["pool"], request["heap"])
    try:
        table = _answer(connection, request, limits)
        with pa.ipc.new_stream(answer, table.schema) as stream:
            stream.write_table(table, max_chunksize=100_000)
        answer.flush()
    except MemoryError:
        limits.exceeded()
    except RuntimeError as error:
        message = first_line(error)
        if message == INTERRUPTED:
            _end(_End.TIMED_OUT)
        if message == "std::bad_alloc." or message.startswith("Buffer manager exception"):
            limits.exceeded()
        _end(_End.REFUSED, message)
    except pa.ArrowException:
        _end(_End.NESTED)
    _end(_End.ANSWERED)


def _opened(request: Mapping[str, Any]) -> ladybug.Connection:
    try:
        database = ladybug.Database(
            request["file"], read_only=True, buffer_pool_size=request["pool"]
        )
    except RuntimeError as error:
        _end(_End.UNOPENED, str(error))
    connection = ladybug.Connection(database)
    run(connection, "BEGIN TRANSACTION READ ONLY")
    if request["timeout"] is not None:
        left = min(request["timeout"], request["until"] - time.monotonic())
        connection.set_query_timeout(max(1, round(left * 1000)))
    return connection


class _Limits:
    """Limits this process from now on.

    The buffer pool has already reserved its addresses, and the engine limits how many it uses. So
    the system limit is the memory reserved now plus the heap. If the system supports no such limit
    (macOS), this process ends itself. It also ends itself when the calling process has died.
    """

    def __init__(self, pool: int, heap: int) -> None:
        self._pool, self._heap = pool, heap
        self._most = _resident() + pool + heap
        self._returned = ""
        if _STATM.exists():
            held = int(_STATM.read_text().split()[5]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_DATA, (held + heap, held + heap + pool))
        threading.Thread(target=self._watch, daemon=True).start()

    def returning(self, what: str) -> None:
        """Note that the answer is being built, so that errors name it as the cause.

        The engine crashes if the system refuses memory here, so this process checks its own use.
        """
        self._returned = what
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))

    def exceeded(self) -> NoReturn:
        """End the process, with the limit that was exceeded."""
        _end(_End.TOO_MANY if self._returned else _End.NEEDS_MORE, self._returned)

    def _watch(self) -> None:
        while True:
            if select.select([0], [], [], _GLANCE)[0] and not os.read(0, 1):
                os._exit(1)
            if _resident() > self._most + (0 if self._returned else _SPARE):
                self.exceeded()


def _resident() -> int:
    """Bytes of memory that this process holds; on macOS, its peak."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of macOS, in bytes


def _answer(
    connection: ladybug.Connection, request: Mapping[str, Any], limits: _Limits
) -> pa.Table:
    result = connection.execute(request["cypher"], dict(request["parameters"]))
    last = result[-1] if isinstance(result, list) else result
    types = last.get_column_data_types()
    if not types:
        return pa.table({})
    rows = last.get_num_tuples()
    limits.returning(f"{rows:,} rows of {len(types)} column" + "s" * (len(types) > 1))
    # Don't start on an answer that can't fit.
    if rows * sum(_NODE if kind in _NODES else _VALUE for kind in types) > request["heap"]:
        limits.exceeded()
    table = widened(last.get_as_arrow(_BULK))
    if sum(map(_weight, table.columns)) > request["heap"]:
        limits.exceeded()
    return table


def _weight(column: pa.ChunkedArray) -> int:
    return int(column.nbytes) * (_OBJECTS if pa.types.is_nested(column.type) else 1)


def _end(how: _End, text: str = "") -> NoReturn:
    """End the process at once, because an engine without memory may hang."""
    sys.stderr.write(text)
    sys.stderr.flush()
    os._exit(how)


if __name__ == "__main__":
    main()
