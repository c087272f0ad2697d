"""Whatever a person gets wrong is one line that says what to do, and exit code 2."""

import itertools
import os
import re
from pathlib import Path

import pytest
from support.cli_shop import AS_OF, Shop
from support.commands import Outcome, run_each

GONE = "There is no folder nowhere to write "


def check(done: Outcome, said: str) -> None:
    assert done.code == 2, done
    assert done.out == ""
    *steps, line = done.said.splitlines()
    assert line.startswith("followsuit: ")
    assert said in line
    # A slow machine says how long its steps took.
    assert all(re.fullmatch(r"[\w ()-]+: \d+ s", step) for step in steps), done.said


SCORE = ("score", "--as-of", AS_OF)
BACKTEST = ("backtest", "--from", "2025-04-01", "--to", "2025-05-01")

MISTAKES: dict[tuple[str, ...], str] = {
    # Names.
    ("sccore",): "No such command 'sccore'",
    ("score", "--as_of", AS_OF): "No such option: --as_of",
    ("score",): "Missing option '--as-of'. See ",
    ("query", "cuonts"): "There is no query cuonts. Did you mean counts?",
    ("query", "xyz"): "There is no query xyz; there are bought-after-a-friend, ",
    ("why", "nobody", "p0001"): "There is no customer nobody.",
    ("why", "c0001", "nothing"): "There is no product, store or offer nothing.",
    ("why-not", "nobody", "nothing"): "There is no customer nobody.",
    ("why", "c0001"): "Missing argument",
    ("runs",): "Missing command. See ",
    ("runs", "use", "never"): "There is no run never; there are 2025-05-20-",
    ("runs", "prune", "--keep", "0"): "Invalid value for '--keep'",
    # Dates and lengths.
    ("score", "--as-of", "tomorrow"): "'tomorrow' isn't a valid date. Write 2025-12-31.",
    ("score", "--as-of", "2025-02-30"): "'2025-02-30' isn't a valid date.",
    ("score", "--as-of", ""): "'' isn't a valid date.",
    ("score", "--as-of", "0001-01-01"): "Give a date from the years 1900 to 2100.",
    (*SCORE, "--window", "14"): "'14' isn't a valid length of time. Write 14d, 2w or 36h.",
    (*SCORE, "--window", "-1d"): "'-1d' isn't a valid length of time.",
    (*SCORE, "--window", "0d"): "0d is out of range. Give a length from an hour to",
    (*SCORE, "--window", "9999999w"): "9999999w is out of range. Give a length",
    (*SCORE, "--top", "0"): "Invalid value for '--top'",
    (*SCORE, "--top", "-5"): "Invalid value for '--top'",
    (*SCORE, "--top", "few"): "Invalid value for '--top'",
    (*SCORE, "--max-age", "7"): "'7' isn't a valid length of time.",
    (*SCORE, "--min-share", "1.5"): "--min-share 1.5 isn't valid. Give a share from 0 to 1.",
    (*SCORE, "--min-share", "nan"): "--min-share nan isn't valid.",
    (*SCORE, "--out", "o.xls"): "o.xls doesn't end in .parquet, .csv, .json or .xlsx.",
    ("doctor", "--max-age", "soon"): "'soon' isn't a valid length of time.",
    (*SCORE, "--seed", "-1"): "Invalid value for '--seed'",
    ("backtest", "--from", "2025-05-01", "--to", "2025-04-01"): "Choose an earlier --from.",
    ("backtest", "--from", "x", "--to", "2025-04-01"): "'x' isn't a valid date.",
    ("backtest", "--from", "2019-01-01", "--to", "2019-06-01"): "Choose another --from and --to.",
    ("backtest", "--from", "2030-01-01", "--to", "2031-01-01"): "Choose an earlier --from.",
    (*BACKTEST, "--every", "0d"): "0d is out of range",
    (*BACKTEST, "--horizon", "soon"): "'soon' isn't a valid length of time.",
    # Files.
    (*SCORE, "--customers", "nowhere.csv"): "nowhere.csv can't be read.",
    (*SCORE, "--customers", "."): "can't be read. Name a file of customer ids.",
    (*SCORE, "--customers", "binary"): "binary can't be read.",
    (*SCORE, "--customers", "empty"): "The file must hold their ids",
    (*SCORE, "--customers", "strangers"): "None of the 2 customers to score is in the store",
    (*SCORE, "--out", "nowhere/o.parquet"): GONE + "o.parquet into. Make it.",
    (*SCORE, "--out", "delivery"): "delivery is a folder. Name a file to write to.",
    (*SCORE, "--json", "nowhere/s.json"): GONE,
    (*SCORE, "--json", "."): ". is a folder.",
    (*BACKTEST, "--out", "binary/o.parquet"): "There is no folder binary",
    (*BACKTEST, "--json", "nowhere/b.json"): GONE,
    ("query", "counts", "--out", "nowhere/o.csv"): GONE,
    ("query", "counts", "--out", "delivery"): "delivery is a folder.",
    ("cypher", "RETURN 1 AS x", "--out", "nowhere/o.csv"): GONE,
    ("load", "delivery", "--json", "nowhere/l.json"): GONE,
    ("load", "nowhere"): "There is no folder ",
    ("load", "binary"): "followsuit: ",
    ("load", "truth"): "followsuit: ",
    ("load", "delivery", "--mapping", "nowhere.toml"): "There is no mapping nowhere.toml",
    ("load", "delivery", "--mapping", "binary"): "followsuit: ",
    ("load", "delivery", "--replace", "customer"): "--replace customer: ",
    ("load", "nothing://x"): "followsuit: ",
    ("simulate", "binary"): "is a file",
    ("simulate", "binary/d", "--customers", "9", "--friendships", "1"): "binary/d can't be used",
    ("simulate", "d", "--truth", "binary"): "is a file",
    ("simulate", "d", "--truth", "d"): "followsuit: ",
    ("simulate", "d", "--format", "xml"): "file_format is 'xml'; choose one of csv, parquet.",
    ("simulate", "d", "--customers", "0"): "customers is 0; ",
    ("simulate", "d", "--customers", "3", "--friendships", "9"): "friendships is 9, but ",
    ("simulate", "d", "--days", "0"): "days is 0; ",
    ("simulate", "d", "--dirt", "1.5"): "dirt is 1.5; ",
    ("simulate", "d", "--influence", "nan"): "influence is nan; ",
    ("simulate", "d", "--homophily", "much"): "Invalid value for '--homophily'",
    ("demo", "--folder", "binary"): "is a file",
    ("demo", "--customers", "5"): "Invalid value for '--customers'",
    # Stores.
    ("query", "counts", "--store", "nowhere.lbug"): "There is no store at ",
    ("query", "counts", "--store", "binary"): "can't be opened as a LadybugDB file",
    ("query", "counts", "--store", "delivery"): "There is no store at ",
    ("query", "counts", "--store", ""): "The setting store isn't valid",
    ("query", "counts", "--store", "http://localhost"): "http:// isn't a store.",
    ("query", "counts", "--store", "bolt://127.0.0.1:1"): "does not answer.",
    ("query", "counts", "--store", "bolt://me:s3cret@127.0.0.1:1"): "NEO4J_PASSWORD",
    ("runs", "list", "--store", "nowhere.lbug"): "There is no store at ",
    ("why", "c0001", "p0001", "--store", "nowhere.lbug"): "There is no store at ",
    (*SCORE, "--store", "nowhere.lbug"): "There is no store at ",
    (*BACKTEST, "--store", "nowhere.lbug"): "There is no store at ",
    # Parameters.
    (
        "query",
        "top-customers",
        "--param",
        "limit=abc",
    ): "The parameter limit is 'abc', which isn't a valid",
    ("query", "top-customers", "--param", "limit=-1"): "The parameter limit is -1. Write 0 or more",
    ("query", "top-customers", "--param", "limit=1e9"): "which isn't a valid integer.",
    ("query", "top-customers", "--param", f"limit={2**64}"): "The parameter limit is ",
    ("query", "top-customers", "--param", "limit"): "Invalid value for --param: 'limit' isn't KEY",
    ("query", "top-customers", "--param", "=4"): "'=4' isn't KEY=VALUE",
    ("query", "top-customers", "--param", "top=4"): "top-customers has no parameter top; it has ",
    (
        "query",
        "top-customers",
        "--param",
        "since=x",
    ): "The parameter since is 'x', which isn't a valid time",
    ("query", "two-hop-reach"): "two-hop-reach needs customer_id (the customer)",
    ("query", "counts", "--format", "xml"): "Invalid value for '--format'",
    ("cypher", "RETURN $x AS x"): "The query needs a value for $x",
    ("cypher", "RETURN $x AS x", "--param", "x:int=1"): "int isn't a parameter type; the types are",
    ("cypher", "RETURN $x AS x", "--param", "x:integer=1.5"): "which isn't a valid integer.",
    ("cypher", "RETURN $x AS x", "--param", f"x={10**30}"): "The parameter x is 1000",
    ("cypher", "RETURN $x AS x", "--param", 'x=[1, "a"]'): "The parameter x is [1, 'a']",
    ("cypher", "RETURN $x AS x", "--param", 'x={"a": [{}]}'): "The parameter x is ",
    ("cypher", ""): "A query must begin with",
    ("cypher", "RETURN nothing"): "The query was refused: ",
    ("cypher", "RETURN 1 AS x; RETURN 2 AS y"): "Only one query can run at a time",
    ("cypher", "CREATE (:Customer {customer_id: 'x'})"): "A query must begin with",
}


def test_every_mistake_is_one_line(shop: Shop, tmp_path: Path) -> None:
    # In a folder of its own, where what is named by mistake is, or is not.
    for name in ("delivery", "truth", "followsuit.lbug", "followsuit.lbug.state"):
        (tmp_path / name).symlink_to(shop.folder / name)
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe" * 100)
    (tmp_path / "empty").write_text("")
    (tmp_path / "strangers").write_text("customer_id\nx\ny\n")
    # A lock is held beside whatever is opened as a store.
    before = sorted([*tmp_path.iterdir(), tmp_path / "binary.state"])
    for mistake, done in zip(MISTAKES, run_each(list(MISTAKES), tmp_path), strict=True):
        try:
            check(done, MISTAKES[mistake])
        except AssertionError as error:
            raise AssertionError(f"{' '.join(mistake)}: {error}") from error
        assert "s3cret" not in done.said
    assert sorted(tmp_path.iterdir()) == before, "a mistake leaves nothing behind"


def test_mistakes_in_settings_are_one_line(tmp_path: Path) -> None:
    texts = {
        "store = 5": "The setting store isn't valid",
        "stroe = 'x'": "There is no setting stroe",
        "store =": "followsuit.toml isn't valid TOML",
        "neo4j_password = 's3cret'": "followsuit.toml holds a password.",
    }
    for text, said in texts.items():
        (tmp_path / "followsuit.toml").write_text(text)
        for done in run_each([["query", "counts"], ["doctor"], ["load", "x"]], tmp_path):
            check(done, said)
            assert "s3cret" not in done.said


def test_settings_come_from_the_file_then_the_environment_then_options(
    shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "followsuit.toml").write_text('store = "filed.lbug"\n')
    for environment, options, named in [
        ({}, [], "filed.lbug"),
        ({"FOLLOWSUIT_STORE": "set.lbug"}, [], "set.lbug"),
        ({"FOLLOWSUIT_STORE": "set.lbug"}, ["--store", "said.lbug"], "said.lbug"),
    ]:
        done = run_each([["query", "counts", *options]], tmp_path, environment)[0]
        check(done, f"There is no store at {tmp_path / named}.")
    good = {"FOLLOWSUIT_STORE": str(shop.folder / "followsuit.lbug")}
    done = run_each([["query", "counts"]], tmp_path, good)[0]
    assert done.code == 0
    slow = [
        "cypher",
        "UNWIND range(1, 9999) AS a UNWIND range(1, 9999) AS b "
        "UNWIND range(1, 9999) AS c RETURN sum(a + b + c) AS n",
    ]
    done = run_each([slow], tmp_path, {**good, "FOLLOWSUIT_TIMEOUT": "0.3"})[0]
    check(done, "The query ran past its limit of 0.3 seconds.")


def test_a_file_that_may_not_be_written_is_said_before_the_work(shop: Shop, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "mine.csv").touch(mode=0o400)
    done = shop.run("query", "counts", "--out", tmp_path / "mine.csv")
    check(done, "mine.csv may not be written. Name another file.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line(shop: Shop) -> None:
    done = shop.run("query", "counts", "--out", "/dev/full", "--format", "csv")
    check(done, "can't be used: No space left on device.")


ODD = ["", "-1", "nan", "'", "\\", "é😀", "a b", "2025-13-01", "../..", "\udcff", "x" * 5000, "0"]


def test_no_odd_word_in_any_place_ends_in_a_traceback(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "followsuit.lbug").symlink_to(shop.folder / "followsuit.lbug")
    (tmp_path / "followsuit.lbug.state").symlink_to(shop.folder / "followsuit.lbug.state")
    places: list[list[str]] = [
        ["query", "{}"],
        ["query", "two-hop-reach", "--param", "customer_id={}"],
        ["query", "bought-after-a-friend", "--param", "within={}"],
        ["query", "offers-in-force", "--param", "at={}", "--format", "csv"],
        ["cypher", "{}"],
        ["cypher", "RETURN $x AS x", "--param", "x={}"],
        ["cypher", "RETURN '{}' AS x"],
        ["score", "--as-of", "{}"],
        ["score", "--as-of", AS_OF, "--window", "{}"],
        ["score", "--as-of", AS_OF, "--customers", "{}"],
        ["load", "{}"],
        ["load", ".", "--mapping", "{}"],
        ["runs", "use", "{}"],
        ["query", "counts", "--store", "{}"],
        ["backtest", "--from", "{}", "--to", AS_OF],
        ["simulate", "d", "--customers", "{}"],
        ["simulate", "d", "--dirt", "7", "--seed", "{}"],
    ]
    commands = [
        [part.replace("{}", odd) for part in place] for place, odd in itertools.product(places, ODD)
    ]
    for command, done in zip(commands, run_each(commands, tmp_path), strict=True):
        assert done.code in (0, 2), (command, done.said)
        assert "Traceback" not in done.said
        if done.code:
            check(done, "followsuit: ")
