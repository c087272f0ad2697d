"""A training in a process of its own, which may be killed or be one of several.

    python trained.py FOLDER EPOCHS [CHECKPOINT]

prints a line when an epoch begins, and leaves the curve and the vectors in the folder.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from followsuit.gnn.models.social import Social
from followsuit.gnn.training.distributed import rank
from followsuit.testing.tastes import planted


@contextmanager
def spoken(name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    sys.stdout.write(name + "\n")
    sys.stdout.flush()
    yield lambda _units: None


if __name__ == "__main__":
    folder, epochs = Path(sys.argv[1]), int(sys.argv[2])
    checkpoint = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    model = Social(width=8, batch=40, epochs=epochs, rate=0.01)
    model.train(planted(), seed=3, progress=spoken, checkpoint=checkpoint)
    if rank() == 0:
        model.save(folder)
        (folder / "curve.json").write_text(json.dumps(vars(model.curve)))
