"""`followsuit gnn train`, `evaluate` and `audit`: what scripts rely on, and what is bad input."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.cli_shop import AS_OF, Shop
from support.commands import LIMIT, Outcome, run_each, start
from support.folders import planted_split, write_folder, write_pairs, write_split

from followsuit.core.times import instant
from followsuit.gnn.evaluation.ablation_result import friends_help
from followsuit.graph.connect import connect

BEFORE = "2025-04-20"
COLUMNS = {
    "model": pa.string(),
    "seed": pa.int64(),
    "user": pa.string(),
    "item": pa.string(),
    "rank": pa.int64(),
}
FIGURES = {"recall@10", "recall@20", "ndcg@10", "ndcg@20"}


def read_json(path: Path) -> dict[str, dict[str, dict[str, object]]]:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    content: dict[str, dict[str, dict[str, object]]]
    content = json.loads(path.read_text(), parse_constant=refuse)
    return content


def recomputed(rows: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Recall and NDCG at 20 from `--out` and the folder's test file."""
    wanted = test.groupby("user").item.nunique()
    hits = rows.merge(test, on=["user", "item"])
    gain = (1 / np.log2(hits["rank"] + 1)).groupby(hits.user).sum()
    ideal = np.cumsum(1 / np.log2(np.arange(2, 22)))[wanted.clip(upper=20) - 1]
    return {
        "recall@20": (
            hits.groupby("user").size().reindex(wanted.index, fill_value=0) / wanted
        ).mean(),
        "ndcg@20": (gain.reindex(wanted.index, fill_value=0) / ideal).mean(),
    }


def test_evaluate_judges_a_folder_so_that_anybody_can_recompute_it(tmp_path: Path) -> None:
    write_split(tmp_path / "data", planted_split())
    evaluate = ["gnn", "evaluate", "data", "--models", "popularity,ease,gfcf, friends", "--json"]
    first, again, printed = run_each(
        [
            [*evaluate, "a.json", "--out", "a.parquet"],
            [*evaluate, "b.json", "--out", "b.parquet"],
            [*evaluate, "-"],
        ],
        tmp_path,
    )
    assert (first.code, again.code, printed.code) == (0, 0, 0), first.said
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    evaluated = read_json(tmp_path / "a.json")
    assert list(evaluated["models"]) == ["popularity", "ease", "gfcf", "friends"]
    assert json.loads(printed.out)["best"] == evaluated["best"]
    assert f"Best on validation: {evaluated['best']}." in first.said
    assert first.out.split("\n")[0].strip() == "Measured on the test part"
    assert re.search(r"ease +\S+ +\S+", first.out)
    table = pq.read_table(tmp_path / "a.parquet")
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == COLUMNS
    rows = table.to_pandas()
    test = pd.read_csv(tmp_path / "data" / "test.tsv.gz", sep="\t", dtype=str)
    assert set(rows.user) == set(test.user)
    for name, model in evaluated["models"].items():
        assert set(model) >= {*FIGURES, "seconds"}
        for figure, value in recomputed(rows[rows.model == name], test).items():
            assert model[figure]["value"] == pytest.approx(value, abs=1e-8)  # type: ignore[index]


def test_what_is_odd_in_a_folder_is_said_beside_the_figures(tmp_path: Path) -> None:
    rows = [(f"u{user}", f"i{(user + k) % 12}") for user in range(20) for k in range(5)]
    write_folder(tmp_path / "data", rows, [*rows[:3], *((f"new{n}", "i1") for n in range(6))])
    models = ["--models", "popularity,ease"]
    judged, audited = run_each(
        [
            ["gnn", "evaluate", "data", *models, "--json", "a.json"],
            ["gnn", "audit", "data", "--json", "b.json"],
        ],
        tmp_path,
    )
    assert (judged.code, audited.code) == (0, 0), judged.said + audited.said
    one, other = (read_json(tmp_path / name)["notes"] for name in ("a.json", "b.json"))
    few, known = one
    assert other[:2] == one
    assert few.startswith("1 of the 7 users of test.tsv.gz can be found in train.tsv.gz")
    assert known.startswith("3 of the 9 pairs of test.tsv.gz are in train.tsv.gz too")
    for said in (judged.said, audited.said):
        assert f"{few}\n{known}\n" in said


def test_evaluate_splits_the_store_in_time_and_sees_nothing_after(own_shop: Shop) -> None:
    evaluate = ["gnn", "evaluate", "--as-of", "2025-04-01", "--models", "popularity,ease"]
    late = "customer_id,product_id,at\n" + "c0001,p0001,2025-05-10\n" * 3
    (own_shop.folder / "more").mkdir()
    (own_shop.folder / "more" / "purchases.csv").write_text(late)
    first, loaded, second, longer = run_each(
        [
            [*evaluate, "--json", "a.json", "--out", "a.parquet"],
            ["load", "more"],
            [*evaluate, "--json", "b.json", "--out", "b.parquet"],
            [*evaluate, "--horizon", "42d", "--json", "c.json"],
        ],
        own_shop.folder,
    )
    assert (first.code, loaded.code, second.code, longer.code) == (0, 0, 0, 0), first.said
    folder = own_shop.folder
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()
    one, two, three = (read_json(folder / f"{name}.json")["models"] for name in "abc")
    for figure in FIGURES:
        assert one["ease"][figure] == two["ease"][figure] != three["ease"][figure]
    items = pq.read_table(folder / "a.parquet")["item"].to_pylist()
    assert {item.partition(":")[0] for item in items} <= {"product", "store"}


def test_train_keeps_a_model_beside_the_store(own_shop: Shop) -> None:
    train = ["gnn", "train", "--as-of", AS_OF, "--model"]
    plain, network, again = run_each(
        [[*train, "ease"], ["gnn", "train", "--as-of", AS_OF], [*train, "ease", "--resume"]],
        own_shop.folder,
    )
    assert (plain.code, network.code) == (0, 0), plain.said + network.said
    assert re.search(r"^ease \(l2 \d+", plain.said, re.M)
    assert "ease: model.json, model.npz\n" in plain.said
    assert "social: model.json, model.npz, curve.png\n" in network.said
    models = own_shop.folder / "followsuit.lbug.state" / "models"
    kept = {path.name for path in models.iterdir() if path.is_symlink()}
    assert kept == {"ease", "social"}
    assert (again.code, again.out) == (0, "")
    assert "This model is there already, for the same" in again.said


def killed_when(path: Path, *arguments: str, folder: Path) -> None:
    """Run a command, and kill it with -9 as soon as a file is there."""
    process = start(*arguments, folder=folder)
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.long
@pytest.mark.parametrize("step", ["choosing.pt", "chosen.json"])
def test_a_training_that_was_killed_goes_on_to_the_same_bytes(own_shop: Shop, step: str) -> None:
    train = ["gnn", "train", "--as-of", AS_OF, "--model", "lightgcn"]
    models = own_shop.folder / "followsuit.lbug.state" / "models"
    killed_when(models / "lightgcn.unfinished" / step, *train, folder=own_shop.folder)
    assert not (models / "lightgcn").exists()
    files = []
    for options in (["--resume"], []):
        (done,) = run_each([[*train, *options]], own_shop.folder)
        assert done.code == 0, done.said
        files.append({path.name: path.read_bytes() for path in (models / "lightgcn").iterdir()})
        shutil.rmtree(models)  # One that is there isn't trained again.
    assert files[0] == files[1]
    assert set(files[0]) == {"model.json", "model.npz", "curve.png"}


def each_of_two(*arguments: str, folder: Path) -> list[Outcome]:
    """Run a command in two processes, as `torchrun` does."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    common = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    both = [
        start(*arguments, folder=folder, environment={**common, "RANK": str(rank)})
        for rank in range(2)
    ]
    outcomes = []
    for process in both:
        out, said = process.communicate(timeout=LIMIT)
        outcomes.append(Outcome(process.returncode, out, said))
    return outcomes


@pytest.mark.long
def test_two_processes_train_a_model_whose_files_the_first_one_writes(own_shop: Shop) -> None:
    pytest.importorskip("torch")
    train = ["gnn", "train", "--as-of", AS_OF, "--model", "lightgcn"]
    models = own_shop.folder / "followsuit.lbug.state" / "models"
    done = each_of_two(*train, "--refresh", folder=own_shop.folder)
    assert [one.code for one in done] == [0, 0], done[0].said + done[1].said
    kept = models / "lightgcn"
    assert {path.name for path in kept.iterdir()} == {"model.json", "model.npz", "curve.png"}
    before = (kept / "model.npz").read_bytes()
    first, second = each_of_two(*train, "--resume", folder=own_shop.folder)
    assert [first.code, second.code] == [0, 0], first.said + second.said
    assert "for the same graph, day and seed: it wasn't trained again." in first.said
    assert second.said == "", "the first process alone tells"
    assert (kept / "model.npz").read_bytes() == before
    with filelock.FileLock(models / "lightgcn.lock"):
        for refused in each_of_two(*train, folder=own_shop.folder):
            assert refused.code == 2, refused.said
            assert "Another training of the model lightgcn is running" in refused.said
            assert "Traceback" not in refused.said


def test_audit_says_in_one_sentence_whether_friends_help_and_the_ranking_applies_it(
    own_shop: Shop,
) -> None:
    (done,) = run_each(
        [["gnn", "audit", "--as-of", BEFORE, "--json", "audit.json"]], own_shop.folder
    )
    assert done.code == 0, done.said
    audited = read_json(own_shop.folder / "audit.json")
    assert set(audited) >= {
        "metric",
        "real",
        "rewired",
        "none",
        "gain",
        "friends_help",
        "sentence",
    }
    assert audited["metric"] == "ndcg@20"
    for ties in ("real", "rewired", "none"):
        assert set(audited[ties]) == FIGURES
        assert set(audited[ties]["ndcg@20"]) == {"value", "low", "high"}
    values = {ties: audited[ties]["ndcg@20"]["value"] for ties in ("real", "rewired", "none")}
    gain = values["real"] - max(values["rewired"], values["none"])  # type: ignore[type-var,operator]
    assert audited["gain"]["value"] == pytest.approx(gain, abs=1e-8)
    assert audited["friends_help"] == (audited["gain"]["low"] > 0)  # type: ignore[operator]
    assert str(audited["sentence"]) in done.said
    assert "Measured on the test part\n" in re.sub(" +\n", "\n", done.out)
    assert " friends for days from 2025-05-18 on." in done.said
    store = connect(str(own_shop.folder / "followsuit.lbug"))
    assert friends_help(store, instant("2025-05-18")) is audited["friends_help"]
    assert friends_help(store, instant("2025-05-17")) is None


WITHOUT_THE_EXTRA = """
import sys


class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "torch_geometric", "implicit"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NotInstalled())
from followsuit.cli import main
main()
"""


def test_without_the_extra_score_uses_the_linear_model_and_says_so_in_one_line(
    own_shop: Shop,
) -> None:
    score = ["score", "--as-of", AS_OF, "--affinity", "blend", "--out", "plain.parquet"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA, *score],
        cwd=own_shop.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "gnn" in line]
    assert line.startswith("Own taste comes from the linear model alone. The blend leaves out its ")
    assert line.endswith("needs torch: pip install 'followsuit[gnn]'.")


@pytest.mark.long
def test_score_and_backtest_use_the_blend_and_explain_it(own_shop: Shop) -> None:
    pytest.importorskip("torch")
    folder = own_shop.folder
    score = ["score", "--as-of", AS_OF, "--affinity", "blend", "--out"]
    test = ["backtest", "--from", "2025-04-20", "--to", "2025-05-25", "--refit", "2"]
    first, again, judged = run_each(
        [[*score, "a.parquet"], [*score, "b.parquet"], [*test, "--affinity", "blend"]], folder
    )
    assert (first.code, again.code, judged.code) == (0, 0, 0), first.said + judged.said
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()
    saved = (folder / "followsuit.lbug.state" / "models").glob("*/model.json")
    # The shop was scored by the linear model before.
    assert {json.loads(path.read_text())["name"] for path in saved} == {"ease_damped", "blend"}
    offer = next(r for r in pq.read_table(folder / "a.parquet").to_pylist() if r["rank"] == 1)
    (why,) = run_each([["why", offer["customer_id"], offer["item_id"], "--json"]], folder)
    assert "affinity" in json.loads(why.out)["factors"]


EVALUATE = ("gnn", "evaluate")
TWO = "give either a FOLDER, or --as-of to split the store in time"
GONE = "There is no folder nowhere to write "
MISTAKES = {
    EVALUATE: TWO,
    (*EVALUATE, "data", "--as-of", AS_OF): TWO,
    ("gnn", "audit"): TWO,
    ("gnn", "audit", "data", "--as-of", AS_OF): TWO,
    (*EVALUATE, "nowhere"): "nowhere isn't a folder. Name one with train.tsv.gz",
    (*EVALUATE, "half"): "half/test.tsv.gz is missing. The folder must have it.",
    (*EVALUATE, "no_rows"): "no_rows/test.tsv.gz has no rows.",
    (*EVALUATE, "no_id"): "no_id/train.tsv.gz, row 3: `item` is empty. Give an id.",
    (*EVALUATE, "others"): "None of the 1 items of others/test.tsv.gz is in train.tsv.gz",
    ("gnn", "audit", "others"): "None of the 1 items of others/test.tsv.gz is in train.tsv.gz",
    (*EVALUATE, "text"): "text/train.tsv.gz can't be read as gzipped, tab-separated text",
    (*EVALUATE, "data", "--models", "ease,lightgnc"): "There is no model lightgnc; there are pop",
    (*EVALUATE, "data", "--models", ""): "--models '' has an empty name: write a,b,c",
    (*EVALUATE, "data", "--models", "ease,"): "--models 'ease,' has an empty name: write a,b,c",
    (*EVALUATE, "data", "--horizon", "14d"): "--store, --horizon and --refresh are for a store",
    (*EVALUATE, "data", "--store", "nope.lbug"): "--store, --horizon and --refresh are for a store",
    (*EVALUATE, "data", "--out", "-"): "- isn't a file, and this output can't be printed.",
    (*EVALUATE, "data", "--seeds", "0"): "Invalid value for '--seeds'",
    (*EVALUATE, "data", "--json", "nowhere/x.json"): GONE,
    (*EVALUATE, "data", "--out", "nowhere/x.parquet"): GONE,
    (*EVALUATE, "data", "--out", "data"): "data is a folder. Name a file to write to.",
    ("gnn", "audit", "data", "--json", "nowhere/x.json"): GONE,
    (*EVALUATE, "--as-of", "soon"): "'soon' isn't a valid date. Write 2025-12-31.",
    (*EVALUATE, "--as-of", AS_OF, "--horizon", "28"): "'28' isn't a valid length of time.",
    (*EVALUATE, "--as-of", "2001-01-01"): "No customer shares their activity as of 2001-01-29",
    (
        *EVALUATE,
        "--as-of",
        "2026-01-01",
    ): "No customer had a first interaction in the",
    (*EVALUATE, "--as-of", AS_OF, "--store", "none.lbug"): "There is no store at ",
    ("gnn", "train"): "Missing option '--as-of'",
    ("gnn", "train", "--as-of", AS_OF, "--model", "nope"): "There is no model nope; there are ",
    ("gnn", "train", "--as-of", "2001-01-01"): "No customer shares their activity as of 2001",
    ("gnn", "train", "--as-of", AS_OF, "--seed", "-1"): "Invalid value for '--seed'",
}


def test_every_mistake_is_one_line_and_exit_code_2(own_shop: Shop) -> None:
    folder = own_shop.folder
    rows = [("1", "a"), ("2", "b"), ("2", "a"), ("1", "c")]
    write_folder(folder / "data", rows, [("1", "b")])
    write_pairs(folder / "half", "train", rows)
    write_folder(folder / "no_rows", rows, [])
    write_folder(folder / "no_id", [("1", "a"), ("2", "")], [("1", "b")])
    write_folder(folder / "others", rows, [("1", "p0001")])
    write_folder(folder / "text", rows, [("1", "b")])
    (folder / "text" / "train.tsv.gz").write_text("user\titem\n1\ta\n")
    models = folder / "followsuit.lbug.state" / "models"
    before = sorted(models.iterdir())
    done = run_each(list(MISTAKES), folder)
    for (arguments, said), outcome in zip(MISTAKES.items(), done, strict=True):
        assert (outcome.code, outcome.out) == (2, ""), (arguments, outcome)
        *steps, line = outcome.said.splitlines()
        assert said in line, (arguments, outcome)
        assert line.startswith("followsuit: ")
        assert all(re.fullmatch(r"[\w ]+: .*\d+ s", step) for step in steps), outcome.said
    assert sorted(models.iterdir()) == before
