"""`runs`: the runs of `score`."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from followsuit.cli.app import (
    Commands,
    JsonOption,
    StoreOption,
    app,
    open_shop,
    write_json,
)
from followsuit.cli.screen import say

if TYPE_CHECKING:
    from followsuit.graph.results import runs as graph_runs


runs_app = Commands(help="The runs of `score`: list them, activate one, delete old ones.")
app.add_typer(runs_app, name="runs")


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
