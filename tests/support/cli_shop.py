"""A working folder with a shop in it, and the commands that made it."""

from dataclasses import dataclass
from pathlib import Path

from support.commands import Outcome, run

AS_OF = "2025-05-20"


@dataclass(frozen=True)
class Shop:
    """A working folder with `delivery`, `truth` and a store, and what the commands came to."""

    folder: Path
    simulated: Outcome
    loaded: Outcome
    scored: Outcome

    def run(self, *arguments: str | Path) -> Outcome:
        return run(*arguments, folder=self.folder)
