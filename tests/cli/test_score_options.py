"""`score` keeps a good run; `runs list --json`; `doctor` on ages; files as their endings say."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
import typer
from support.cli_shop import AS_OF, Shop
from support.commands import Outcome, run_each
from support.deliveries import deliver
from support.shops import deliver_shop, tables

from followsuit.cli import app
from followsuit.cli.tables import ENDINGS

STALE = "2025-06-28"
"""Four weeks after the shop's last purchase."""
LINEAR = ("--affinity", "linear")


def refused(done: Outcome) -> str:
    """The one line that a command refuses with."""
    assert (done.code, done.out) == (2, ""), done
    (line,) = [text for text in done.said.splitlines() if text.startswith("followsuit: ")]
    return line


def test_a_stale_or_older_night_leaves_the_offers_until_it_is_told_to_replace_them(
    own_shop: Shop,
) -> None:
    listed = ["runs", "list", "--json", "-"]
    current = ["query", "current-recommendations", "--format", "csv"]
    stale = ["score", "--as-of", STALE]
    older = ["score", "--as-of", "2025-05-13", *LINEAR]
    before, offers, age, back, still, same, kept, twice, told = run_each(
        [
            listed,
            current,
            stale,
            older,
            listed,
            current,
            [*older, "--no-activate"],
            listed,
            [*older, "--activate"],
        ],
        own_shop.folder,
    )
    assert "--max-age 7d" in refused(age)
    assert "--activate" in refused(back)
    assert (still.out, same.out) == (before.out, offers.out)
    assert kept.code == 0
    assert "The run isn't active. `followsuit runs use 2025-05-13-" in kept.said
    (new, good) = json.loads(twice.out)
    assert [good] == json.loads(before.out)
    assert (new["active"], good["active"]) == (False, True)
    assert told.code == 0, told.said


def test_runs_are_listed_as_json(shop: Shop, tmp_path: Path) -> None:
    printed, written = run_each(
        [["runs", "list", "--json", "-"], ["runs", "list", "--json", tmp_path / "runs.json"]],
        shop.folder,
    )
    (listed,) = json.loads(printed.out)
    assert json.loads((tmp_path / "runs.json").read_text()) == [listed]
    assert written.out.startswith("* 2025-05-20-")
    assert list(listed) == ["run_id", "as_of", "created_at", "active", "offers", "customers"]
    score = json.loads((shop.folder / "score.json").read_text())
    assert {name: listed[name] for name in ("run_id", "as_of", "offers", "customers")} == {
        name: score[name] for name in ("run_id", "as_of", "offers", "customers")
    }
    assert listed["active"] is True
    assert datetime.fromisoformat(listed["created_at"]).utcoffset() == timedelta(0)


def test_score_for_some_keeps_what_the_others_have(own_shop: Shop) -> None:
    offers = pq.read_table(own_shop.folder / "offers.parquet").to_pylist()
    one = offers[0]["customer_id"]
    (own_shop.folder / "one.txt").write_text(f"{one}\n")
    done, now, why = run_each(
        [
            [
                "score",
                "--as-of",
                "2025-05-21",
                *LINEAR,
                "--customers",
                "one.txt",
                "--out",
                "o.json",
            ],
            ["query", "current-recommendations", "--format", "json"],
            ["why", offers[-1]["customer_id"], offers[-1]["item_id"], "--json"],
        ],
        own_shop.folder,
    )
    assert done.code == 0, done.said
    new = json.loads((own_shop.folder / "o.json").read_text())
    assert {row["customer_id"] for row in new} == {one}
    others = [row for row in offers if row["customer_id"] != one]
    shown = [(row["customer_id"], row["rank"], row["item_id"]) for row in json.loads(now.out)]
    expected = [(row["customer_id"], row["rank"], row["item_id"]) for row in [*new, *others]]
    assert shown == sorted(expected)
    explained = json.loads(why.out)
    assert (explained["offered"], explained["probability"]) == (True, offers[-1]["probability"])
    assert explained["as_of"] == f"{AS_OF}T00:00:00+00:00"


def test_without_consents_score_says_so_before_the_work(tmp_path: Path) -> None:
    deliver(
        tmp_path / "bare", **{name: rows for name, rows in tables().items() if name != "consents"}
    )
    score = ["score", "--as-of", "2025-01-20", *LINEAR]
    loaded, done, assumed, again = run_each(
        [["load", "bare"], score, ["load", "bare", "--assume-consent"], score], tmp_path
    )
    assert (loaded.code, assumed.code) == (0, 0)
    assert "`load --assume-consent`" in refused(done)
    assert "weights" not in done.said
    assert again.code == 0, again.said


def test_that_nobody_shares_is_said_at_once(tmp_path: Path) -> None:
    deliver_shop(
        tmp_path / "d",
        consents=[row for row in tables()["consents"] if row["purpose"] != "social_use"],
    )
    score = ["score", "--as-of", "2025-01-20", *LINEAR]
    _, done = run_each([["load", "d"], score], tmp_path)
    assert "No customer has a reason" in refused(done)
    # A slow machine says how long its steps took; those of the work come later.
    before = done.said.partition("Nobody shares activity (no social_use consent): ")[0]
    assert before != done.said
    assert "weights" not in before


def test_a_text_for_a_trigger_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    deliver_shop(tmp_path / "d")
    (tmp_path / "own.toml").write_text("[trip]\nwhen = [{ did = 'visit' }]\n")
    score = ["score", "--as-of", "2025-01-20", *LINEAR, "--triggers", "own.toml"]
    score += ["--only", "friend_bought", "--reasons", "texts.toml"]
    (tmp_path / "texts.toml").write_text("[triggers]\ntrip = 'x'\nbirthdya = 'y'\n")
    _, wrong = run_each([["load", "d"], score], tmp_path)
    assert refused(wrong).endswith("there is no trigger birthdya. Did you mean birthday?")
    (tmp_path / "texts.toml").write_text("[triggers]\ntrip = 'x'\nbirthday = 'y'\n")
    (right,) = run_each([score], tmp_path)
    assert right.code == 0, right.said


# Files.


def test_rows_are_written_as_the_ending_says(own_shop: Shop) -> None:
    folder = own_shop.folder
    score = ["score", "--as-of", AS_OF, *LINEAR, "--out"]
    test = ["backtest", "--from", "2025-04-01", "--to", "2025-04-20", *LINEAR, "--out"]
    edges = ["influence", "learn", "--as-of", AS_OF, "--out"]
    outcomes = run_each(
        [
            [*score, "o.csv"],
            [*score, "o.JSON"],
            [*test, "r.csv"],
            [*test, "r.parquet"],
            [*edges, "e.json"],
            [*edges, "e.parquet"],
            [*edges, "e.xlsx"],
        ],
        folder,
    )
    assert [done.code for done in outcomes] == [0] * 7, outcomes
    offers = pq.read_table(folder / "offers.parquet").to_pylist()
    for row in offers:
        row["until"] = row["until"] and row["until"].isoformat()
    assert json.loads((folder / "o.JSON").read_text()) == offers
    with (folder / "o.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{name: in_csv(value) for name, value in row.items()} for row in offers]
    assert {'["friend_bought"]', "[]"} <= {row["triggers"] for row in rows}
    ranked = pq.read_table(folder / "r.parquet")
    with (folder / "r.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert (header, len(lines)) == (ranked.column_names, ranked.num_rows)
    learned = json.loads((folder / "e.json").read_text())
    assert learned == pq.read_table(folder / "e.parquet").to_pylist()
    header, *cells = openpyxl.load_workbook(folder / "e.xlsx").active.values
    assert [dict(zip(header, row, strict=True)) for row in cells] == learned


def in_csv(value: Any) -> str:
    """A value as a CSV has it: nothing for none, and lists as JSON."""
    if isinstance(value, list):
        return json.dumps(value)
    return "" if value is None else str(value)


UNSAID: list[tuple[str, ...]] = [
    ("score", "--as-of", AS_OF),
    ("backtest", "--from", "2025-04-01", "--to", "2025-05-01"),
    ("influence", "learn", "--as-of", AS_OF),
    ("gnn", "embed", "--as-of", AS_OF),
    ("gnn", "evaluate", "--as-of", AS_OF),
    ("trigger", "preview", "birthday", "--as-of", AS_OF),
    ("query", "counts"),
    ("cypher", "RETURN 1 AS x"),
]


def with_out(command: Any, path: str = "") -> list[str]:
    """The commands that have an option --out for a file."""
    below = getattr(command, "commands", None)
    if below is None:
        files = ["--out" in p.opts and p.metavar != "FOLDER" for p in command.params]
        return [path.strip()] if any(files) else []
    return [found for name, one in below.items() for found in with_out(one, f"{path} {name}")]


def test_the_commands_below_are_all_that_write_rows() -> None:
    named = {" ".join(c[: 2 if c[0] in ("gnn", "influence", "trigger") else 1]) for c in UNSAID}
    assert set(with_out(typer.main.get_command(app))) == named


def test_an_ending_that_says_nothing_or_something_else_is_refused_before_the_work(
    shop: Shop, tmp_path: Path
) -> None:
    names = [f"{tmp_path}/{name}" for name in ("c.xls", "c.txt", "rows", "c.parquet.gz")]
    commands = [[*command, "--out", name] for command in UNSAID for name in names]
    for done in run_each(commands, shop.folder):
        assert refused(done).endswith(f"doesn't end in {ENDINGS}. Name such a file.")
        assert done.said.count("\n") == 1
    said = [
        ("json", "x.csv", 2),
        ("csv", "x.parquet", 2),
        ("table", "x.json", 2),
        ("csv", "x.xlsx", 2),
        ("csv", "x.CSV", 0),
        ("table", "x.txt", 0),
        ("json", "x", 0),
        ("csv", "x.2025-05-20", 0),
    ]
    query = ["query", "counts", "--format"]
    outcomes = run_each([[*query, f, "--out", f"{tmp_path}/{n}"] for f, n, _ in said], shop.folder)
    assert [done.code for done in outcomes] == [code for *_, code in said]
    assert "x.csv ends in .csv, but --format says json." in refused(outcomes[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "x",
        "x.2025-05-20",
        "x.CSV",
        "x.txt",
    ]


# Doctor.


def lines(done: Outcome) -> dict[str, str]:
    """What `doctor` says of each thing, after its mark."""
    return {line[8:].partition(":")[0]: line for line in done.out.splitlines()}


def test_doctor_tells_ages_and_sizes_and_fails_where_they_are_too_old(shop: Shop) -> None:
    plain, old, fine, printed = run_each(
        [
            ["doctor"],
            ["doctor", "--max-age", "3d"],
            ["doctor", "--max-age", "36500d"],
            ["doctor", "--max-age", "3d", "--json", "-"],
        ],
        shop.folder,
    )
    assert (plain.code, old.code, fine.code, printed.code) == (0, 1, 0, 1)
    run_id = json.loads((shop.folder / "score.json").read_text())["run_id"]
    for done, mark in ((plain, "ok     "), (old, "OLD    "), (fine, "ok     ")):
        said = lines(done)
        assert said["data"].startswith(f"{mark} data: newest purchase or visit 2025-05-")
        assert said["active run"].startswith(
            f"{mark} active run: {run_id}, as of {AS_OF} 00:00 UTC"
        )
        assert " Customer, " in said["sizes"]
        assert said["disk"].startswith("ok      disk: store ")
    assert lines(old)["data"].endswith("days old: older than --max-age 3d")
    report: dict[str, Any] = json.loads(printed.out)
    failed = [check["name"] for check in report["checks"] if not check["sound"]]
    assert failed == ["data", "active run", "calibration"]
    figures = report["figures"]
    assert figures["active_run"] == run_id
    assert figures["active_run_as_of"] == f"{AS_OF}T00:00:00+00:00"
    assert figures["newest_interaction"].startswith("2025-05-")
    assert figures["data_age_days"] > 100
    loaded = json.loads((shop.folder / "load.json").read_text())["tables"]
    assert figures["sizes"]["Customer"] == loaded["customers"]["loaded"]
    state = shop.folder / "followsuit.lbug.state"
    assert figures["store_bytes"] == (shop.folder / "followsuit.lbug").stat().st_size
    assert figures["state_bytes"] == sum(p.stat().st_size for p in state.rglob("*") if p.is_file())


def test_doctor_counts_neither_a_run_nor_data_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "customers.csv").write_text("customer_id\nana\n")
    doctor = ["doctor", "--max-age", "3d"]
    nothing, _, loaded, plain = run_each([doctor, ["load", "d"], doctor, ["doctor"]], tmp_path)
    assert (nothing.code, loaded.code, plain.code) == (1, 1, 0)
    assert lines(nothing)["age"] == "MISSING age: unknown, as the store can't be read"
    assert lines(loaded)["data"].startswith("MISSING data: none")
    assert lines(plain)["active run"].startswith("absent  active run: none; run `followsuit score")


@pytest.mark.parametrize("fresh", [True, False])
def test_doctor_is_content_with_a_shop_of_today(tmp_path: Path, fresh: bool) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    move = now - datetime(2025, 1, 21, tzinfo=UTC)
    rows = tables()
    for table in ("purchases", "visits", "consents"):
        rows[table] = [
            row | {"at": (datetime.fromisoformat(row["at"]) + move).isoformat()}
            for row in rows[table]
        ]
    # What is dated later than now makes nothing newer.
    late = {"customer_id": "ann", "product_id": "tea", "at": (now + timedelta(days=9)).isoformat()}
    old = now - timedelta(days=9)
    rows["purchases"] = [
        *(row for row in rows["purchases"] if fresh or datetime.fromisoformat(row["at"]) < old),
        late,
    ]
    if not fresh:
        del rows["visits"]
    deliver(tmp_path / "d", **rows)
    score = ["score", "--as-of", now.date().isoformat(), *LINEAR, "--max-age", "30d", "--activate"]
    _, scored, done = run_each([["load", "d"], score, ["doctor", "--max-age", "3d"]], tmp_path)
    assert scored.code == 0, scored.said
    assert done.code == (0 if fresh else 1), done.out
    assert lines(done)["active run"].startswith("ok ")
