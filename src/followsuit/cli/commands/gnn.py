"""`gnn`: train and evaluate models of taste, and write embeddings to the graph."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from followsuit.cli.fitting import print_table
from followsuit.cli.screen import results, say
from followsuit.cli.tables import BY_ENDING, to_write_rows, write_rows

if TYPE_CHECKING:
    from followsuit.core.bootstrap import Estimate
    from followsuit.gnn.data.dataset import Split

gnn_app = Commands(help="Fit models of taste to interactions and friendships, and evaluate them.")
app.add_typer(gnn_app, name="gnn")

ModelOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="lightgcn, social, hetero, another that `evaluate` knows, or your own module:Class.  "
        r"\[default: social where there are friendships, else lightgcn]",
        show_default=False,
    ),
]
FolderArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER",
        show_default=False,
        help="A folder with train.tsv.gz and test.tsv.gz; by default the store, split in time.",
    ),
]
DayOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="For a store: the cutoff between training and test set."
    ),
]
HorizonOption = Annotated[
    str | None,
    typer.Option(
        metavar="LENGTH",
        show_default=False,
        help=r"For a store: the length of the test period.  \[default: 28d]",
    ),
]
_MONTH = "28d"
SeedsOption = Annotated[
    int, typer.Option(min=1, metavar="N", help="How many random seeds to train with.")
]


@gnn_app.command(epilog="Example: followsuit gnn train --as-of 2025-12-31 --model lightgcn")
def train(
    as_of: AsOfOption,
    model: ModelOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume an interrupted training.")
    ] = False,
    seed: SeedOption = 0,
    refresh: RefreshOption = False,
    store: StoreOption = None,
) -> None:
    """Train a model as of a day, and store it beside the store."""
    from followsuit.gnn.training.distributed import rank

    fitted, folder = open_shop(store).train(
        as_of, model=model, resume=resume, seed=seed, refresh=refresh
    )
    if rank():
        return
    settings = ", ".join(f"{key} {value}" for key, value in fitted.settings().items())
    say(f"{fitted.name} ({settings})")
    if fitted.note:
        say(fitted.note)
    say(f"{folder}: model.json, model.npz" + (", curve.png" * (folder / "curve.png").exists()))


@gnn_app.command(epilog="Example: followsuit gnn evaluate --as-of 2025-12-01 --models ease,blend")
def evaluate(
    folder: FolderArgument = None,
    as_of: DayOption = None,
    horizon: HorizonOption = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            show_default=False,
            help="The models; also friends, ease_damped and your own module:Class.  "
            r"\[default: popularity, ease, ials, gfcf, lightgcn, social, hetero, blend]",
        ),
    ] = None,
    seeds: SeedsOption = 1,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    json_file: JsonOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar=BY_ENDING,
            callback=to_write_rows,
            help="Write each model's top 20 items for each user.",
        ),
    ] = None,
) -> None:
    """Tune, fit and compare models by full ranking, on a folder or the store split in time."""
    from followsuit.cli.progress import show
    from followsuit.gnn.evaluation.evaluate import NAMES, evaluate_models

    names = list(NAMES) if models is None else _names(models)
    split = _split(folder, as_of, horizon, store, refresh)
    evaluation = evaluate_models(split, names, seeds=seeds, progress=show)
    for note in evaluation.notes:
        say(note)
    _print_figures(evaluation.figures, evaluation.seconds, to_stderr=str(json_file) == "-")
    say(f"Best on validation: {evaluation.best}.")
    for name, lead in evaluation.lead.items():
        interval = f"({lead.low:+.4f} to {lead.high:+.4f})"
        say(f"  its ndcg@20 compared with {name}: {lead.value:+.4f} {interval}")
    if out is not None:
        write_rows(evaluation.lists, None, out)
    write_json(evaluation.as_dict(), json_file)


@gnn_app.command(epilog="Example: followsuit gnn audit --as-of 2025-12-01 --seeds 3")
def audit(
    folder: FolderArgument = None,
    as_of: DayOption = None,
    horizon: HorizonOption = None,
    seeds: SeedsOption = 1,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    json_file: JsonOption = None,
) -> None:
    """Test whether friends help: compare models with real, rewired and no friendships."""
    from followsuit.cli.progress import show
    from followsuit.gnn.evaluation.friend_ablation import ablate_friends

    split = _split(folder, as_of, horizon, store, refresh)
    ablation = ablate_friends(split, seeds=seeds, progress=show)
    for note in ablation.notes:
        say(note)
    _print_figures(ablation.figures, {}, to_stderr=str(json_file) == "-")
    say(ablation.sentence)
    if folder is None and ablation.ties:
        since = open_shop(store).apply_ablation(
            ablation, str(as_of), datetime.now(UTC), horizon or _MONTH
        )
        use = "uses" if ablation.friends_help else "leaves out"
        say(f"Own taste in `score` and `backtest` {use} friends for days from {since:%Y-%m-%d} on.")
    write_json(ablation.as_dict(), json_file)


def _names(models: str) -> list[str]:
    names = [name.strip() for name in models.split(",")]
    if not all(names):
        raise typer.BadParameter(f"--models {models!r} has an empty name: write a,b,c")
    return list(dict.fromkeys(names))


def _split(
    folder: Path | None, as_of: str | None, horizon: str | None, store: str | None, refresh: bool
) -> "Split":
    """The split of a folder, or of the store in time."""
    from followsuit.gnn.data.interaction_folder import read_split

    if (folder is None) == (as_of is None):
        raise typer.BadParameter("give either a FOLDER, or --as-of to split the store in time")
    if folder is None:
        return open_shop(store).split(str(as_of), horizon or _MONTH, refresh=refresh)
    if store or horizon or refresh:
        raise typer.BadParameter("--store, --horizon and --refresh are for a store, not a FOLDER")
    return read_split(folder)


def _print_figures(
    figures: "dict[str, dict[str, Estimate]]", seconds: dict[str, float], to_stderr: bool
) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    shown = ("recall@10", "ndcg@10", "recall@20", "ndcg@20", "coverage@20")
    columns = [key for key in shown if key in next(iter(figures.values()))]
    table = Table(box=SIMPLE, title="Measured on the test part", title_justify="left")
    table.add_column("model", no_wrap=True)
    for key in columns + ["seconds"] * bool(seconds):
        table.add_column(key, justify="right")
    for name, estimates in figures.items():
        cells = [f"{estimates[key].value:.4f}" for key in columns]
        table.add_row(name, *cells, *([f"{seconds[name]:.0f}"] if seconds else []))
    print_table(results(to_stderr), table)


@gnn_app.command(epilog="Example: followsuit gnn embed --as-of 2025-12-31 --out taste.parquet")
def embed(
    as_of: AsOfOption,
    model: ModelOption = None,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar=BY_ENDING, callback=to_write_rows, help="Also write the embeddings here."
        ),
    ] = None,
) -> None:
    """Compute an embedding of each customer, product and store, and write it to the graph."""
    result, run_id = open_shop(store).embed(as_of, datetime.now(UTC), model=model, refresh=refresh)
    say(
        f"{len(result.id):>12,} embeddings of {result.vectors.shape[1]} numbers by {result.model}: "
        f"run {run_id}"
    )
    if result.unknown:
        say(f"{result.unknown:>12,} nodes have no embedding: they have no data that may be used")
    if out is not None:
        write_rows(result.table(), None, out)
