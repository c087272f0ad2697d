"""`handoff`: write the offers of the active run to files, one for each channel."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import (
    JsonOption,
    RefreshOption,
    StoreOption,
    app,
    open_shop,
    write_json,
)
from followsuit.cli.screen import say

if TYPE_CHECKING:
    from followsuit.offers.handoff.hand_off import HandOff


@app.command(epilog="Example: followsuit handoff --out today")
def handoff(
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Write the files here. Other files stay.")
    ],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=r"Check consents, ages and offers as of this time, in UTC.  \[default: now]",
            show_default=False,
        ),
    ] = None,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    json_file: JsonOption = None,
) -> None:
    """Write the offers of the active run to files: one for each channel, and one for each store.

    Consent, age and the offer's end are checked again. dropped.csv lists the offers that are left
    out, with the rule that drops each. The files replace those of an earlier hand-off.
    """
    handed = open_shop(store).handoff(out, at or datetime.now(UTC), refresh=refresh)
    for line in _in_words(handed):
        say(line)
    write_json(handed.as_dict(), json_file)


def _in_words(handed: "HandOff") -> list[str]:
    lines = [
        f"{file.offers:>12,} offer{'' if file.offers == 1 else 's'} to {file.customers:,} "
        f"customer{'' if file.customers == 1 else 's'}: {handed.folder / file.name}"
        for file in handed.files
    ]
    lines += [
        f"{n:>12,} offer{'' if n == 1 else 's'} dropped by {rule}"
        for rule, n in handed.dropped.items()
    ]
    return lines or [f"Run {handed.run_id} has no offers left."]
