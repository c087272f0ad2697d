"""`demo` and `doctor`: the main workflow in one command, and a check of this machine."""

import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import JsonOption, StoreOption, app, open_shop, write_json
from followsuit.cli.screen import say
from followsuit.core.times import length

if TYPE_CHECKING:
    import pyarrow as pa

    from followsuit.doctor import Check


@app.command(epilog="Example: followsuit demo --folder /tmp/demo")
def demo(
    folder: Annotated[Path, typer.Option(file_okay=False, help="The folder for all files.")] = Path(
        "demo"
    ),
    customers: Annotated[int, typer.Option(min=100, help="Customers of the shop.")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the shop.")] = 0,
) -> None:
    """Simulate a shop, load it into the embedded engine, and rank offers with their reasons."""
    import pyarrow.parquet as pq

    from followsuit.cli.progress import show
    from followsuit.cli.tables import drawn
    from followsuit.simulator import World, simulate

    world = World(
        customers=customers,
        products=customers // 5,
        stores=max(customers // 100, 5),
        friendships=customers * 6,
        purchases=customers * 20,
        influence=0.8,
        dirt=0.2,
        seed=seed,
    )
    delivered = simulate(world, folder / "shop", progress=show)
    store = folder / "followsuit.lbug"
    with open_shop(str(store)) as shop:
        # Delete the files of an earlier demo.
        replace = [table for table, rows in delivered.items() if rows]
        now = datetime.now(UTC)
        report = shop.load(folder / "shop", replace=replace, yes=True, loaded_at=now)
        end = world.start + timedelta(days=world.days)
        ranked = shop.score(end, now, min_share=0, activate=True)
    out = folder / "offers.parquet"
    offers = ranked.offers_table()
    pq.write_table(offers, out)
    first = offers.filter(offers["trigger"].is_valid()).slice(0, 15)
    sys.stdout.write(drawn(_short(first)))
    sys.stdout.flush()
    rejected = sum(counts.rejected for counts in report.tables.values())
    say(
        f"{ranked.offers:,} offers to {ranked.customers:,} customers as of {end}; above, the first."
    )
    say(f"delivery  {folder / 'shop'}   store  {store}   offers  {out}")
    say(f"{rejected:,} faulty rows put aside, each with a reason: {report.rejects}")
    for offer in first.slice(0, 1).to_pylist():
        place = shlex.quote(str(store))
        say(f"Next: followsuit why {offer['customer_id']} {offer['item_id']} --store {place}")


def _short(offers: "pa.Table") -> "pa.Table":
    """The offers in fewer columns and digits, for the screen."""
    import pyarrow as pa

    shown = offers.drop_columns(["item_kind"])
    for name in ("score", "trigger_share"):
        digits = pa.array([f"{value:.4f}" for value in shown[name].to_pylist()], pa.string())
        shown = shown.set_column(shown.column_names.index(name), name, digits)
    return shown


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
            "".join(f"{_mark(check):7} {check.name}: {check.detail}\n" for check in checks)
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


def _mark(check: "Check") -> str:
    if check.sound:
        return "ok"
    return check.mark if check.needed else "absent"
