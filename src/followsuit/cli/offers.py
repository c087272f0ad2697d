"""`score`, `why`, `why-not`, `runs` and `backtest`: rank offers, explain and evaluate them."""

import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from followsuit.cli.app import (
    Commands,
    JsonOption,
    RefreshOption,
    SeedOption,
    StoreOption,
    app,
    open_shop,
    write_json,
)
from followsuit.cli.fitting import print_table
from followsuit.cli.screen import results, say
from followsuit.cli.tables import BY_ENDING, parquet_for, to_write_rows, write_rows
from followsuit.offers.learning.learn import Learn

if TYPE_CHECKING:
    from followsuit.graph import runs as graph_runs
    from followsuit.offers.backtest.backtest import BacktestReport
    from followsuit.offers.decisions.comparison import Comparison
    from followsuit.offers.explanation.explain import Explanation


def _check_affinity(affinity: str | None) -> str | None:
    """Refuse a value that isn't blend, linear or a module:Class."""
    if affinity in (None, "blend", "linear") or ":" in str(affinity):
        return affinity
    raise typer.BadParameter(f"{affinity!r} isn't blend, linear or module:Class")


runs_app = Commands(help="The runs of `score`: list them, activate one, delete old ones.")
app.add_typer(runs_app, name="runs")

WindowOption = Annotated[
    str,
    typer.Option(
        metavar="LENGTH", help="Interactions within this time count as recent: 14d, 2w, 36h."
    ),
]
AffinityOption = Annotated[
    str | None,
    typer.Option(
        metavar="blend|linear|MODULE:CLASS",
        callback=_check_affinity,
        help="Model of own taste: the blend of models, the faster linear one, or your own.  "
        r"\[default: blend]",
        show_default=False,
    ),
]
TriggersOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=r"Your own triggers.  \[default: the setting triggers, or followsuit-triggers.toml]",
        show_default=False,
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=r"Your policy.  \[default: the setting policy, or followsuit-policy.toml]",
        show_default=False,
    ),
]
OnlyOption = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Use only these triggers.", show_default=False),
]
CustomerArgument = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The id of a customer.")]
TargetArgument = Annotated[
    str, typer.Argument(metavar="ITEM|OFFER", help="The id of a product, a store or an offer.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
            "their calibration. auto: once a week; always: each time; never: use the latest ones, "
            "however old. The model of taste and the tie weights are learned each time."
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


def names_in(text: str | None) -> list[str] | None:
    """The names in a list with commas; None for no list."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def read_customers(path: Path) -> list[str]:
    """Read customer ids from a file: one per line, or a CSV's column `customer_id`.

    Raises:
        ScoreError: the file can't be read.
    """
    from followsuit.offers.score import ScoreError

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"{path} can't be read. Name a file of customer ids.") from error
    lines = [line.strip() for line in lines if line.strip()]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, skipinitialspace=True)]
    if rows and "customer_id" in rows[0]:
        column = rows[0].index("customer_id")
        return [row[column] for row in rows[1:] if len(row) > column]
    return [_bare_id(line) for line in lines]


def _bare_id(line: str) -> str:
    """The id on a line without other columns; it may contain commas, with or without quotes."""
    row = next(csv.reader([line]))
    return row[0].strip() if len(row) == 1 else line


@app.command(epilog="Example: followsuit why c0042 p0007")
def why(
    customer: CustomerArgument,
    target: TargetArgument,
    store: StoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say why the active run offers a customer an item or offer."""
    _explain(customer, target, store, as_json)


@app.command(name="why-not", epilog="Example: followsuit why-not c0042 p0007")
def why_not(
    customer: CustomerArgument,
    target: TargetArgument,
    store: StoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say which rule keeps an item or offer from a customer."""
    _explain(customer, target, store, as_json)


def _explain(customer: str, target: str, store: str | None, as_json: bool) -> None:
    explanation = open_shop(store).explain(customer, target)
    if as_json:
        sys.stdout.write(json.dumps(explanation.as_dict(), indent=2) + "\n")
    else:
        sys.stdout.write(_in_words(explanation) + "\n")


def _in_words(answer: "Explanation") -> str:
    if answer.rank is None:
        return f"Not offered ({answer.rule}): {answer.explanation}."
    rank = f"number {answer.rank} in run {answer.run_id}"
    lines = [f"{answer.item_kind} {answer.item_id} is offered as {rank}: {answer.reason}."]
    if not answer.offered:
        reason = f"Not offered ({answer.rule}): {answer.explanation}"
        lines = [f"{reason}; it would be number {answer.rank}."]
    lines += _chances(answer)
    # Features that add nothing are left out.
    parts = {name: value for name, value in (answer.factors or {}).items() if round(value, 3)}
    if answer.base is not None and parts:
        parts = {"base": answer.base, **parts, "calibration": answer.calibration or 0.0}
    width = max(map(len, parts), default=0)
    lines += [f"  {name:{width}} {value:+.3f}" for name, value in parts.items()]
    return "\n".join(lines)


def _chances(answer: "Explanation") -> list[str]:
    """How likely an acceptance is, in words."""
    share = f"of which triggers add {answer.trigger_share:.6f}"
    lines = [f"Probability {answer.probability:.6f}, {share}."]
    if answer.low is not None and answer.high is not None:
        share = f"{answer.low:.2%} to {answer.high:.2%}"
        lines.append(f"Of customers scored like this, {share} accept.")
    if answer.acceptance is not None:
        lines.append(f"After a contact: {answer.acceptance:.6f}.")
    return lines


@runs_app.command("list", epilog="Example: followsuit runs list")
def list_runs(store: StoreOption = None, json_file: JsonOption = None) -> None:
    """List the runs, the latest first; * marks the active one."""
    all_runs = open_shop(store).runs()
    if not all_runs:
        say("There are no runs yet. Run `followsuit score --as-of DATE` first.")
    if str(json_file) != "-":
        sys.stdout.write("".join(map(_listed, all_runs)))
    write_json([_as_dict(run) for run in all_runs], json_file)


def _listed(run: "graph_runs.Run") -> str:
    """A run as one line."""
    from followsuit.offers.run.activation import oldest

    made = f"as of {run.as_of:%Y-%m-%d}  made {run.created_at:%Y-%m-%d %H:%M}"
    since = oldest(run)
    return (
        f"{'*' if run.active else ' '} {run.run_id}  {made}  {run.offers:,} offers to "
        f"{run.customers:,} customers"
        f"{'  consent assumed' if run.parameters.get('assume_consent') else ''}"
        f"{f'  some as of {since:%Y-%m-%d}' if since < run.as_of else ''}\n"
    )


def _as_dict(run: "graph_runs.Run") -> dict[str, Any]:
    """A run as `runs list --json` writes it."""
    return {
        "run_id": run.run_id,
        "as_of": run.as_of.isoformat(),
        "created_at": run.created_at.isoformat(),
        "active": run.active,
        "offers": run.offers,
        "customers": run.customers,
    }


@runs_app.command("use", epilog="Example: followsuit runs use 2025-12-31-1f3a5c7e")
def use_run(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, see `runs list`.")],
    store: StoreOption = None,
) -> None:
    """Activate another run."""
    open_shop(store).use_run(run_id)
    say(f"Run {run_id} is active.")


@runs_app.command("prune", epilog="Example: followsuit runs prune --keep 3")
def prune_runs(
    keep: Annotated[int, typer.Option(min=1, help="How many of the latest runs to keep.")] = 7,
    store: StoreOption = None,
) -> None:
    """Delete old runs; the active one is always kept."""
    deleted = open_shop(store).prune_runs(keep)
    names = f": {', '.join(deleted)}" if deleted else ""
    say(f"{len(deleted)} run{'' if len(deleted) == 1 else 's'} deleted{names}.")


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
