"""`doctor`: check this machine and its store."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from followsuit.cli.app import JsonOption, StoreOption, app, write_json
from followsuit.core.times import length


@app.command(epilog="Example: followsuit doctor --store bolt://localhost:7687")
def doctor(
    store: StoreOption = None,
    max_age: Annotated[
        str | None,
        typer.Option(
            metavar="LENGTH",
            show_default=False,
            help="Exit with 1 if the newest purchase or visit, or the active run, is "
            "older than this: 3d, 36h.",
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Check which parts of followsuit work here, and how old and large the store is."""
    from followsuit.doctor import Check, examine, measure

    limit = None if max_age is None else length(max_age)
    checks = list(examine(store))
    figures = measure(store, datetime.now(UTC))
    if figures is not None:
        checks += figures.checks(limit)
    elif limit is not None:
        checks.append(Check("age", False, "unknown, as the store can't be read"))
    if str(json_file) != "-":
        sys.stdout.write(
            "".join(f"{check.label:7} {check.name}: {check.detail}\n" for check in checks)
        )
    report = {
        "checks": [
            {"name": c.name, "sound": c.sound, "needed": c.needed, "said": c.detail} for c in checks
        ],
        "figures": None if figures is None else figures.as_dict(),
    }
    write_json(report, json_file)
    if any(check.needed and not check.sound for check in checks):
        sys.exit(1)
