"""Checks a file of triggers, and that the store has what it names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from followsuit.graph.store import StoreMissing
from followsuit.graph.views.view import View
from followsuit.triggers.definitions.definition_file import (
    TriggerError,
    read_definitions,
)
from followsuit.triggers.definitions.unseen import unseen

ANY_DAY = datetime(2100, 12, 31, tzinfo=UTC)
"""A day after all data: words that occur on any day are known."""


@dataclass(frozen=True)
class CheckedTriggers:
    """A valid file of triggers.

    Attributes:
        file: the file.
        triggers: the number of its triggers.
        with_store: whether there is a store, which has the kinds and columns that they name.
    """

    file: Path
    triggers: int
    with_store: bool


def check_triggers(file: Path, view_of_store: Callable[[], View]) -> CheckedTriggers:
    """Check a file of triggers.

    Args:
        file: the file.
        view_of_store: gives the view of the store as of `ANY_DAY`, or raises StoreMissing.

    Raises:
        TriggerError: the file can't be read, a trigger isn't valid, or the store has never seen a
            kind or column.
    """
    known = read_definitions(file)
    try:
        view = view_of_store()
    except StoreMissing:
        return CheckedTriggers(file, len(known), with_store=False)
    notes = unseen(view, known)
    if notes:
        raise TriggerError(f"{file}: {' '.join(notes)}")
    return CheckedTriggers(file, len(known), with_store=True)
