"""A folder of interactions as a split, and messages if it isn't valid."""

import gzip
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from support.folders import Pairs, write_folder, write_pairs

from followsuit.gnn.data.dataset import Dataset
from followsuit.gnn.data.interaction_folder import BadFolder, read_split

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


def test_one_long_id_does_not_make_all_of_them_long(tmp_path: Path) -> None:
    rows = [(f"u{n}", "a") for n in range(2_000)] + [("u" * 20_000, "a")]
    write_folder(tmp_path, rows, [("new", "a")])
    tracemalloc.start()
    try:
        split = read_split(tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(split.train.users) == 2_002
    assert peak < 2_001 * 20_000 / 2


def test_with_a_validation_file_train_is_as_given_and_both_are_masked(tmp_path: Path) -> None:
    split = read_split(write_folder(tmp_path, TRAIN, TEST, VALIDATION))
    assert cells(split.train, split.train.seen) == set(TRAIN)
    assert cells(split.train, split.validation) == set(VALIDATION)
    assert cells(split.train, split.test) == set(TEST)
    assert cells(split.train, split.known.seen) == set(TRAIN)
    assert cells(split.train, split.masked) == {*TRAIN, *VALIDATION}


def test_without_one_a_part_of_train_is_held_back_and_learned_from_at_last(tmp_path: Path) -> None:
    rows = [(u, i) for u in range(30) for i in range(10)]
    split = read_split(write_folder(tmp_path, rows, [(0, 10), (1, 3)]))
    assert split.validation.sum(axis=1).tolist() == [[1]] * 30
    assert not split.validation.multiply(split.train.seen).nnz
    assert split.known.seen.nnz == split.masked.nnz == 300
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
    assert np.unique(split.train.seen.data).tolist() == [1]


def test_quotes_and_spaces_are_a_part_of_ids(tmp_path: Path) -> None:
    rows = [('"x', "a b"), ("NA", "null"), ("y", "a b")]
    split = read_split(write_folder(tmp_path, rows, [("NA", "a b")], [("y", "null")]))
    assert cells(split.train, split.train.seen) == set(rows)


def test_no_folder_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match=r"nowhere isn't a folder. Name one with train"):
        read_split(tmp_path / "nowhere")
    with pytest.raises(BadFolder, match=r"train.tsv.gz is missing. The folder must have it"):
        read_split(tmp_path)
    write_pairs(tmp_path, "train", TRAIN)
    with pytest.raises(BadFolder, match=r"test.tsv.gz is missing"):
        read_split(tmp_path)


HEADER = "the first line must be the header `user<TAB>item`"
BROKEN = {
    "": f"test.tsv.gz is empty: {HEADER}.",
    "\nuser\titem\n2\ta\n": f"test.tsv.gz begins with an empty line: {HEADER}.",
    "user\titem\n": "test.tsv.gz has no rows",
    "user\titem\n\n\n": "test.tsv.gz has no rows",
    "person\titem\n1\t2\n": f"row 1: {HEADER}. It has 2 fields between tabs, and none is `user`.",
    "user,item\n1,2\n": f"row 1: {HEADER}. It has 1 field between tabs, and none is `user`.",
    "user\tthing\n1\t2\n": f"row 1: {HEADER}. It has 2 fields between tabs, and none is `item`.",
    "user\titem\titem\n2\ta\tb\n": "It has 3 fields between tabs, and more than one is `item`.",
    "user\titem\n2\ta\n\tb\n": "test.tsv.gz, row 3: `user` is empty. Give an id.",
    "user\titem\n2\ta\nann\n": "test.tsv.gz, row 3: `item` is empty. Give an id.",
    "user\titem\n2\t \n": "test.tsv.gz, row 2: `item` is empty. Give an id.",
    "user\titem\n2\ta\n\n\n\tb\n": "test.tsv.gz, row 5: `user` is empty. Give an id.",
    "user\titem\n2\ta\tx\n2\tb\tx\n": "row 2: it has more fields than the header has columns (2).",
    "user\titem\n2\ta\t\tx\n2\tb\n": "row 2: it has more fields than the header has columns (2).",
    "user\titem\n2\ta\n2\tb\tx\n": "row 3: it has more fields than the header has columns (2).",
    "user\titem\n2\ta\n\n2\tb\tx\ty\n": "row 4: it has more fields than the header has columns",
    "user\titem\n2\tx1\n": "None of the 1 items of ",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_wrong_in_a_file_is_named_with_its_row(text: str, tmp_path: Path) -> None:
    write_folder(tmp_path, TRAIN, TEST)
    (tmp_path / "test.tsv.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(BadFolder, match=re.escape(BROKEN[text])):
        read_split(tmp_path)


@pytest.mark.parametrize("text", ["Ann Example\ta\n2\tb\n", "user\titem\n2\ta\tAnn Example\n"])
def test_no_message_repeats_what_may_be_data(text: str, tmp_path: Path) -> None:
    write_folder(tmp_path, TRAIN, TEST)
    (tmp_path / "test.tsv.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(BadFolder) as refused:
        read_split(tmp_path)
    assert "Ann" not in str(refused.value)


def test_a_byte_order_mark_empty_lines_and_a_last_tab_are_no_error(tmp_path: Path) -> None:
    write_folder(tmp_path, TRAIN, TEST, VALIDATION)
    text = "\ufeffuser\titem\r\n2\tc\t\r\n\r\nnew\ta\r\n\r\n"
    (tmp_path / "test.tsv.gz").write_bytes(gzip.compress(text.encode()))
    split = read_split(tmp_path)
    assert cells(split.train, split.test) == set(TEST)


@pytest.mark.parametrize(("name", "second"), [("validation", "item"), ("friends", "friend")])
def test_a_file_without_rows_that_need_not_be_there_may_be_left_out(
    name: str, second: str, tmp_path: Path
) -> None:
    write_folder(tmp_path, TRAIN, TEST)
    (tmp_path / f"{name}.tsv.gz").write_bytes(gzip.compress(f"user\t{second}\n".encode()))
    with pytest.raises(BadFolder, match=r"has no rows\. Add some, or remove the file\.$"):
        read_split(tmp_path)


def test_a_folder_in_a_file_s_place_is_named(tmp_path: Path) -> None:
    write_pairs(tmp_path, "test", TEST)
    (tmp_path / "train.tsv.gz").mkdir()
    with pytest.raises(BadFolder, match=r"train.tsv.gz is a folder. It must be a file: gzipped"):
        read_split(tmp_path)


def broken_archive() -> bytes:
    packed = bytearray(gzip.compress(b"user\titem\n" + b"2\ta\n" * 1000, mtime=0))
    packed[20] ^= 255
    return bytes(packed)


@pytest.mark.parametrize(
    "content",
    [
        b"user\titem\n2\ta\n",
        broken_archive(),
        gzip.compress(b"user\titem\n2\ta\n", mtime=0)[:-12],
        gzip.compress(b"user\titem\n2\t\xff\n", mtime=0),
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
        ("validation", [("2", "i1")], "item", "1 items of .*validation.tsv.gz is in train.tsv.gz"),
        ("friends", [("u1", "2")], "friend", "1 users of .*friends.tsv.gz is in the other files"),
        ("friends", [("2", "u1"), ("2", "u2")], "friend", "2 friends of .*friends.tsv.gz is in"),
    ],
)
def test_ids_of_optional_files_must_be_those_of_train(
    name: str, rows: list[tuple[str, str]], second: str, said: str, tmp_path: Path
) -> None:
    write_folder(tmp_path, TRAIN, TEST)
    write_pairs(tmp_path, name, rows, second)
    with pytest.raises(BadFolder, match=f"None of the {said}"):
        read_split(tmp_path)


def test_a_folder_whose_ids_match_has_no_notes(tmp_path: Path) -> None:
    assert read_split(write_folder(tmp_path, TRAIN, TEST, VALIDATION, FRIENDS)).notes == ()


def test_a_test_of_new_users_alone_is_read_with_a_note(tmp_path: Path) -> None:
    test = [("n1", "a"), ("n2", "b")]
    friends = [("n1", "2"), ("n2", "ann")]
    split = read_split(write_folder(tmp_path, TRAIN, test, VALIDATION, friends))
    assert cells(split.train, split.test) == set(test)
    assert ("n1", "2") in ties(split.train)
    assert split.notes == (
        "None of the 2 users of test.tsv.gz can be found in train.tsv.gz: they are new, or the "
        "files use different ids.",
    )


def test_ids_of_which_few_are_known_are_noted(tmp_path: Path) -> None:
    test = [("2", "c"), *((f"u{n}", "a") for n in range(59))]
    friends = [("2", "10"), ("2", "f1"), ("2", "f2")]
    split = read_split(write_folder(tmp_path, TRAIN, test, VALIDATION, friends))
    assert [note.partition(":")[0] for note in split.notes] == [
        "1 of the 60 users of test.tsv.gz can be found in train.tsv.gz",
        "1 of the 3 friends of friends.tsv.gz can be found in the other files",
    ]


def test_if_nothing_can_be_held_back_a_note_says_so(tmp_path: Path) -> None:
    split = read_split(write_folder(tmp_path, [("1", "a"), ("2", "b")], [("1", "b")]))
    assert not split.validation.nnz
    (note,) = split.notes
    assert note.startswith("No part of train.tsv.gz was held back for validation")


def test_pairs_that_are_known_are_left_out(tmp_path: Path) -> None:
    validation = [*VALIDATION, ("2", "a")]
    test = [*TEST, ("2", "b"), ("007", "b"), ("007", "b")]
    split = read_split(write_folder(tmp_path, TRAIN, test, validation))
    assert cells(split.train, split.train.seen) == set(TRAIN)
    assert cells(split.train, split.validation) == set(VALIDATION)
    assert cells(split.train, split.test) == set(TEST)
    left = "They are left out, since seen items are never recommended."
    assert split.notes == (
        f"1 of the 2 pairs of validation.tsv.gz are in train.tsv.gz too. {left}",
        f"2 of the 4 pairs of test.tsv.gz are in train.tsv.gz or validation.tsv.gz too. {left}",
    )


def test_pairs_of_train_are_left_out_even_if_they_are_held_back(tmp_path: Path) -> None:
    rows = [(u, i) for u in range(30) for i in range(10)]
    split = read_split(write_folder(tmp_path, rows, [*rows[:200], (0, 10)]))
    assert cells(split.train, split.test) == {("0", "10")}
    assert not split.test.multiply(split.masked).nnz


@pytest.mark.parametrize(
    ("validation", "test", "said"),
    [
        (None, TRAIN[:2], "All pairs of .*test.tsv.gz are in train.tsv.gz too"),
        (TRAIN[:2], TEST, "All pairs of .*validation.tsv.gz are in train.tsv.gz too"),
        (TEST, TEST, "All pairs of .*test.tsv.gz are in train.tsv.gz or validation.tsv.gz too"),
    ],
)
def test_a_part_with_nothing_new_is_refused(
    validation: Pairs | None, test: Pairs, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadFolder, match=said):
        read_split(write_folder(tmp_path, TRAIN, test, validation))
