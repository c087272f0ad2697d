"""`demo`: a simulated shop from its tables to offers, in one command."""

import os
import shlex
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import app, open_shop
from followsuit.cli.fitting import fit
from followsuit.cli.screen import results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType
    from rich.table import Table

    from followsuit.api import Shop
    from followsuit.core.bootstrap import Estimate
    from followsuit.demo import ShownOffer, Story, Worth
    from followsuit.simulator import World

_WIDTH = 100
_BESIDE = 13
"""Width of the names beside the story's tables, with the blanks after them."""
_NARROWEST = 12
"""Columns are folded to this many characters or more."""
_LISTED = 5
"""Offers of the story that are listed."""


@app.command(epilog="Example: followsuit demo --folder /tmp/demo")
def demo(
    folder: Annotated[Path, typer.Option(file_okay=False, help="The folder for all files.")] = Path(
        "demo"
    ),
    customers: Annotated[int, typer.Option(min=100, help="Customers of the shop.")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the shop.")] = 0,
) -> None:
    """Simulate a shop, load it, rank offers, and show what comes out and why."""
    from followsuit.demo import ScoredShop, friends_worth
    from followsuit.simulator import World

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
    console = results()
    console.width = min(console.width, _WIDTH)
    store = folder / "followsuit.lbug"
    with open_shop(str(store)) as shop:
        _make(world, shop, folder, console)
        scored = ScoredShop(shop)
        _show_offers(console, scored.varied_offers())
        story = scored.story()
        if story is not None:
            _show_story(console, story)
        worth = friends_worth(shop, _end(world))
    _show_worth(console, worth)
    _show_commands(console, _commands(store, story, worth))


def _end(world: "World") -> datetime:
    """The end of a world's data."""
    from followsuit.core.times import instant

    return instant(world.start + timedelta(days=world.days))


def _make(world: "World", shop: "Shop", folder: Path, console: "Console") -> None:
    """Simulate, load and score a shop, and say what it is."""
    import pyarrow.parquet as pq

    from followsuit.cli.progress import show
    from followsuit.demo import AFFINITY
    from followsuit.simulator import simulate

    delivered = simulate(world, folder / "shop", progress=show)
    # Replace the tables of an earlier demo in the same folder.
    replace = [table for table, rows in delivered.items() if rows]
    now = datetime.now(UTC)
    report = shop.load(folder / "shop", replace=replace, yes=True, loaded_at=now)
    # Learn everything anew, so that an earlier demo changes nothing.
    end = _end(world)
    ranked = shop.score(end, now, affinity=AFFINITY, learn="always", min_share=0, activate=True)
    pq.write_table(ranked.offers_table(), folder / "offers.parquet")
    rejected = sum(counts.rejected for counts in report.tables.values())
    _head(console, "A simulated shop")
    _print(
        console,
        f"{world.customers:,} customers, {world.products:,} products, {world.stores:,} stores, "
        f"{world.friendships:,} friendships and a year of purchases. {rejected:,} faulty rows were "
        f"put aside, each with its reason. As of {_day(end)} {end.year}, {ranked.customers:,} "
        f"customers get {ranked.offers:,} offers. All files are in the folder {folder}.",
    )


def _show_offers(console: "Console", offers: "Sequence[ShownOffer]") -> None:
    _head(console, f"{len(offers)} of the offers, chosen for variety, not the top ones")
    table = _table("customer", "product or store", "price", "probability", "reason", right=(2, 3))
    for offer in offers:
        probability = _percent(offer.probability)
        table.add_row(offer.customer, offer.item, offer.price, probability, offer.reason)
    _print(console, _fitted(table, console.width))
    _print(
        console,
        "Probability: the model's estimate that the customer buys or visits it within two weeks.",
    )


def _show_story(console: "Console", story: "Story") -> None:
    from rich.table import Table

    _head(console, f"One customer: {story.customer} ({story.customer_id})")
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, content in (
        ("Friends", _friends(story)),
        ("Contact", _contact(story)),
        ("First offer", _first_offer(story)),
        ("Offers", _offers(story, console.width - _BESIDE)),
        ("Blocked", _blocked(story, console.width - _BESIDE)),
    ):
        grid.add_row(name, content)
    _print(console, grid)


def _friends(story: "Story") -> str:
    rest = story.friends - story.sharing
    shared = f"{story.friends}, of whom {story.sharing} share their activity."
    return f"{shared} What the other {rest} do is not used." if rest else shared


def _contact(story: "Story") -> str:
    if story.channel is None:
        return "Allowed by any channel."
    return f"Allowed by {_listed(story.channels)} only. Offers go out by {story.channel}."


def _first_offer(story: "Story") -> str:
    offer = story.offers[0]
    lines = [f"{offer.item}{f', {offer.price}' if offer.price else ''}"]
    if story.drivers:
        did = "Bought" if offer.item_kind == "product" else "Visited"
        friends = [f"{d.name or 'a friend'} on {_day(d.on)}" for d in story.drivers]
        unnamed = any(driver.name is None for driver in story.drivers)
        note = " Friends are named only if they agreed to it." if unnamed else ""
        lines.append(f"{did} by {_listed(friends)}.{note}")
    lines.append(f'The customer is told: "{offer.reason}".')
    return "\n".join(lines)


def _offers(story: "Story", width: int) -> "RenderableType":
    from rich.console import Group

    shown = story.offers[:_LISTED]
    total, driven = len(story.offers), story.driven
    brought = "all" if driven == total else driven
    rest = f" The first {len(shown)}:" if len(shown) < total else ""
    table = _table("", "item", "probability", "of it friends", "reason", right=(0, 2, 3))
    for offer in shown:
        table.add_row(
            str(offer.rank),
            offer.item,
            _percent(offer.probability),
            _percent(offer.by_friends),
            offer.reason,
        )
    said = f"{total}, {brought} of them brought up by friends.{rest}"
    return Group(said, _fitted(table, width))


def _blocked(story: "Story", width: int) -> "RenderableType":
    from rich.console import Group

    total = sum(blocked.items for blocked in story.blocked)
    if not total:
        return "None of the items that there is a reason for."
    table = _table("items", "rule", "why", "for example", right=(0,))
    for blocked in story.blocked:
        table.add_row(str(blocked.items), blocked.rule, blocked.sentence, blocked.item)
    return Group(f"{total} of the items that there is a reason for:", _fitted(table, width))


def _show_worth(console: "Console", worth: "Worth") -> None:
    _head(console, "What friends are worth in this shop")
    _print(
        console,
        f"The ranking at {worth.cutoffs} earlier dates, compared with what customers then bought "
        "and visited within two weeks. NDCG@10 is 1 if all of it is ranked first, and 0 if none of "
        "it is among the first ten.",
    )
    table = _table("ranking", "NDCG@10", "95 % interval", right=(1,))
    for name, figure in (("with friends", worth.ranking), ("without friends", worth.without)):
        table.add_row(name, f"{figure.value:.4f}", f"{figure.low:.4f} to {figure.high:.4f}")
    _print(console, table)
    _print(
        console,
        f"{_verdict(worth.gain)} This shop is simulated with strong influence between friends; "
        "`followsuit backtest` says what they are worth in yours.",
    )


def _verdict(gain: "Estimate") -> str:
    """Whether friends help, as far as the interval tells."""
    size = f"{abs(gain.value):.4f} {'lower' if gain.value < 0 else 'higher'}"
    difference = f"{size} (95 % interval {gain.low:+.4f} to {gain.high:+.4f})"
    if gain.low > 0:
        verdict = "friends improve the ranking."
    elif gain.high < 0:
        verdict = "friends make the ranking worse."
    else:
        verdict = "that doesn't tell whether friends help."
    return f"With friends it is {difference}: {verdict}"


def _commands(store: Path, story: "Story | None", worth: "Worth") -> list[tuple[str, str]]:
    """What to type next: purposes and commands."""
    place = f"--store {shlex.quote(str(store))}"
    commands = []
    if story is not None:
        customer, offer = story.customer_id, story.offers[0]
        commands.append(("Why this offer", f"followsuit why {customer} {offer.item_id} {place}"))
        if story.blocked:
            item = story.blocked[0].item_id
            commands.append(("Why not this one", f"followsuit why-not {customer} {item} {place}"))
    commands += [
        (
            "The offers to the first customers",
            f"followsuit query current-recommendations --param limit=20 {place}",
        ),
        (
            "The ranking, week by week, against popularity and others",
            f"followsuit backtest --from {worth.start:%Y-%m-%d} --to {worth.end:%Y-%m-%d} "
            f"--affinity linear {place}",
        ),
    ]
    return commands


def _show_commands(console: "Console", commands: "Sequence[tuple[str, str]]") -> None:
    _head(console, "What to type next")
    if (activate := _activation()) is not None:
        commands = [("Put `followsuit` on the path", activate), *commands]
    for purpose, command in commands:
        console.print(f"{purpose}:\n  {command}", markup=False, soft_wrap=True)


def _activation() -> str | None:
    """The command that puts `followsuit` on the path, where it is in a virtual environment."""
    script = Path(sys.prefix) / "bin" / "activate"
    if shutil.which("followsuit") or not script.exists():
        return None
    near = Path(os.path.relpath(script))
    return f". {shlex.quote(str(script if near.parts[0] == '..' else near))}"


def _head(console: "Console", title: str) -> None:
    console.print()
    console.rule(title, align="left", characters="─")


def _print(console: "Console", content: "RenderableType") -> None:
    console.print(content, markup=False)


def _table(*names: str, right: "Sequence[int]" = ()) -> "Table":
    """An empty table; `right` has the columns of figures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, name in enumerate(names):
        table.add_column(
            name, justify="right" if i in right else "left", no_wrap=i in right, overflow="fold"
        )
    return table


def _fitted(table: "Table", width: int) -> "RenderableType":
    return fit(table, width, narrowest=_NARROWEST)


def _listed(names: "Sequence[str]") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _day(at: date) -> str:
    return f"{at.day} {at:%B}"
