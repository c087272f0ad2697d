"""`demo` and `doctor`: the main job in one command, and what this machine lacks."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from followsuit.cli.app import StoreOption, app, open_shop
from followsuit.cli.screen import console, say


@app.command(epilog="Example: followsuit demo --folder /tmp/demo")
def demo(
    folder: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("demo"),
    customers: Annotated[int, typer.Option(min=100, help="Customers of the shop.")] = 2_000,
    seed: Annotated[int, typer.Option(help="Another seed, another shop.")] = 0,
) -> None:
    """Simulate a shop, load it into the embedded engine, and rank offers with their reasons."""
    import pyarrow.parquet as pq

    from followsuit.cli.progress import show
    from followsuit.cli.queries import Format, write_rows
    from followsuit.loaders.simulator import World, simulate

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
    simulate(world, folder / "shop", progress=show)
    store = folder / "followsuit.lbug"
    with open_shop(str(store)) as shop:
        report = shop.load(folder / "shop")
        end = world.start + timedelta(days=world.days)
        ranked = shop.score(end, datetime.now(UTC))
    out = folder / "offers.parquet"
    offers = ranked.offers_table()
    pq.write_table(offers, out)
    first = offers.filter(offers["trigger"].is_valid()).slice(0, 15)
    write_rows(first, Format.TABLE, None)
    rejected = sum(counts.rejected for counts in report.tables.values())
    say(
        f"{ranked.offers:,} offers to {ranked.customers:,} customers as of {end}; above, the first."
    )
    say(f"delivery  {folder / 'shop'}   store  {store}   offers  {out}")
    say(f"{rejected:,} faulty rows put aside, each with a reason: {report.rejects}")
    name = first["customer_id"][0].as_py()
    say(f"Next: followsuit why {name} {first['item_id'][0].as_py()} --store {store}")


@app.command()
def doctor(store: StoreOption = None) -> None:
    """Say what of followsuit works here, and what to do about what does not."""
    from followsuit.doctor import examine

    sound = True
    for check in examine(store):
        sound &= check.sound or not check.needed
        mark = "ok     " if check.sound else "MISSING" if check.needed else "absent "
        console.print(f"{mark} {check.name}: {check.said}", markup=False, soft_wrap=True)
    if not sound:
        sys.exit(1)
