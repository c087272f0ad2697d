"""The command line."""

import errno
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import typer

from followsuit.cli import data, demo, gnn, influence, offers, queries  # noqa: F401
from followsuit.cli.app import app
from followsuit.cli.screen import complain
from followsuit.core.errors import FollowsuitError

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_MENDABLE = (
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG,
    errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
)  # fmt: skip
"""Faults of a path or a disk, which the user can mend; any other is a bug of ours."""


_fallen = threading.Event()
"""Set when Ctrl-C has fallen into a callback that raises nothing, as numba's do."""


def main() -> None:
    """Run a command; what the user can mend is one line and exit code 2."""
    sys.unraisablehook = _heard
    os.umask(0o077)  # What is written holds customers' data: it is for its owner alone.
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        sys.exit(app(standalone_mode=False))
    except FollowsuitError as error:
        complain(str(error))
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "followsuit")
        said = error.format_message().rstrip(".")
        complain(f"{said}. See `{command} --help`.")
    except OSError as error:
        if error.errno not in _MENDABLE:
            raise
        complain(f"{error.filename or 'a file'} can't be used: {error.strerror}.")
    except Exception:
        if not _fallen.is_set():
            raise
        sys.exit(130)
    sys.exit(2)


def _heard(unraisable: "UnraisableHookArgs") -> None:
    """Press Ctrl-C again where it fell into a callback."""
    if unraisable.exc_type is KeyboardInterrupt:
        _fallen.set()
        # Not at once: this is still within the callback.
        main_thread = threading.main_thread().ident or 0
        threading.Timer(0.05, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(unraisable)
