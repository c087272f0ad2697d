"""A folder of interactions as a split, and what is said where it is none."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from support.folders import write_folder, write_pairs

from followsuit.gnn.dataset import Dataset
from followsuit.gnn.folder import BadFolder, read_split

TRAIN = [("10", "b"), ("2", "a"), ("2", "b"), ("007", "a"), ("ann", "a"), ("ann", "c")]
TEST = [("2", "c"), ("new", "a")]
VALIDATION = [("007", "b")]
FRIENDS = [("2", "10"), ("10", "2"), ("ann", "far"), ("2", "2")]


def cells(data: Dataset, matrix: sparse.csr_matrix) -> set[tuple[str, str]]:
    return {(data.users[u], data.items[i]) for u, i in zip(*matrix.nonzero(), strict=True)}


def ties(data: Dataset) -> set[tuple[str, str]]:
    return {(data.users[u], data.users[f]) for u, f in zip(*data.friends.nonzero(), strict=True)}


def test_ids_are_text_numbers_in_their_order_and_then_words(tmp_path: Path) -> None:
    split = read_split(write_folder(tmp_path, TRAIN, TEST, VALIDATION, FRIENDS))
    assert split.train.users.tolist() == ["2", "007", "10", "ann", "far", "new"]
    assert split.train.items.tolist() == ["a", "b", "c"]


def test_with_a_validation_file_train_is_as_given_and_both_are_masked(tmp_path: Path) -> None:
    split = read_split(write_folder(tmp_path, TRAIN, TEST, VALIDATION))
    assert cells(split.train, split.train.taken) == set(TRAIN)
    assert cells(split.train, split.validation) == set(VALIDATION)
    assert cells(split.train, split.test) == set(TEST)
    assert cells(split.train, split.known.taken) == set(TRAIN)
    assert cells(split.train, split.masked) == {*TRAIN, *VALIDATION}


def test_without_one_a_part_of_train_is_held_back_and_learned_from_at_last(tmp_path: Path) -> None:
    rows = [(u, i) for u in range(30) for i in range(10)]
    split = read_split(write_folder(tmp_path, rows, [(0, 10), (1, 3)]))
    assert split.validation.sum(axis=1).tolist() == [[1]] * 30
    assert not split.validation.multiply(split.train.taken).nnz
    assert split.known.taken.nnz == split.masked.nnz == 300
    again = read_split(tmp_path)
    assert (again.validation != split.validation).nnz == 0
    assert (read_split(tmp_path, seed=1).validation != split.validation).nnz > 0


def test_friends_are_read_both_ways_and_nobody_is_his_own(tmp_path: Path) -> None:
    split = read_split(write_folder(tmp_path, TRAIN, TEST, friends=FRIENDS))
    assert ties(split.train) == {("2", "10"), ("10", "2"), ("ann", "far"), ("far", "ann")}
    write_folder(tmp_path / "alone", TRAIN, TEST)
    assert read_split(tmp_path / "alone").train.friends.nnz == 0


def test_rows_that_say_the_same_count_once_and_further_columns_are_left(tmp_path: Path) -> None:
    write_folder(tmp_path, [*TRAIN, *TRAIN], TEST, VALIDATION)
    text = "weight\titem\tuser\n" + "".join(f"1\t{i}\t{u}\n" for u, i in TEST)
    (tmp_path / "test.tsv.gz").write_bytes(gzip.compress(text.encode()))
    split = read_split(tmp_path)
    assert cells(split.train, split.test) == set(TEST)
    assert np.unique(split.train.taken.data).tolist() == [1]


def test_quotes_and_spaces_are_a_part_of_ids(tmp_path: Path) -> None:
    rows = [('"x', "a b"), ("NA", "null"), ("y", "a b")]
    split = read_split(write_folder(tmp_path, rows, [("NA", "a b")], [("y", "null")]))
    assert cells(split.train, split.train.taken) == set(rows)


def test_no_folder_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match=r"nowhere is no folder. Name one that holds train"):
        read_split(tmp_path / "nowhere")
    with pytest.raises(BadFolder, match=r"train.tsv.gz is missing. The folder must hold it"):
        read_split(tmp_path)
    write_pairs(tmp_path, "train", TRAIN)
    with pytest.raises(BadFolder, match=r"test.tsv.gz is missing"):
        read_split(tmp_path)


BROKEN = {
    "": "no rows|can't be read",
    "user\titem\n": "test.tsv.gz has no rows",
    "person\titem\n1\t2\n": r"has the columns 'person', 'item': it needs `user` and `item`",
    "user,item\n1,2\n": r"has the columns 'user,item': it needs `user` and `item`",
    "user\titem\n2\ta\n\tb\n": "test.tsv.gz, row 3: `user` is empty. Name an id.",
    "user\titem\n2\ta\nann\n": "test.tsv.gz, row 3: `item` is empty. Name an id.",
    "user\titem\n2\t \n": "test.tsv.gz, row 2: `item` is empty. Name an id.",
    "user\titem\nu2\ta\nu3\ta\n": r"None of the 2 users of .*test.tsv.gz is in train.tsv.gz",
    "user\titem\n2\tx1\n": r"None of the 1 items of .*test.tsv.gz is in train.tsv.gz: the files",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_wrong_in_a_file_is_named_with_its_row(text: str, tmp_path: Path) -> None:
    write_folder(tmp_path, TRAIN, TEST)
    (tmp_path / "test.tsv.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(BadFolder, match=BROKEN[text]):
        read_split(tmp_path)


def broken_archive() -> bytes:
    packed = bytearray(gzip.compress(b"user\titem\n" + b"2\ta\n" * 1000))
    packed[20] ^= 255
    return bytes(packed)


@pytest.mark.parametrize(
    "content",
    [
        b"user\titem\n2\ta\n",
        broken_archive(),
        gzip.compress(b"user\titem\n2\ta\n")[:-12],
        gzip.compress(b"user\titem\n2\t\xff\n"),
        gzip.compress(b"user\titem\n2\ta\n2\ta\tb\tc\n"),
    ],
)
def test_a_file_that_is_no_gzipped_table_is_named(content: bytes, tmp_path: Path) -> None:
    write_folder(tmp_path, TRAIN, TEST)
    (tmp_path / "test.tsv.gz").write_bytes(content)
    with pytest.raises(BadFolder, match=r"test.tsv.gz can't be read as gzipped, tab-separated"):
        read_split(tmp_path)


@pytest.mark.parametrize(
    ("name", "rows", "second", "said"),
    [
        ("validation", [("u1", "a")], "item", "1 users of .*validation"),
        ("validation", [("2", "i1")], "item", "1 items of .*validation"),
        ("friends", [("u1", "u2")], "friend", "1 users of .*friends"),
    ],
)
def test_ids_of_optional_files_must_be_those_of_train(
    name: str, rows: list[tuple[str, str]], second: str, said: str, tmp_path: Path
) -> None:
    write_folder(tmp_path, TRAIN, TEST)
    write_pairs(tmp_path, name, rows, second)
    with pytest.raises(BadFolder, match=said):
        read_split(tmp_path)
