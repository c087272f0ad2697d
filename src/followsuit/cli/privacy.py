"""`forget`: erase customers, and prove it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import JsonOption, StoreOption, app, open_shop, write_json
from followsuit.cli.offers import read_customers
from followsuit.cli.screen import say, warn

if TYPE_CHECKING:
    from followsuit.privacy.forget import Receipt


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
        shop.allow(allow)
        say(f"A later load may bring {allow} back.")
        return
    named = [*(customers or ()), *(read_customers(file) if file else ())]
    receipt = shop.forget(named, dry_run=dry_run)
    _tell(receipt)
    write_json(receipt.as_dict(), json_file)


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
    say(f"Files written anew: {receipt.rewritten:,}. Receipt, by keyed hashes of the ids:")
    for each in receipt.forgotten:
        say(f"  {each}")
    say(f"Out of reach: {', '.join(OUT_OF_REACH)}.")
    if receipt.step:
        warn(
            "The server's own files still hold the deleted bytes. Run this on its machine, then "
            "`followsuit doctor`, then delete the folder of the import:"
        )
        for command in receipt.step:
            say(f"  {command}")
