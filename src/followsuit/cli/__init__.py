"""The command line."""

import sys

from followsuit.cli import data, demo, offers, queries  # noqa: F401
from followsuit.cli.app import app
from followsuit.cli.screen import complain
from followsuit.graph.errors import FollowsuitError


def main() -> None:
    """Run a command; what the user can mend is one line and exit code 2."""
    try:
        app()
    except FollowsuitError as error:
        complain(str(error))
        sys.exit(2)
