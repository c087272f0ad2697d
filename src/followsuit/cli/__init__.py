"""The command line."""

import errno
import sys

import typer

from followsuit.cli import data, demo, offers, queries  # noqa: F401
from followsuit.cli.app import app
from followsuit.cli.screen import complain
from followsuit.graph.errors import FollowsuitError

_MENDABLE = (
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG,
    errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
)  # fmt: skip
"""Faults of a path or a disk, which the user can mend; any other is a bug of ours."""


def main() -> None:
    """Run a command; what the user can mend is one line and exit code 2."""
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
    sys.exit(2)
