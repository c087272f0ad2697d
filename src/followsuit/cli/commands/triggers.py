"""`trigger`: list, check and preview triggers, and judge them on past days."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from followsuit.cli.app import (
    AsOfOption,
    Commands,
    JsonOption,
    RefreshOption,
    SeedOption,
    StoreOption,
    app,
    open_shop,
    write_json,
)
from followsuit.cli.commands.influence import PlotOption
from followsuit.cli.fitting import print_table
from followsuit.cli.ranking_options import OnlyOption, TriggersOption, names_in
from followsuit.cli.screen import results, say
from followsuit.cli.tables import BY_ENDING, to_write_rows, write_rows

if TYPE_CHECKING:
    from followsuit.triggers.report.report import TriggerReport

trigger_app = Commands(help="Triggers: list, check and preview them, and judge them on past days.")
app.add_typer(trigger_app, name="trigger")


@trigger_app.command("list", epilog="Example: followsuit trigger list")
def list_triggers(triggers: TriggersOption = None, json_file: JsonOption = None) -> None:
    """List the triggers: what each looks for, its longest window, and the file that defines it."""
    from followsuit.config import read_settings
    from followsuit.triggers.definitions.words import listed

    rows = listed(triggers or read_settings().triggers_file)
    if str(json_file) != "-":
        _print_list(rows)
    write_json(rows, json_file)


def _print_list(rows: list[dict[str, str | None]]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    names = ("name", "looks for", "window", "file")
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*(row[name.replace(" ", "_")] or "" for name in names))
    print_table(results(), table)


@trigger_app.command(epilog="Example: followsuit trigger check followsuit-triggers.toml")
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help=r"The file.  \[default: --triggers]",
            show_default=False,
        ),
    ] = None,
    triggers: TriggersOption = None,
    refresh: RefreshOption = False,
    store: StoreOption = None,
) -> None:
    """Check a file of triggers, and that the store has the kinds and columns that it names.

    An error names the line and the nearest valid word. Without a store, only the file is checked.
    """
    checked = open_shop(store).check_triggers(file or triggers, refresh=refresh)
    count = f"{checked.triggers} trigger{'' if checked.triggers == 1 else 's'}"
    if not checked.with_store:
        say("There is no store, so only the file is checked.")
    verb = "is" if checked.triggers == 1 else "are"
    say(f"{count} in {checked.file} {verb} valid.")


@trigger_app.command(
    epilog="Example: followsuit trigger preview birthday --as-of 2025-12-31 --out birthday.parquet"
)
def preview(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a trigger.")],
    as_of: AsOfOption,
    out: Annotated[
        Path,
        typer.Option(metavar=BY_ENDING, callback=to_write_rows, help="Write the reasons here."),
    ],
    triggers: TriggersOption = None,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    json_file: JsonOption = None,
) -> None:
    """Find the customers for whom a trigger's conditions hold, and write their reasons.

    These are all such customers, also those whom a rule blocks from offers: without consent to
    contact, say. `score` decides who gets one.
    """
    previewed = open_shop(store).preview(name, as_of, triggers=triggers, refresh=refresh, tell=say)
    write_rows(previewed.table, None, out)
    say(f"{_counted(previewed.reasons, 'reason')} of {previewed.customers:,} customers")
    if previewed.ties is not None:
        say(f"The strength uses {previewed.ties} tie weights.")
    if previewed.without_store:
        left_out = _counted(previewed.without_store, "customer")
        say(f"{left_out} left out: there is no store near their city")
    if previewed.other_currencies:
        left_out = _counted(previewed.other_currencies, "interaction")
        say(f"{left_out} not in the sum: in another currency than the shop's")
    if previewed.shortage is not None:
        say(previewed.shortage)
    write_json(previewed.as_dict(), json_file)


@trigger_app.command(
    epilog="Example: followsuit trigger report --from 2025-06-01 --to 2025-12-31 --horizon 60d"
)
def report(
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The end of the last horizon.")],
    horizon: Annotated[
        str,
        typer.Option(metavar="LENGTH", help="Outcomes count within this time after a day: 60d."),
    ] = "60d",
    every: Annotated[str, typer.Option(metavar="LENGTH", help="Time between days.")] = "7d",
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="What counts; give it several times for several outcomes. offered: buys or visits "
            "what the reason offers; purchase, visit, or a kind of event. The first one decides "
            r"the verdict.  \[default: offered, purchase]",
            show_default=False,
        ),
    ] = None,
    triggers: TriggersOption = None,
    only: OnlyOption = None,
    seed: SeedOption = 0,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    json_file: JsonOption = None,
    plot: PlotOption = None,
) -> None:
    """Judge triggers on past days: do customers with a reason do more than others alike?

    Others are alike if they have the same city and have bought, visited and been active as recently
    and as often. The verdict is "higher" if the 95 % interval of the first outcome's lift lies
    above 1. A lift isn't what an offer would cause: only an experiment shows that.
    """
    judged = open_shop(store).trigger_report(
        start,
        end,
        horizon=horizon,
        every=every,
        outcomes=outcome,
        triggers=triggers,
        only=names_in(only),
        seed=seed,
        refresh=refresh,
        tell=say,
    )
    _print_report(judged, to_stderr=str(json_file) == "-")
    if plot is not None:
        from followsuit.triggers.report.report_plot import plot_report

        plot_report(judged, plot)
    write_json(judged.as_dict(), json_file)


def _print_report(judged: "TriggerReport", to_stderr: bool) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    console = results(to_stderr)
    table = Table(box=SIMPLE)
    for name in ("trigger", "reasons", "customers", "outcome", "rate", "base", "lift", "verdict"):
        right: Any = "right" if name in ("reasons", "customers", "rate", "base") else "left"
        table.add_column(name, justify=right, no_wrap=True)
    for name, each in judged.figures.items():
        counts = [_count(each.reasons), _count(each.customers)]
        for number, (kind, lift) in enumerate(each.outcomes.items()):
            own = [name, *counts] if not number else ["", "", ""]
            text = "too few"
            if lift.value is not None:
                text = f"{lift.value:.2f} [{lift.low:.2f}, {lift.high:.2f}]"
            verdict = each.verdict if not number else ""
            table.add_row(*own, kind, _share(lift.rate), _share(lift.base), text, verdict)
    print_table(console, table)
    days = len(judged.days)
    console.print(
        f"Judged on {days} day{'' if days == 1 else 's'}, against customers who are alike. "
        "Only an experiment shows what an offer causes.",
        markup=False,
    )
    if judged.undated:
        console.print(
            f"These have no dates and may reveal the future: {', '.join(judged.undated)}.",
            markup=False,
        )


def _counted(number: int, of: str) -> str:
    return f"{number:>12,} {of}{'' if number == 1 else 's'}"


def _count(number: int | None) -> str:
    return "under 10" if number is None else f"{number:,}"


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"
