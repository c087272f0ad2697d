"""`backtest`: evaluate offers on past data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import (
    JsonOption,
    RefreshOption,
    SeedOption,
    StoreOption,
    app,
    open_shop,
    write_json,
)
from followsuit.cli.fitting import print_table
from followsuit.cli.ranking_options import (
    AffinityOption,
    OnlyOption,
    TriggersOption,
    WindowOption,
    names_in,
)
from followsuit.cli.screen import results, say
from followsuit.cli.tables import BY_ENDING, parquet_for, to_write_rows

if TYPE_CHECKING:
    from followsuit.offers.backtest.backtest import BacktestReport


@app.command(
    epilog="Example: followsuit backtest --from 2025-06-01 --to 2025-12-31 --every 7d --horizon 14d"
)
def backtest(
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="The first cutoff.")],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The end of the last horizon.")],
    every: Annotated[str, typer.Option(metavar="LENGTH", help="Time between cutoffs.")] = "7d",
    horizon: Annotated[
        str, typer.Option(metavar="LENGTH", help="Adoptions count within this time after a cutoff.")
    ] = "14d",
    window: WindowOption = "14d",
    triggers: TriggersOption = None,
    only: OnlyOption = None,
    affinity: AffinityOption = None,
    refit: Annotated[
        int, typer.Option(min=0, metavar="N", help="Fit taste again after N cutoffs; 0: only once.")
    ] = 0,
    ablate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Also rank without what rests on these triggers, features, tables or event kinds.",
        ),
    ] = None,
    seed: SeedOption = 0,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar=BY_ENDING, callback=to_write_rows, help="Write each customer's top 10 items."
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Evaluate the ranking on past data, and compare it with simpler strategies."""
    with parquet_for(out) as path:
        report = open_shop(store).backtest(
            start,
            end,
            every=every,
            horizon=horizon,
            window=window,
            triggers=triggers,
            only=names_in(only),
            affinity=affinity,
            refit=refit,
            ablate=names_in(ablate) or (),
            seed=seed,
            out=path,
            refresh=refresh,
        )
    # With --json -, only the report goes to standard output.
    if report.config.note:
        say(report.config.note)
    _print_backtest(report, to_stderr=str(json_file) == "-")
    write_json(report.as_dict(), json_file)


def _print_backtest(report: "BacktestReport", to_stderr: bool) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    console = results(to_stderr)
    for view, strategies in report.figures.items():
        metrics = list(next(iter(strategies.values())))
        table = Table(box=SIMPLE, title=view.replace("_", " "), title_justify="left")
        table.add_column("strategy", no_wrap=True)
        for metric in metrics:
            table.add_column(metric, justify="right", no_wrap=True)
        for strategy, figures in strategies.items():
            cells = [f"{e.value:.4f} [{e.low:.4f}, {e.high:.4f}]" for e in figures.values()]
            table.add_row(strategy, *cells)
        print_table(console, table)
    gain = report.lead["per_customer"]["ranking_without_trigger"]["ndcg@10"]
    console.print(
        f"Triggers add to ndcg@10: {gain.value:+.5f} ({gain.low:+.5f} to {gain.high:+.5f}), "
        f"over {len(report.cutoffs)} cutoffs.",
        markup=False,
    )
    ratio = report.reliability.observed_over_expected
    console.print(
        f"Observed over expected of the ranking's probabilities: {ratio.value:.2f} "
        f"({ratio.low:.2f} to {ratio.high:.2f}).",
        markup=False,
    )
    if report.undated:
        console.print(
            f"These have no dates and may reveal the future: {', '.join(report.undated)}.",
            markup=False,
        )
