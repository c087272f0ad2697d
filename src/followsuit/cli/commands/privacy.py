"""A person's rights: `forget`, `access`, `correct`, `consent`, `prune` and `privacy audit`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import (
    AsOfOption,
    Commands,
    JsonOption,
    SeedOption,
    StoreOption,
    app,
    open_shop,
    write_json,
)
from followsuit.cli.ranking_options import read_customers
from followsuit.cli.screen import say, warn

if TYPE_CHECKING:
    from followsuit.core.bootstrap import Estimate
    from followsuit.privacy.forget import Receipt

consent = Commands(help="Show and record what customers agree to.")
app.add_typer(consent, name="consent")
privacy = Commands(help="Audit what offers reveal.")
app.add_typer(privacy, name="privacy")

CustomerArgument = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="The id of the customer.", show_default=False)
]


@app.command(epilog="Example: followsuit forget c00017 --json receipt.json")
def forget(
    customers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CUSTOMER]...", help="Ids of the customers.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Forget the customers in this file too: ids, one per line, or a table with a "
            "column customer_id.",
        ),
    ] = None,
    store: StoreOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what names them, and erase nothing.")
    ] = False,
    allow: Annotated[
        str | None,
        typer.Option(
            metavar="CUSTOMER",
            show_default=False,
            help="Let later loads bring this forgotten customer back, and forget nobody.",
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Erase customers everywhere, and prove it; later loads don't bring them back.

    Interrupted, it is finished by running it again.
    """
    shop = open_shop(store)
    if allow is not None:
        if customers or file or dry_run or json_file:
            raise typer.BadParameter("--allow stands alone. Forget other customers separately.")
        shop.allow(allow)
        say(f"A later load may bring {allow} back.")
        return
    named = [*(customers or ()), *(read_customers(file) if file else ())]
    # Slow to import.
    from followsuit.privacy.forget import NotForgotten

    try:
        receipt = shop.forget(named, dry_run=dry_run)
    except NotForgotten as error:
        if error.receipt is not None:
            write_json(error.receipt.as_dict(), json_file)
        raise
    _tell(receipt)
    if named and not sum(place.hits for place in receipt.before):
        warn("Nothing named these customers. Check the ids: later loads reject them all the same.")
    write_json(receipt.as_dict(), json_file)


@app.command(epilog="Example: followsuit access c0017 --out c0017")
def access(
    customer: CustomerArgument,
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", file_okay=False, help="A new folder for the files."),
    ],
    store: StoreOption = None,
) -> None:
    """Write all that is held about a customer as JSON and CSV, without others' data."""
    for section, rows in open_shop(store).access(customer, out).items():
        say(f"{section:24} {rows:>7,} row{'' if rows == 1 else 's'}")
    say(f"Written to {out}, readable by you alone.")


@app.command(epilog="Example: followsuit correct c0017 email anna@example.com")
def correct(
    customer: CustomerArgument,
    column: Annotated[
        str, typer.Argument(help="A column of the table customers.", show_default=False)
    ],
    value: Annotated[
        str,
        typer.Argument(
            help="The new value, as a delivery has it; '' for none.", show_default=False
        ),
    ],
    store: StoreOption = None,
) -> None:
    """Correct a value of a customer; correct it where your deliveries come from, too."""
    open_shop(store).correct(customer, column, value)
    say(f"Corrected: {column} of {customer}. A later delivery with another value replaces it.")


@consent.command("show", epilog="Example: followsuit consent show c0017")
def show_consent(
    customer: CustomerArgument, store: StoreOption = None, json_file: JsonOption = None
) -> None:
    """Show what a customer has agreed to, for each purpose."""
    answers = open_shop(store).consents(customer, datetime.now(UTC))
    words = {True: "yes", False: "no", None: "no answer"}
    if str(json_file) != "-":
        for each in answers:
            since = "" if each.since is None else f" since {each.since:%Y-%m-%d %H:%M} UTC"
            typer.echo(f"{each.purpose:12} {words[each.granted]}{since}")
    rows = [
        {
            "purpose": each.purpose,
            "granted": each.granted,
            "since": None if each.since is None else each.since.isoformat(),
        }
        for each in answers
    ]
    write_json({"customer_id": customer, "consents": rows}, json_file)


@consent.command("set", epilog="Example: followsuit consent set c0017 email no --at 2025-06-16")
def set_consent(
    customer: CustomerArgument,
    purpose: Annotated[str, typer.Argument(help="The purpose.", show_default=False)],
    answer: Annotated[str, typer.Argument(metavar="yes|no", show_default=False)],
    at: Annotated[str, typer.Option(metavar="TIME", help="The time of the answer, in UTC.")],
    store: StoreOption = None,
) -> None:
    """Record a customer's answer; a refusal takes effect at once."""
    if answer not in ("yes", "no"):
        raise typer.BadParameter(f"{answer} is neither yes nor no.")
    open_shop(store).set_consent(customer, purpose, granted=answer == "yes", at=at)
    say(f"Recorded: {customer} says {answer} to {purpose}.")


@app.command(epilog="Example: followsuit prune")
def prune(store: StoreOption = None, json_file: JsonOption = None) -> None:
    r"""Delete what \[retention] of followsuit-policy.toml no longer keeps."""
    pruned = open_shop(store).prune(datetime.now(UTC))
    for name, rows in pruned.rows.items():
        say(f"{name:12} {rows:>12,} rows deleted")
    if pruned.runs:
        say(f"Runs deleted: {', '.join(pruned.runs)}")
    if not (pruned.rows or pruned.runs):
        say("Nothing is too old.")
    _tell_step(pruned.step)
    write_json(pruned.as_dict(), json_file)


def _tell(receipt: "Receipt") -> None:
    """Print a receipt; what needs action comes last."""
    from followsuit.privacy.forget import OUT_OF_REACH

    many = f"{len(receipt.forgotten):,} customer{'' if len(receipt.forgotten) == 1 else 's'}"
    say(f"{'To forget' if receipt.dry_run else 'Forgotten'}: {many}")
    for before, after in zip(receipt.before, receipt.searched, strict=True):
        left = "" if receipt.dry_run else f" {after.hits:>9,} left"
        say(f"{before.place:16} {after.files:>7,} files {before.hits:>9,} hits{left}")
    if receipt.raw < len(receipt.forgotten):
        say(
            f"Searched: decoded content for all, the bytes of files for {receipt.raw:,}: the other "
            "ids are short, or parts of others' ids, and occur by chance."
        )
    else:
        say("Searched: decoded content, and the bytes of files.")
    if receipt.dry_run:
        return
    say(f"Files rewritten: {receipt.rewritten:,}. Receipt, by keyed hashes of the ids:")
    for each in receipt.forgotten:
        say(f"  {each}")
    say(f"Out of reach: {', '.join(OUT_OF_REACH)}.")
    _tell_step(receipt.step)


def _tell_step(step: list[str]) -> None:
    """Print the commands that are left to run on a server's machine, if any."""
    if step:
        warn(
            "The server's own files still hold the deleted bytes. Run this on its machine, then "
            "`followsuit doctor`, then delete the folder of the import:"
        )
        for command in step:
            say(f"  {command}")


@privacy.command(epilog="Example: followsuit privacy audit --as-of 2025-06-16 --json audit.json")
def audit(
    as_of: AsOfOption,
    store: StoreOption = None,
    seed: SeedOption = 0,
    json_file: JsonOption = None,
) -> None:
    """Measure what an outsider could learn from offers: who is a customer, and what they bought.

    It computes offers three times, on copies; the store stays as it is.
    """
    report = open_shop(store).privacy_audit(as_of, seed=seed)
    for group in report.membership:
        say(
            f"Left out: {group.left_out:,} people who {group.group}; "
            f"{group.changed:.1%} of the others have other offers."
        )
        for attacker, estimate in group.advantage.items():
            say(f"  advantage of {attacker}: {_interval(estimate)}")
        for source, count in group.sources.items():
            say(f"  {source}: {count:,} offers")
    for kind in report.inference:
        say(
            f"Offers tell who bought {kind.kind} ({kind.customers:,} customers): "
            f"advantage {_interval(kind.advantage)}"
        )
    for row in report.revealing.to_dict("records"):
        say(
            f"{row['item_kind']} {row['item_id']} reveals {row['kind']}: those who are offered it "
            f"bought that {row['ratio']:.1f} times as often"
        )
    write_json(report.as_dict(), json_file)


def _interval(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
