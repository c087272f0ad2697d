"""Consoles and logs: results go to standard output, messages to standard error."""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from rich.console import Console

console = Console(stderr=True, highlight=False)
WIDE = 160
"""Width of the output in characters if there is no terminal."""


class LogFormat(StrEnum):
    """The format of messages in a log."""

    TEXT = "text"
    JSON = "json"


@dataclass
class _Log:
    """How messages are written.

    Attributes:
        format: the format of each line; None for plain messages to people.
        quiet: whether only warnings and errors are written.
    """

    format: LogFormat | None = None
    quiet: bool = False


_log = _Log()


def set_format(log_format: LogFormat | None) -> None:
    """Choose the format of messages; None for plain messages to people."""
    _log.format = log_format


def set_quiet(quiet: bool) -> None:
    """Choose whether only warnings and errors are written."""
    _log.quiet = quiet


def is_quiet() -> bool:
    """Whether only warnings and errors are written."""
    return _log.quiet


def shows_bars() -> bool:
    """Whether progress is shown as bars: on a terminal, but not in a log."""
    return console.is_terminal and _log.format is None and not _log.quiet


def results(to_stderr: bool = False) -> Console:
    """The console for results; standard error if their JSON goes to standard output.

    A log and `--quiet` leave out tables on standard error, because the JSON has them.
    """
    seen = (sys.stderr if to_stderr else sys.stdout).isatty()
    left_out = to_stderr and (_log.quiet or _log.format is not None)
    width = None if seen else WIDE
    return Console(stderr=to_stderr, width=width, highlight=False, quiet=left_out)


def complain(message: str) -> None:
    """Print an error on one line."""
    _write("ERROR", f"followsuit: {_on_one_line(message)}", message, style="red")


def warn(message: str) -> None:
    """Print a warning that needs action."""
    _write("WARNING", f"WARNING: {message}", message, style="bold red")


def say(message: str) -> None:
    """Print a message beside the result."""
    if not _log.quiet:
        _write("INFO", message, message)


def _write(level: str, plain: str, message: str, style: str | None = None) -> None:
    """Print the plain line to people, or the message as one line of a log."""
    if _log.format is None:
        console.print(plain, style=style, markup=False, soft_wrap=True)
        return
    time, text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", _on_one_line(message)
    if _log.format is LogFormat.JSON:
        line = json.dumps({"time": time, "level": level, "message": text})
    else:
        line = f"{time} {level} {text}"
    console.file.write(f"{line}\n")
    console.file.flush()


def _on_one_line(message: str) -> str:
    return " ".join(line.strip() for line in message.splitlines())
