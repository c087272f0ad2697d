"""Reads a folder of interactions: `train.tsv.gz`, `test.tsv.gz` and optional files."""

import csv
import gzip
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from followsuit.core.errors import FollowsuitError
from followsuit.gnn.data.dataset import HELD_BACK, Dataset, Split, binary, hold_back, pairs

_OPTIONAL = ("validation", "friends")
FEW = 0.5
"""A note warns if less than this share of a file's ids is in the other files."""


class BadFolder(FollowsuitError):
    """A folder can't be read as a split; the message names the file and the row."""


def read_split(folder: Path, seed: int = 0) -> Split:
    """Read a split; its notes describe oddities of the files.

    Validation pairs that are in train, and test pairs that are in train or validation, are left
    out, since seen items are never recommended.

    Args:
        folder: folder with `train.tsv.gz` and `test.tsv.gz` (columns `user`, `item`), optionally
            `validation.tsv.gz` (the same columns) and `friends.tsv.gz` (`user`, `friend`). Ids are
            text. All users of test and validation may be new, but not all items.
        seed: random seed of the part of train that is held back if there is no validation file.

    Raises:
        BadFolder: a file is missing or unreadable, has no rows, lacks a column or an id, has no id
            in common with the others, or has only pairs that are in them.
    """
    if not folder.is_dir():
        raise BadFolder(f"{folder} isn't a folder. Name one with train.tsv.gz and test.tsv.gz.")
    train, test = _read(folder, "train", "item"), _read(folder, "test", "item")
    validation = _read(folder, "validation", "item") if _has(folder, "validation") else None
    friends = _read(folder, "friends", "friend") if _has(folder, "friends") else None
    notes: list[str] = []
    parts = [rows for rows in (train, validation, test) if rows is not None]
    everybody = [rows.user for rows in parts]
    for name, rows in (("validation", validation), ("test", test)):
        if rows is not None:
            _match(folder, name, rows, "train.tsv.gz", train, notes)
    if friends is not None:
        acting = pd.concat(everybody)
        known = pd.DataFrame({"user": acting, "friend": acting})
        _match(folder, "friends", friends, "the other files", known, notes)
        everybody += [friends.user, friends.friend]
    users = _codes(everybody)
    items = _codes([rows["item"] for rows in parts])
    shape = (len(users), len(items))

    def cells(rows: pd.DataFrame) -> sparse.csr_matrix:
        return pairs(_place(rows.user, users), _place(rows["item"], items), shape)

    taken = cells(train)
    if validation is None:
        wanted = _unknown(folder, "test", cells(test), "train.tsv.gz", taken, notes)
        taken, held = hold_back(taken, HELD_BACK, seed)
        if not held.nnz:
            notes.append(
                "No part of train.tsv.gz was held back for validation, since its users have too "
                "few items. Add a validation.tsv.gz."
            )
    else:
        held = _unknown(folder, "validation", cells(validation), "train.tsv.gz", taken, notes)
        before = "train.tsv.gz or validation.tsv.gz"
        wanted = _unknown(folder, "test", cells(test), before, taken + held, notes)
    friendships = pairs(*_friendships(friends, users), (len(users), len(users)))
    data = Dataset(users.to_numpy(dtype=object), items.to_numpy(dtype=object), taken, friendships)
    return Split(data, held, wanted, refit_on_validation=validation is None, notes=tuple(notes))


def _has(folder: Path, name: str) -> bool:
    return (folder / f"{name}.tsv.gz").exists()


def _read(folder: Path, name: str, second: str) -> pd.DataFrame:
    """The text columns `user` and `second`; the index is the row in the file."""
    path = folder / f"{name}.tsv.gz"
    if path.is_dir():
        raise BadFolder(f"{path} is a folder. It must be a file: gzipped, tab-separated text.")
    try:
        columns = _header(path, second)
        rows = _rows(path, len(columns))
    except FileNotFoundError:
        raise BadFolder(f"{path} is missing. The folder must have it.") from None
    except (gzip.BadGzipFile, EOFError, ValueError, zlib.error) as error:
        raise BadFolder(
            f"{path} can't be read as gzipped, tab-separated text in UTF-8 "
            f"({type(error).__name__}). Write it again."
        ) from error
    except OSError as error:
        raise BadFolder(f"{path} can't be read: {error.strerror}.") from error
    if not len(rows):
        otherwise = ", or remove the file" if name in _OPTIONAL else ""
        raise BadFolder(f"{path} has no rows. Add some{otherwise}.")
    ids = pd.DataFrame({column: rows[columns.index(column)] for column in ("user", second)})
    for column in ids:
        empty = ids.index[ids[column].str.strip() == ""]
        if len(empty):
            raise BadFolder(f"{path}, row {empty[0]}: `{column}` is empty. Give an id.")
    return ids


def _header(path: Path, second: str) -> list[str]:
    """The names of the columns. Messages don't quote them, since they may be personal data."""
    with gzip.open(path, "rt", encoding="utf-8-sig") as file:
        line = file.readline()
    needed = f"the first line must be the header `user<TAB>{second}`"
    if not line.strip():
        raise BadFolder(f"{path} {'begins with an empty line' if line else 'is empty'}: {needed}.")
    columns = line.rstrip("\n").split("\t")
    for column in ("user", second):
        if columns.count(column) != 1:
            raise BadFolder(
                f"{path}, row 1: {needed}. It has {len(columns)} field"
                f"{'' if len(columns) == 1 else 's'} between tabs, and "
                f"{'more than one' if column in columns else 'none'} is `{column}`."
            )
    return columns


def _rows(path: Path, columns: int) -> pd.DataFrame:
    """(rows, columns + 1) text after the header, without empty lines; the last column is empty."""
    try:
        rows = pd.read_csv(
            path,
            sep="\t",
            dtype=str,
            keep_default_na=False,
            index_col=False,
            header=None,
            names=range(columns + 1),
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,
        )
    except pd.errors.ParserError as error:
        if place := re.search(r"in line (\d+), saw", str(error)):
            raise _too_wide(path, int(place[1]), columns) from None
        raise
    rows.index += 1
    wide = rows.index[rows[columns] != ""]
    if len(wide):
        raise _too_wide(path, wide[0], columns)
    filled: pd.DataFrame = rows[(rows != "").any(axis=1)].iloc[1:]
    return filled


def _too_wide(path: Path, row: int, columns: int) -> BadFolder:
    return BadFolder(
        f"{path}, row {row}: it has more fields than the header has columns ({columns}). Remove "
        "the extra fields; an id can't contain a tab."
    )


def _match(
    folder: Path,
    name: str,
    rows: pd.DataFrame,
    others: str,
    known: pd.DataFrame,
    notes: list[str],
) -> None:
    """Add a note if few ids of a column are known. All users may be new, but nothing else."""
    for column in rows:
        ids = rows[column].drop_duplicates()
        matching = int(ids.isin(known[column]).sum())
        if not matching and (column != "user" or name == "friends"):
            raise BadFolder(
                f"None of the {len(ids):,} {column}s of {folder / name}.tsv.gz is in {others}. Use "
                "the same ids in all files."
            )
        if matching < len(ids) * FEW:
            count, rest = (f"{matching:,}", "the rest") if matching else ("None", "they")
            notes.append(
                f"{count} of the {len(ids):,} {column}s of {name}.tsv.gz can be found in {others}: "
                f"{rest} are new, or the files use different ids."
            )


def _unknown(
    folder: Path,
    name: str,
    wanted: sparse.csr_matrix,
    others: str,
    known: sparse.csr_matrix,
    notes: list[str],
) -> sparse.csr_matrix:
    """The pairs of `wanted` that aren't in `known`; add a note if some are."""
    both = wanted.multiply(known > 0)
    if both.nnz == wanted.nnz:
        raise BadFolder(
            f"All pairs of {folder / name}.tsv.gz are in {others} too, and seen items are never "
            "recommended. Put other items into it."
        )
    if both.nnz:
        notes.append(
            f"{both.nnz:,} of the {wanted.nnz:,} pairs of {name}.tsv.gz are in {others} too. They "
            "are left out, since seen items are never recommended."
        )
    return binary(wanted - both)


def _codes(parts: list[pd.Series]) -> pd.Index:
    """All ids: numbers in numeric order, then text."""
    ids = pd.Index(pd.concat(parts).unique()).sort_values()
    number = pd.to_numeric(pd.Series(ids), errors="coerce").to_numpy(dtype=float)
    ordered: pd.Index = ids[np.argsort(number, kind="stable")]
    return ordered


def _place(ids: pd.Series, codes: pd.Index) -> np.ndarray:
    return codes.get_indexer(pd.Index(ids))


def _friendships(friends: pd.DataFrame | None, users: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of both directions of each friendship, without loops."""
    if friends is None:
        nobody = np.empty(0, dtype=np.int64)
        return nobody, nobody
    a, b = _place(friends.user, users), _place(friends.friend, users)
    loop = a == b
    a, b = a[~loop], b[~loop]
    return np.concatenate([a, b]), np.concatenate([b, a])
