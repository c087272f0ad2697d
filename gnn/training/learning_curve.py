"""The learning curve of a training, and its picture: loss and NDCG@20 by epoch."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Curve:
    """The learning curve, an entry for each epoch; `ndcg` is empty without validation.

    Attributes:
        loss: mean over the examples.
        ndcg: NDCG@20 of the watched users.
        best: the epochs (from 1) after which the network was kept; 0 for the start.
    """

    loss: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    best: int = 0


def picture(curve: Curve, path: Path, title: str = "") -> None:
    """Draw the learning curve into a file (PNG or SVG, by the name's ending).

    Loss falls on the left axis; NDCG@20, where it was watched, rises on the right one; the epoch
    that was kept is marked.
    """
    # Slow to import, and needed only here.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4), layout="constrained")
    left = figure.subplots()
    epochs = range(1, len(curve.loss) + 1)
    left.plot(epochs, curve.loss, color="tab:blue", marker=".", label="loss")
    left.set_xlabel("epoch")
    left.set_ylabel("loss", color="tab:blue")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    if curve.ndcg:
        right = left.twinx()
        right.plot(epochs, curve.ndcg, color="tab:orange", marker=".", label="NDCG@20")
        right.set_ylabel("NDCG@20 on validation", color="tab:orange")
    if curve.ndcg and curve.best:
        left.axvline(curve.best, color="grey", linestyle=":")
        left.text(
            curve.best, 0.98, " kept", color="grey", va="top", transform=left.get_xaxis_transform()
        )
    left.set_title(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without a date or a random id the same curve gives the same bytes.
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
