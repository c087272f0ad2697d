"""`score`: rank offers."""

from datetime import UTC, datetime
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
    PolicyOption,
    TriggersOption,
    WindowOption,
    names_in,
    read_customers,
)
from followsuit.cli.screen import results, say
from followsuit.cli.tables import BY_ENDING, to_write_rows, write_rows
from followsuit.offers.learning.learn import Learn

if TYPE_CHECKING:
    from followsuit.offers.decisions.comparison import Comparison


@app.command(epilog="Example: followsuit score --as-of 2025-12-31 --out offers.parquet")
def score(
    as_of: Annotated[
        str, typer.Option(metavar="DATE", help="Use only what was known by 00:00 UTC of this day.")
    ],
    window: WindowOption = "14d",
    top: Annotated[int, typer.Option(min=1, help="Maximum number of offers per customer.")] = 10,
    customers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Score only the customers in this file: ids, one per line, or a "
            "CSV with a column customer_id. The others keep their offers of "
            "the active run; --out and --json have only the scored customers.",
        ),
    ] = None,
    max_age: Annotated[
        str,
        typer.Option(
            metavar="LENGTH",
            help="Refuse if the newest purchase or visit is older than this at --as-of: 7d, 36h.",
        ),
    ] = "7d",
    min_share: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Refuse if fewer than this share of the customers with offers in the "
            "active run get one again. Only runs for all customers with the same "
            "--window, --top, --per-item, --candidates, --everyone, --affinity, triggers and "
            "policy are compared. 0: don't compare.",
        ),
    ] = 0.5,
    activate: Annotated[
        bool | None,
        typer.Option(
            "--activate/--no-activate",
            show_default=False,
            help="Activate the run even if it has no offers or its --as-of is older than "
            "the active run's; or keep it without activating it, and only say what would "
            r"be refused.  \[default: activate unless refused]",
        ),
    ] = None,
    triggers: TriggersOption = None,
    only: OnlyOption = None,
    reasons: Annotated[
        str | None,
        typer.Option(
            metavar="en|de|FILE",
            help=r"What customers may be told: a language, or your own texts.  \[default: en]",
            show_default=False,
        ),
    ] = None,
    policy: PolicyOption = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also show what this other policy would change. Its offers aren't activated.",
            show_default=False,
        ),
    ] = None,
    per_item: Annotated[
        int, typer.Option(min=1, help="Maximum number of offers of one item per customer.")
    ] = 1,
    candidates: Annotated[
        int, typer.Option(min=1, help="Maximum number of ranked candidates per customer.")
    ] = 50,
    everyone: Annotated[
        bool,
        typer.Option("--everyone", help="Also rank customers without a reason, for your own site."),
    ] = False,
    affinity: AffinityOption = None,
    learn: Annotated[
        Learn,
        typer.Option(
            help="How often to learn the settings of taste, and the weights of the features with "
            "their calibration. auto: once a week, and once for the same day and data; always: "
            "each time; never: use the latest ones, however old. The model of taste and the tie "
            "weights are learned each time."
        ),
    ] = Learn.AUTO,
    refresh: RefreshOption = False,
    seed: SeedOption = 0,
    store: StoreOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar=BY_ENDING, callback=to_write_rows, help="Also write the offers here."),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Rank offers for every customer with a reason, and activate them as a run.

    A stale or empty run doesn't replace a good one: the command exits with 2, and the active run
    stays. A run is refused if nobody is eligible (an adult who agreed to contact), if no offer is
    active, if it has no offers, and by --max-age, --min-share and --activate.
    """
    shop = open_shop(store)
    chosen = None if customers is None else read_customers(customers)
    report = shop.score(
        as_of,
        datetime.now(UTC),
        window=window,
        top=top,
        customers=chosen,
        affinity=affinity,
        learn=learn,
        refresh=refresh,
        seed=seed,
        max_age=max_age,
        min_share=min_share,
        activate=activate,
        triggers=triggers,
        only=names_in(only),
        reasons=reasons,
        policy=policy,
        compare=compare,
        per_item=per_item,
        candidates=candidates,
        everyone=everyone,
        tell=say,
    )
    if report.note:
        say(report.note)
    for line in report.acceptance.in_words(report.as_of):
        say(line)
    for rule, n in report.suppressed.items():
        say(f"{n:>12,} candidate{'' if n == 1 else 's'} blocked by {rule}")
    say(f"{report.offers:>12,} offers to {report.customers:,} customers: run {report.run_id}")
    for line in report.decisions.in_words():
        say(line)
    if report.comparison is not None:
        _print_comparison(report.comparison, to_stderr=str(json_file) == "-")
    if report.unknown:
        say(f"{report.unknown:>12,} of the customers to score aren't in the store")
    if chosen is not None:
        say(f"{report.others:>12,} other customers keep their offers")
    if not report.offers:
        say(f"No customer gets an offer as of {report.as_of:%Y-%m-%d %H:%M} UTC.")
    if not report.activated:
        say(f"The run isn't active. `followsuit runs use {report.run_id}` activates it.")
    if out is not None:
        write_rows(report.offers_table(), None, out)
    write_json(report.as_dict(), json_file)


def _print_comparison(comparison: "Comparison", to_stderr: bool) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table("", box=SIMPLE)
    for name in ("this policy", "compared"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in comparison.rows():
        table.add_row(*row)
    print_table(results(to_stderr), table)
