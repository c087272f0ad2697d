"""A query in a process of its own, with limits of time and memory that it can't pass.

The engine does not keep to limits by itself: it looks at the clock only between the steps of a
query, it counts only the memory of its buffer pool, and a text that is nested too deeply ends the
process. So `ask` starts this module as a program, hands it the query, and reads the answer as an
Arrow stream. The program limits its own memory, and is killed when its time is over. It ends by
itself when the process that asked has died.
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
from followsuit.graph.store import (
    QueryCrashed,
    QueryError,
    QueryTimeout,
    QueryTooLarge,
    first_line,
)

_SOONEST = 3.0
"""Seconds that the program gets, however short the limit of the query: it has to start first."""
_GRACE = 0.5
"""Seconds after which a query is killed that the engine should have ended."""
_GLANCE = 0.02
"""Seconds between two looks at the memory and at the process that asked."""
_SPARE = 64 * 2**20
"""Bytes beyond its limits at which the program ends itself, where the system does not limit it."""
_OBJECTS = 8
"""Size of nested values as Python objects, as a multiple of their Arrow size (measured)."""
_NODES, _NODE, _VALUE = ("NODE", "REL"), 32, 1
"""Nodes and relationships, bytes that one takes in Arrow at the least, and any other value."""
_BULK = 10_000
"""Rows that the engine turns into Arrow at a time."""


_STATM = Path("/proc/self/statm")
"""What Linux tells of the memory of a process, in pages."""
INTERRUPTED = "Interrupted."
"""The engine's only message for a query that timed out or was stopped by Ctrl-C."""


class Unopened(Exception):
    """The engine can't open the file; says why in its own words."""


class Refused(Exception):
    """The engine refuses the query; says why in its own words."""


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
    """What a query may take.

    Attributes:
        pool: bytes of the engine's buffer pool.
        heap: bytes beside it, and of the answer.
        timeout: seconds; None for no limit.
    """

    pool: int
    heap: int
    timeout: float | None


def past_limit(timeout: float | None) -> QueryTimeout:
    """The error of a query that takes too long."""
    return QueryTimeout(
        f"The query ran past its limit of {timeout or 0:g} seconds. Narrow it, or raise the limit."
    )


# The process that asks.


def ask(file: Path, cypher: str, parameters: Mapping[str, Any], bounds: Bounds) -> pa.Table:
    """Run a query that only reads.

    Args:
        file: of the embedded engine; nobody may write to it meanwhile.
        cypher: the query.
        parameters: of types that `GraphStore.query` takes.
        bounds: what it may take.

    Raises:
        Refused: the engine refuses it.
        QueryTimeout, QueryTooLarge: it needs more than the bounds.
        QueryCrashed: it crashes the engine.
        Unopened: the file can't be opened.
    """
    seconds = None if bounds.timeout is None else max(bounds.timeout, _SOONEST)
    until = None if seconds is None else time.monotonic() + seconds
    request = {
        "file": str(file), "cypher": cypher, "parameters": list(parameters.items()),
        "pool": bounds.pool, "heap": bounds.heap, "timeout": bounds.timeout, "until": until,
    }  # fmt: skip
    late = threading.Event()
    with tempfile.TemporaryFile() as said, _started(said) as child:
        timer = threading.Timer((seconds or 0) + _GRACE, _kill, [child, late])
        try:
            if seconds is not None:
                timer.start()
            table = _conversation(child, json.dumps(request, default=_packed))
            code = child.wait()
        finally:
            timer.cancel()
            child.kill()
        said.seek(0)
        text = said.read().decode(errors="replace")
    if late.is_set():
        raise past_limit(bounds.timeout)
    if code == _End.ANSWERED and table is not None:
        return table
    raise _error(code, text, bounds)


def _started(said: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the program in its own session: Ctrl-C doesn't reach it, and the caller kills it."""
    found = [path or str(Path(__file__).parents[2]) for path in sys.path]
    surroundings = {
        "PYTHONPATH": os.pathsep.join(found),
        "OPENBLAS_NUM_THREADS": "1",  # its threads cost time and memory, and have nothing to do
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # any other asks for a GiB at once
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        env={**os.environ, **surroundings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        start_new_session=True,
    )


def _kill(child: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    child.kill()


def _conversation(child: "subprocess.Popen[bytes]", request: str) -> pa.Table | None:
    """Hand over the request, and read the answer; None where it does not come to its end.

    The input stays open: its end tells the program that this process has died.
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
            f"The query needs more memory than the {size} that it may take. Narrow it, or raise "
            "FOLLOWSUIT_MEMORY."
        )
    if code < 0:
        return QueryCrashed(
            "The query crashed the engine: it is nested too deeply, or needs more memory than the "
            f"{size} that it may take. Simplify it."
        )
    return RuntimeError(f"{__name__} ended with {code}: {text}")


def _packed(value: object) -> dict[str, Any]:
    """A parameter that JSON has no type for."""
    match value:
        case datetime():
            return {"time": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case timedelta():
            return {"length": [value.days, value.seconds, value.microseconds]}
    raise TypeError(type(value))


def _unpacked(found: dict[str, Any]) -> Any:
    match found:
        case {"time": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
        case {"length": length}:
            return timedelta(*length)
    return found


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
        said = first_line(error)
        if said == INTERRUPTED:
            _end(_End.TIMED_OUT)
        if said == "std::bad_alloc." or said.startswith("Buffer manager exception"):
            limits.exceeded()
        _end(_End.REFUSED, said)
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
    """Limits of this process, from now on.

    Of the buffer pool all addresses are held already, and the engine counts what it uses of them;
    so the system is told to refuse more than the heap's bytes beyond what is held now. Where it
    can't (macOS), this process ends itself. It does so too when the process that asked has died.
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
        """Note that the answer is being built: from now on it is what exceeds the limits.

        The engine crashes if memory is refused here, so this process ends itself.
        """
        self._returned = what
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))

    def exceeded(self) -> NoReturn:
        """End, and say what was too much."""
        _end(_End.TOO_MANY if self._returned else _End.NEEDS_MORE, self._returned)

    def _watch(self) -> None:
        while True:
            if select.select([0], [], [], _GLANCE)[0] and not os.read(0, 1):
                os._exit(1)
            if _resident() > self._most + (0 if self._returned else _SPARE):
                self.exceeded()


def _resident() -> int:
    """Bytes of memory that this process holds; where the system does not say, has ever held."""
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
    """End at once: an engine that ran out of memory may not come to its end by itself."""
    sys.stderr.write(text)
    sys.stderr.flush()
    os._exit(how)


if __name__ == "__main__":
    main()
