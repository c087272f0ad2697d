"""The triggers of a shop, and how they did on past days."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from followsuit.api.opened import Instant, Length, OpenedStore
from followsuit.config import TRIGGERS
from followsuit.core.times import instant, length

# Each method imports the slow modules that it needs.
if TYPE_CHECKING:
    from followsuit.triggers.check import CheckedTriggers
    from followsuit.triggers.definitions.definition import Definition
    from followsuit.triggers.preview import Preview
    from followsuit.triggers.report.report import TriggerReport


class Triggers(OpenedStore):
    """The triggers of a shop, and how they did on past days."""

    def triggers(
        self, file: Path | None = None, only: Sequence[str] | None = None
    ) -> "dict[str, Definition]":
        """The definitions of the triggers, shipped and your own, by name.

        Args:
            file: a file of your own triggers; by default, the setting `triggers`.
            only: names of the triggers; by default, all.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of a name.
        """
        from followsuit.triggers.definitions.definition_file import chosen, definitions

        return chosen(definitions(file or self._settings.triggers_file), only)

    def check_triggers(
        self, file: Path | None = None, *, refresh: bool = False
    ) -> "CheckedTriggers":
        """Check a file of triggers, and that the store has the kinds and columns that it names.

        Without a store, only the file is checked.

        Args:
            file: the file; by default, the setting `triggers`.
            refresh: read the server again, after other programs wrote to it.

        Raises:
            TriggerError: there is no file, a trigger isn't valid, or the store has never seen a
                kind or column.
        """
        from followsuit.triggers.check import ANY_DAY, check_triggers
        from followsuit.triggers.definitions.definition_file import TriggerError

        path = file or self._settings.triggers_file
        if path is None:
            raise TriggerError(f"There is no {TRIGGERS} here. Name a file of triggers.")
        return check_triggers(path, lambda: self.snapshot(ANY_DAY, refresh=refresh))

    def preview(
        self,
        name: str,
        as_of: Instant,
        *,
        triggers: Path | None = None,
        refresh: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> "Preview":
        """Find the reasons of a trigger, also of customers whom a rule blocks from offers.

        The strength of a friend's reason uses the tie weights of `influence learn` if they were
        learned for the same day and data. Else it learns them, as `score` does.

        Args:
            name: the name of the trigger.
            as_of: the day.
            triggers: a file of your own triggers; by default, the setting `triggers`.
            refresh: read the server again, after other programs wrote to it.
            tell: called with each note about the data.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of that name.
        """
        from followsuit.offers.learning.learned import learned_tie_weights
        from followsuit.offers.run.guards import ignore_note
        from followsuit.triggers.definitions.unseen import unseen
        from followsuit.triggers.preview import WINDOW, preview

        known = self.triggers(triggers, [name])
        view = self.snapshot(as_of, refresh=refresh)
        for note in unseen(view, known):
            (tell or ignore_note)(note)
        learned = learned_tie_weights(self.store, view, WINDOW)
        return preview(view, known[name], learned, self._progress)

    def trigger_report(
        self,
        start: Instant,
        end: Instant,
        *,
        horizon: Length = "60d",
        every: Length = "7d",
        outcomes: Sequence[str] | None = None,
        triggers: Path | None = None,
        only: Sequence[str] | None = None,
        seed: int = 0,
        refresh: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> "TriggerReport":
        """Judge triggers on past days; see `followsuit.triggers.report.report.report`.

        Args:
            start: the first day.
            end: the end of the last horizon, at the latest.
            horizon: outcomes count within this time after a day.
            every: time between days.
            outcomes: `offered`, `purchase`, another kind of interaction or an event kind; by
                default, the first two. The first one decides the verdict.
            triggers: a file of your own triggers; by default, the setting `triggers`.
            only: names of the triggers to judge; by default, all.
            seed: random seed.
            refresh: read the server again, after other programs wrote to it.
            tell: called with each note about the data.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of a name.
            ReportError: no day fits the period.
            UnknownOutcome: the store has no interactions of a kind.
        """
        from followsuit.offers.run.guards import ignore_note
        from followsuit.triggers.definitions.unseen import unseen
        from followsuit.triggers.report.report import OUTCOMES, report

        definitions = self.triggers(triggers, only)
        view = self.snapshot(end, refresh=refresh)
        for note in unseen(view, definitions):
            (tell or ignore_note)(note)
        return report(
            view,
            instant(start),
            instant(end),
            definitions,
            horizon=length(horizon),
            every=length(every),
            outcomes=outcomes or OUTCOMES,
            seed=seed,
            progress=self._progress,
        )
