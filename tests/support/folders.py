"""Folders of interactions, as `gnn evaluate FOLDER` reads them."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import sparse

from followsuit.gnn.data.dataset import Dataset, Split, hold_back
from followsuit.testing.tastes import planted

Pairs = Sequence[tuple[object, object]]


def write_pairs(folder: Path, name: str, rows: Pairs, second: str = "item") -> None:
    """Write `NAME.tsv.gz` with the columns `user` and `second`."""
    text = "".join(f"{a}\t{b}\n" for a, b in [("user", second), *rows])
    folder.mkdir(exist_ok=True)
    # Without a time in it the same rows are the same bytes.
    (folder / f"{name}.tsv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def write_folder(
    folder: Path,
    train: Pairs,
    test: Pairs,
    validation: Pairs | None = None,
    friends: Pairs | None = None,
) -> Path:
    """Write a folder of interactions; returns it."""
    write_pairs(folder, "train", train)
    write_pairs(folder, "test", test)
    if validation is not None:
        write_pairs(folder, "validation", validation)
    if friends is not None:
        write_pairs(folder, "friends", friends, "friend")
    return folder


def planted_split(data: Dataset | None = None, seed: int = 0) -> Split:
    """A split of planted tastes: a quarter to test on, and a part of the rest for validation."""
    data = planted(seed=seed) if data is None else data
    users, items = (np.array([str(i) for i in ids], object) for ids in (data.users, data.items))
    data = replace(data, users=users, items=items)
    known, test = hold_back(data.seen, 0.25, seed)
    train, validation = hold_back(known, 0.2, seed + 1)
    return Split(data.with_seen(train), validation, test, refit_on_validation=True)


def write_split(folder: Path, split: Split) -> Path:
    """The split as a folder: train and validation together, test, friends."""

    def rows(matrix: sparse.csr_matrix, columns: np.ndarray) -> Pairs:
        row, column = matrix.nonzero()
        return list(zip(split.train.users[row], columns[column], strict=True))

    items, users = split.train.items, split.train.users
    return write_folder(
        folder,
        rows(split.known.seen, items),
        rows(split.test, items),
        friends=rows(split.train.friends, users),
    )
