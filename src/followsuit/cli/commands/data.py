"""`simulate` and `load`: make a delivery, and load one into a store."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import JsonOption, StoreOption, app, open_shop, write_json
from followsuit.cli.screen import say, warn

if TYPE_CHECKING:
    from followsuit.loaders.load_report import LoadReport

_NAMED = 5
"""How many blocked customers to print; the JSON report lists all."""
_SHOWN = 20
"""How many reasons of rejects to print; the JSON report lists all."""


@app.command(
    epilog="Example: followsuit simulate shop --customers 2000 --influence 0.8 --truth truth"
)
def simulate(
    folder: Annotated[
        Path, typer.Argument(file_okay=False, help="The folder for the delivery's files.")
    ],
    customers: Annotated[int, typer.Option(help="Customers.")] = 10_000,
    products: Annotated[int, typer.Option(help="Products.")] = 1_000,
    stores: Annotated[int, typer.Option(help="Stores.")] = 50,
    friendships: Annotated[int, typer.Option(help="Friendships.")] = 60_000,
    purchases: Annotated[int, typer.Option(help="Purchases.")] = 100_000,
    days: Annotated[int, typer.Option(help="Length of the period from 2025-01-01.")] = 365,
    homophily: Annotated[
        float, typer.Option(help="0 to 1: how similar friends' tastes and cities are.")
    ] = 0.5,
    influence: Annotated[
        float, typer.Option(help="0 to 1: how much friends' purchases cause purchases.")
    ] = 0.5,
    shock: Annotated[float, typer.Option(help="0 to 1: how strong promotions are.")] = 0.3,
    dirt: Annotated[float, typer.Option(help="0 to 1: how many rows are faulty.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 0,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", file_okay=False, help="Write the planted truth to this folder."
        ),
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", metavar="csv|parquet", help="Format of the files.")
    ] = "csv",
) -> None:
    """Simulate a retailer's delivery."""
    from followsuit.cli.progress import show
    from followsuit.simulator import World, simulate

    world = World(
        customers=customers,
        products=products,
        stores=stores,
        friendships=friendships,
        purchases=purchases,
        days=days,
        homophily=homophily,
        influence=influence,
        shock=shock,
        dirt=dirt,
        seed=seed,
    )
    rows = simulate(world, folder, truth, file_format=file_format, progress=show)
    say(f"{sum(rows.values()):,} rows in {len(rows)} tables in {folder}")


@app.command(epilog="Example: followsuit load delivery/ --mapping crm.toml")
def load(
    place: Annotated[
        str, typer.Argument(metavar="FOLDER|URL", help="A folder, or an SQLAlchemy URL.")
    ],
    mapping: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Maps your files and columns to the "
            "contract: a shipped mapping (such as german_shop) or a TOML file.",
        ),
    ] = None,
    store: StoreOption = None,
    assume_consent: Annotated[
        bool,
        typer.Option(
            "--assume-consent",
            help="Treat contact and social use as granted, and "
            "unknown ages as adult, unless a row says otherwise.",
        ),
    ] = False,
    replace: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TABLE",
            help="The delivery has this table in full: "
            "delete its other rows. Repeat for several tables.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Allow --replace to delete over 1 % of a table's rows.")
    ] = False,
    max_rejects: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Load nothing if more than this share of a table's rows is rejected; 0 to 1.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the delivery as a load does, and write nothing.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Load a folder or a database into a store; loading twice changes nothing."""
    shop = open_shop(store)
    report = shop.load(
        place,
        mapping,
        assume_consent=assume_consent,
        replace=replace or (),
        yes=yes,
        max_rejects=max_rejects,
        loaded_at=datetime.now(UTC),
        announce=say,
        check=check,
    )
    _tell(report)
    if check:
        say("The delivery can be loaded. Nothing was written.")
    write_json(report.as_dict(), json_file)


def _tell(report: "LoadReport") -> None:
    """Print the report of a load; what needs action comes last."""
    for name in report.ignored:
        say(f"{name} isn't a table of the contract and was left out.")
    for name, counts in report.tables.items():
        say(
            f"{name:12} {counts.read:>12,} read {counts.loaded:>12,} loaded "
            f"{counts.duplicates:>10,} duplicates {counts.rejected:>10,} rejected"
            + (f" {counts.filtered:>10,} filtered" if counts.filtered else "")
        )
        for condition, count in report.filtered_by[name].items():
            say(f"{name:12} {count:>12,} filtered: {condition}")
    for reason in report.reasons[:_SHOWN]:
        sample = "" if reason.sample is None else f", such as {reason.sample}"
        column = "a row" if reason.column is None else reason.column
        say(f"{reason.table:12} {reason.count:>12,} rejected: {column} {reason.reason}{sample}")
    if len(report.reasons) > _SHOWN:
        say(f"and {len(report.reasons) - _SHOWN:,} more reasons.")
    if report.reasons and report.rejects is not None:
        say(f"Rejected rows, with reasons: {report.rejects}")
    if report.assume_consent:
        say("Consent is assumed where no row says otherwise.")
    if withdrawn := [f"{n:,} {kind}" for kind, n in report.withdrawn.items() if n]:
        say(
            f"Deleted from earlier results, since consents, ages or sensitive products no longer "
            f"allow them: {', '.join(withdrawn)}."
        )
    for line in report.warnings:
        warn(line)
    if report.unmatched_refusals:
        warn(
            f"Refusals without a customer: {report.unmatched_refusals:,}. These rows of consents "
            "can't be read and may be refusals, but name no known customer, so they block nobody. "
            "Fix them and load the consents again."
        )
    if blocked := report.blocked_customers:
        ids = ", ".join(blocked[:_NAMED]) + (", …" if len(blocked) > _NAMED else "")
        warn(
            f"Customers blocked: {len(blocked):,} ({ids}). One of their consent rows can't be "
            "read, and it may be a refusal. Fix it and load their consents again."
        )
