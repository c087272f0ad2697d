"""The command line."""

import errno
import gc
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import typer

from followsuit.cli.app import app
from followsuit.cli.commands import (  # noqa: F401
    backtest,
    data,
    demo,
    doctor,
    explain,
    gnn,
    handoff,
    influence,
    privacy,
    queries,
    runs,
    schema,
    score,
    triggers,
)
from followsuit.cli.screen import complain
from followsuit.core.errors import FollowsuitError

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_FIXABLE = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
)
"""Errors of a path or a disk, which the user can fix; any other OSError is a bug."""


_interrupted = threading.Event()
"""Set when Ctrl-C arrives in a callback that can't raise, such as numba's."""


def main() -> None:
    """Run a command; an error that the user can fix prints one line and exits with 2."""
    sys.unraisablehook = _repeat_interrupt
    # Ibis makes trees of many objects and few cycles: a tenth of the time of a small `score` would
    # be spent on looking for these.
    gc.set_threshold(200_000, 50, 100)
    os.umask(0o077)  # Files with customers' data are private to their owner.
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        sys.exit(app(standalone_mode=False))
    except FollowsuitError as error:
        complain(str(error))
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "followsuit")
        message = error.format_message().rstrip(".")
        complain(f"{message}. See `{command} --help`.")
    except OSError as error:
        if error.errno not in _FIXABLE:
            raise
        complain(f"{error.filename or 'a file'} can't be used: {error.strerror}.")
    except Exception:
        if not _interrupted.is_set():
            raise
        sys.exit(130)
    sys.exit(2)


def _repeat_interrupt(unraisable: "UnraisableHookArgs") -> None:
    """Repeat Ctrl-C after it arrived in a callback that can't raise."""
    if unraisable.exc_type is KeyboardInterrupt:
        _interrupted.set()
        # Wait until the callback has ended.
        main_thread = threading.main_thread().ident or 0
        threading.Timer(0.05, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(unraisable)
