"""`influence`: who follows whom, how certain that is, and which customers to start with."""

import sys
from collections.abc import Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from followsuit.cli.app import (
    AsOfOption,
    Commands,
    JsonOption,
    OutputError,
    RefreshOption,
    StoreOption,
    app,
    open_shop,
    to_write,
    write_json,
)
from followsuit.cli.fitting import print_table
from followsuit.cli.screen import results, say
from followsuit.cli.tables import BY_ENDING, to_write_rows, write_rows
from followsuit.core.times import length

if TYPE_CHECKING:
    from followsuit.influence.analysis import Analysis

influence_app = Commands(
    help="Who follows whom, how certain that is, and which customers to start with."
)
app.add_typer(influence_app, name="influence")

WindowOption = Annotated[
    str,
    typer.Option(
        metavar="LENGTH", help="An interaction follows a friend's within this time: 14d, 2w."
    ),
]
PICTURES = (".png", ".svg", ".pdf")


def _to_draw(path: Path | None) -> Path | None:
    """Check that a picture can be drawn to a path, before the work starts."""
    if path is not None and path.suffix.lower() not in PICTURES:
        raise OutputError(f"{path} isn't a picture's name. End it in {', '.join(PICTURES)}.")
    return to_write(path)


PlotOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.png", callback=_to_draw, help="Draw the result, as PNG, SVG or PDF."
    ),
]


def _analysis(store: str | None, as_of: str, refresh: bool) -> "Analysis":
    return open_shop(store).influence(as_of, refresh=refresh)


@influence_app.command(
    epilog="Example: followsuit influence learn --as-of 2025-12-31 --out influences.parquet"
)
def learn(
    as_of: AsOfOption,
    window: WindowOption = "14d",
    holdout: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Fit without this last share of the time, and evaluate "
            "on it: 0.2. Writes nothing to the store.",
        ),
    ] = None,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar=BY_ENDING, callback=to_write_rows, help="Also write the edges here."),
    ] = None,
    json_file: JsonOption = None,
    plot: PlotOption = None,
) -> None:
    """Estimate how likely customers follow each friend, and write it to the graph."""
    analysis, span = _analysis(store, as_of, refresh), length(window)
    report = None if holdout is None else analysis.holdout(holdout, span)
    influences = analysis.learn(span) if report is None else report.learned
    table = influences.table()
    if report is not None:
        _say_holdout(report.as_dict())
    else:
        run_id = analysis.write(influences, datetime.now(UTC))
        say(f"{table.num_rows:>12,} rows from {influences.completed:,} exposures: run {run_id}")
    if not table.num_rows:
        say(f"not enough evidence: {influences.completed} exposures")
    if out is not None:
        write_rows(table, None, out)
    if plot is not None:
        from followsuit.influence.probabilities.edge_plot import plot_edges

        plot_edges(influences, plot)
    summary = {"rows": table.num_rows, "exposures": influences.completed}
    write_json(summary if report is None else report.as_dict(), json_file)


def _say_holdout(report: dict[str, dict[str, dict[str, float | None]]]) -> None:
    if not report["cases"]:
        say("not enough evidence: 0 cases in the part held out")
        return
    for metric in ("auc", "log_loss"):
        for name, figure in report[metric].items():
            value, low, high = (figure[key] for key in ("value", "low", "high"))
            text = (
                "not enough evidence" if value is None else f"{value:.4f} [{low:.4f}, {high:.4f}]"
            )
            say(f"{metric:9} {name:8} {text}")


@influence_app.command(
    epilog="Example: followsuit influence report --as-of 2025-12-31 --plot effects.png"
)
def report(
    as_of: AsOfOption,
    window: WindowOption = "14d",
    refresh: RefreshOption = False,
    store: StoreOption = None,
    json_file: JsonOption = None,
    plot: PlotOption = None,
) -> None:
    """Test whether following friends is more than similarity: grades, placebos, a verdict."""
    effects = _analysis(store, as_of, refresh).report(length(window))
    written = effects.as_dict()
    for grade, figure in written["grades"].items():
        if figure["lift"] is None:
            text = "not enough evidence"
        else:
            text = f"lift {figure['lift']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
        say(f"{grade.replace('_', ' '):16} {text}, {figure['n']:,} exposures")
    say(written["verdict"])
    if plot is not None:
        from followsuit.influence.effects.effect_plot import plot_report

        plot_report(effects, plot)
    write_json(written, json_file)


@influence_app.command(epilog="Example: followsuit influence rank --as-of 2025-12-31 --top 20")
def rank(
    as_of: AsOfOption,
    top: Annotated[int, typer.Option(min=1, help="How many customers to list.")] = 20,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    json_file: JsonOption = None,
    plot: PlotOption = None,
) -> None:
    """Rank customers by the interactions that one of theirs leads to; write it to the graph."""
    rows, unit = _analysis(store, as_of, refresh).rank(top, write=True)
    if str(json_file) != "-":
        _print_rank(rows.to_dict("records"), unit)
    if plot is not None:
        from followsuit.influence.probabilities.edge_plot import plot_rank

        plot_rank(rows, unit, plot)
    write_json(rows.to_dict("records"), json_file)


def _print_rank(rows: list[dict[Hashable, Any]], unit: str) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    # Money is in hundredths, in JSON too.
    money = unit != "acts"
    what = "interactions" if unit == "acts" else unit
    title = f"further {what} because of one interaction" + (
        ", in major units of money" if money else ""
    )
    table = Table(box=SIMPLE, title=title, title_justify="left")
    for name in ("customer", "value", "90 % interval", "PageRank", "core", "community"):
        justify: Any = "left" if name == "customer" else "right"
        table.add_column(name, justify=justify, no_wrap=True)
    for row in rows:
        value, low, high = (
            f"{row[name] / 100:,.2f}" if money else f"{row[name]:,.3f}"
            for name in ("value", "low", "high")
        )
        table.add_row(
            str(row["customer_id"]),
            value,
            f"{low} to {high}",
            f"{row['pagerank']:.3g}",
            str(row["core"]),
            str(row["community"]),
        )
    print_table(results(), table)


@influence_app.command(epilog="Example: followsuit influence seeds --as-of 2025-12-31 --budget 20")
def seeds(
    as_of: AsOfOption,
    budget: Annotated[float, typer.Option(metavar="B", help="Budget, in the unit of the costs.")],
    costs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV of customer_id and cost; the default cost is 1."),
    ] = None,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    json_file: JsonOption = None,
    plot: PlotOption = None,
) -> None:
    """Choose the seed customers, among those with consent, whom most others follow."""
    from followsuit.influence.spread.costs import read_costs

    analysis = _analysis(store, as_of, refresh)
    cost = None
    if costs is not None:
        cost, unknown = read_costs(costs, analysis.customers)
        if unknown:
            say(f"{unknown:,} customers in {costs} aren't in the store and were ignored")
    choice, learned = analysis.seeds(budget, cost)
    names = analysis.customers[choice.seeds].tolist()
    say(
        f"{len(names):,} seed customers reach {choice.spread:.2f} customers "
        f"[{choice.low:.2f}, {choice.high:.2f}], at least {choice.certified_ratio:.0%} of the most "
        "that the budget allows"
    )
    if str(json_file) != "-":
        sys.stdout.write("".join(f"{name}\n" for name in names))
    if plot is not None:
        from followsuit.cli.progress import show
        from followsuit.influence.spread.spread_plot import plot_spread, spread_by_budget

        curves = spread_by_budget(
            learned.log.network,
            learned.edges.mean,
            choice.seeds,
            budget,
            cost=cost,
            allowed=analysis.allowed,
            progress=show,
        )
        plot_spread(curves, plot)
    report = {
        "seeds": names,
        "spread": round(choice.spread, 9),
        "low": round(choice.low, 9),
        "high": round(choice.high, 9),
        "certified_ratio": round(choice.certified_ratio, 9),
        "seconds": round(choice.seconds, 3),
    }
    write_json(report, json_file)
