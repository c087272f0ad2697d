"""`gnn`: taste, learned by graph neural networks, in the graph."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from followsuit.cli.app import RefreshOption, StoreOption, app, open_shop, to_write
from followsuit.cli.screen import say

gnn_app = typer.Typer(help="Learn taste from who took what and who knows whom, and judge it.")
app.add_typer(gnn_app, name="gnn")

AsOfOption = Annotated[
    str, typer.Option("--as-of", metavar="DATE", help="Nothing later is seen; 00:00 UTC.")
]


@gnn_app.command(epilog="Example: followsuit gnn embed --as-of 2025-12-31 --out taste.parquet")
def embed(
    as_of: AsOfOption,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="lightgcn, social or hetero.  [default: social where "
                     "there are friendships, else lightgcn]", show_default=False),
    ] = None,
    refresh: RefreshOption = False,
    store: StoreOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet", callback=to_write, help="Write them here too."),
    ] = None,
) -> None:  # fmt: skip
    """Learn an embedding of each customer, product and store, and write it to the graph."""
    import pyarrow.parquet as pq

    found, run_id = open_shop(store).embed(as_of, datetime.now(UTC), model=model, refresh=refresh)
    say(
        f"{len(found.id):>12,} embeddings of {found.vectors.shape[1]} numbers by {found.model}: "
        f"run {run_id}"
    )
    if found.unknown:
        say(f"{found.unknown:>12,} nodes have none: nothing is known of them")
    if out is not None:
        pq.write_table(found.table(), out)
