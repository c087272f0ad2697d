"""Contestants side by side: each in a process of its own, in turn, several times; medians."""

import gc
import json
import multiprocessing
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Took:
    """What a contestant took.

    `peak` is the largest memory of its process and their child processes, in bytes. `result` is
    compared between contestants, to check that they did the same work.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    result: Any = field(default=None, repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    """Figures that are only shown."""


@contextmanager
def timed() -> Iterator[Took]:
    """Time the block; imports and what is checked afterwards stay outside."""
    took = Took()
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    yield took
    took.seconds, took.cpu = time.perf_counter() - wall, time.process_time() - cpu
    unit = 1 if sys.platform == "darwin" else 1024
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    took.peak = sum(resource.getrusage(who).ru_maxrss for who in both) * unit


def alone(work: Callable[[], Any]) -> Any:
    """Run in a fresh process."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(work).result()


def side_by_side(contestants: dict[str, Callable[[], Took]], rounds: int) -> dict[str, list[Took]]:
    """Run all contestants in turn, `rounds` times, every second round backwards.

    Raises:
        SystemExit: their results differ.
    """
    runs: dict[str, list[Took]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            took = alone(contestants[name])
            runs[name].append(took)
            say(f"  round {number + 1}: {name} {took.seconds:.2f} s ({took.cpu:.2f} s of CPU)")
    first = runs[names[0]][0].result
    for name, taken in runs.items():
        if any(took.result != first for took in taken):
            sys.exit(f"{name} did other work than {names[0]}: {taken[0].result} against {first}")
    return runs


def median(taken: Sequence[Took], what: str = "seconds") -> float:
    """The median of a figure over the rounds."""
    return float(statistics.median(getattr(took, what) for took in taken))


def ratio(runs: dict[str, list[Took]], ours: str, theirs: str, what: str = "seconds") -> float:
    """The ratio of two contestants' medians over the rounds."""
    return median(runs[ours], what) / max(median(runs[theirs], what), 1e-9)


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print aligned columns, the first to the left."""
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        say("  ".join([first.ljust(widths[0]), *cells]))


def verdict(met: bool) -> str:
    """How a target stands."""
    return "met" if met else "MISSED"


def write_report(path: Path | None, **figures: Any) -> None:
    """Write all figures as JSON, with what they were measured on."""
    if path is None:
        return
    report = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": multiprocessing.cpu_count(),
        **figures,
    }
    path.write_text(json.dumps(report, indent=2, default=_plain) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, Took):
        return {name: figure for name, figure in asdict(value).items() if name != "result"}
    raise TypeError(type(value).__name__)
