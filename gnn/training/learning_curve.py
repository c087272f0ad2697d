"""The learning curve of a training, and its plot: loss and NDCG@20 by epoch."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Curve:
    """The learning curve.

    Attributes:
        loss: mean loss over the examples, by epoch.
        ndcg: NDCG@20 on validation, by epoch; empty without validation.
        best: number of the best epoch, from 1; 0 for the initial network.
    """

    loss: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    best: int = 0


def picture(curve: Curve, path: Path, title: str = "") -> None:
    """Plot the learning curve, with the best epoch marked.

    Args:
        curve: the learning curve.
        path: path of the picture; PNG or SVG by the extension.
        title: title of the plot.
    """
    # Imported here, since the import is slow.
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
    # Without a date, the same curve gives the same bytes.
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
