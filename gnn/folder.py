"""Read a folder of interactions: `train.tsv.gz`, `test.tsv.gz`, and what may lie beside them."""

import csv
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.gnn.dataset import HELD_BACK, Dataset, Split, hold_back, pairs
from followsuit.graph.errors import FollowsuitError


class BadFolder(FollowsuitError):
    """A folder that can't be read as a split; the message names the file and the row."""


def read_split(folder: Path, seed: int = 0) -> Split:
    """Read a split as given.

    Args:
        folder: `train.tsv.gz` and `test.tsv.gz` (columns `user`, `item`), optionally
            `validation.tsv.gz` (the same) and `friends.tsv.gz` (`user`, `friend`). Ids are text.
        seed: of the part of train that is held back where there is no validation file.

    Raises:
        BadFolder: a file is missing or unreadable, has no rows, lacks a column or an id, or its ids
            have nothing to do with the others'.
    """
    if not folder.is_dir():
        raise BadFolder(f"{folder} is no folder. Name one that holds train.tsv.gz and test.tsv.gz.")
    train, test = _read(folder, "train", "item"), _read(folder, "test", "item")
    validation = _read(folder, "validation", "item") if _has(folder, "validation") else None
    friends = _read(folder, "friends", "friend") if _has(folder, "friends") else None
    for column in ("user", "item"):
        _same_ids(folder, "test", column, test, train)
        if validation is not None:
            _same_ids(folder, "validation", column, validation, train)
    parts = [rows for rows in (train, validation, test) if rows is not None]
    everybody = [rows.user for rows in parts]
    if friends is not None:
        _same_ids(folder, "friends", "user", friends, train)
        everybody += [friends.user, friends.friend]
    users = _codes(everybody)
    items = _codes([rows["item"] for rows in parts])
    shape = (len(users), len(items))

    def cells(rows: pd.DataFrame) -> sparse.csr_matrix:
        return pairs(_place(rows.user, users), _place(rows["item"], items), shape)

    taken = cells(train)
    if validation is None:
        taken, held = hold_back(taken, HELD_BACK, seed)
    else:
        held = cells(validation)
    ties = pairs(*_ties(friends, users), (len(users), len(users)))
    known = Dataset(users.to_numpy(dtype=object), items.to_numpy(dtype=object), taken, ties)
    return Split(known, held, cells(test), refit_on_validation=validation is None)


def _has(folder: Path, name: str) -> bool:
    return (folder / f"{name}.tsv.gz").exists()


def _read(folder: Path, name: str, second: str) -> pd.DataFrame:
    """(rows) of two columns of text."""
    path = folder / f"{name}.tsv.gz"
    try:
        rows = pd.read_csv(
            path, sep="\t", dtype=str, keep_default_na=False, index_col=False,
            quoting=csv.QUOTE_NONE,
        )  # fmt: skip
    except FileNotFoundError:
        raise BadFolder(f"{path} is missing. The folder must hold it.") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadFolder(
            f"{path} can't be read as gzipped, tab-separated text ({type(error).__name__}). Write "
            "it anew."
        ) from error
    for column in ("user", second):
        if column not in rows.columns:
            raise BadFolder(
                f"{path} has the columns {', '.join(map(repr, rows.columns))}: it needs `user` and "
                f"`{second}`."
            )
        empty = np.flatnonzero(rows[column].str.strip() == "")
        if len(empty):
            raise BadFolder(f"{path}, row {empty[0] + 2}: `{column}` is empty. Name an id.")
    if not len(rows):
        raise BadFolder(f"{path} has no rows. It must hold some.")
    found: pd.DataFrame = rows[["user", second]]
    return found


def _same_ids(
    folder: Path, name: str, column: str, rows: pd.DataFrame, train: pd.DataFrame
) -> None:
    """Some may be new, not all."""
    if not rows[column].isin(train[column]).any():
        raise BadFolder(
            f"None of the {rows[column].nunique()} {column}s of {folder / name}.tsv.gz is in "
            "train.tsv.gz: the files must name them alike."
        )


def _codes(parts: list[pd.Series]) -> pd.Index:
    """All ids, numbers in their order and then text."""
    ids = pd.Index(pd.concat(parts).unique())
    number = pd.to_numeric(pd.Series(ids), errors="coerce").to_numpy(dtype=float)
    found: pd.Index = ids[np.lexsort((ids.to_numpy(dtype=str), number))]
    return found


def _place(ids: pd.Series, codes: pd.Index) -> np.ndarray:
    return codes.get_indexer(pd.Index(ids))


def _ties(friends: pd.DataFrame | None, users: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns: a friendship is read both ways; nobody befriends himself."""
    if friends is None:
        nobody = np.empty(0, dtype=np.int64)
        return nobody, nobody
    a, b = _place(friends.user, users), _place(friends.friend, users)
    loop = a == b
    a, b = a[~loop], b[~loop]
    return np.concatenate([a, b]), np.concatenate([b, a])
