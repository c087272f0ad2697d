"""`handoff` writes files for each channel, and says what it wrote and what it left out."""

import json
import random
import threading
import time
from pathlib import Path

import pytest
from support import commands
from support.cli_shop import AS_OF, Shop
from support.deliveries import deliver
from support.handed import read_csv


def files_of(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_it_says_how_many_offers_are_in_each_file(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "today"
    done = shop.run("handoff", "--out", out, "--at", AS_OF, "--json", tmp_path / "handoff.json")
    assert (done.code, done.out) == (0, "")
    report = json.loads((tmp_path / "handoff.json").read_text())
    assert list(report) == ["run_id", "files", "dropped"]
    score = json.loads((shop.folder / "score.json").read_text())
    assert report["run_id"] == score["run_id"]
    handed = sum(file["offers"] for file in report["files"])
    assert handed + sum(report["dropped"].values()) == score["offers"]
    said = {line.strip() for line in done.said.splitlines()}
    for file in report["files"]:
        assert (
            f"{file['offers']:,} offers to {file['customers']:,} customers: {file['path']}" in said
        )
        if not file["path"].endswith("calls.csv"):
            assert len(read_csv(Path(file["path"]))) == file["offers"]
    for rule, n in report["dropped"].items():
        assert f"{n:,} offers dropped by {rule}" in said
    assert len(read_csv(out / "dropped.csv")) == sum(report["dropped"].values())
    printed = shop.run("handoff", "--out", out, "--at", AS_OF, "--json", "-")
    assert json.loads(printed.out) == report


def test_by_default_it_checks_as_of_now(own_shop: Shop) -> None:
    ended = [{"offer_id": "always", "valid_until": "2025-12-31"}]
    done = own_shop.run("load", deliver(own_shop.folder / "more", offers=ended))
    assert done.code == 0, done.said
    done = own_shop.run("handoff", "--out", "today", "--json", "-")
    assert done.code == 0, done.said
    assert set(json.loads(done.out)["dropped"]) >= {"no_offer_in_force"}
    assert (own_shop.folder / "today" / "dropped.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "load.json"], "load.json is a file. Name a folder for the files."),
        (["--out", "today", "--at", "tomorrow"], "'tomorrow' isn't a valid date."),
        ([], "Missing option '--out'"),
    ],
)
def test_mistakes_are_said_in_one_line(shop: Shop, arguments: list[str], message: str) -> None:
    done = shop.run("handoff", *arguments)
    assert done.code == 2
    assert done.said.startswith("followsuit: ")
    assert message in done.said
    assert not (shop.folder / "today").exists()


def test_without_a_run_it_says_what_to_do(shop: Shop, tmp_path: Path) -> None:
    load = commands.run("load", shop.folder / "delivery", folder=tmp_path)
    assert load.code == 0
    done = commands.run("handoff", "--out", "today", folder=tmp_path)
    assert done.code == 2
    assert "has no offers yet. Run `followsuit score --as-of DATE` first." in done.said


@pytest.mark.long
def test_a_killed_hand_off_leaves_only_whole_files_and_can_be_started_again(
    shop: Shop, tmp_path: Path
) -> None:
    arguments = ("handoff", "--at", AS_OF, "--out")
    began = time.monotonic()
    assert shop.run(*arguments, tmp_path / "calm").code == 0
    took = time.monotonic() - began
    calm, chance = files_of(tmp_path / "calm"), random.Random(1)
    for number in range(8):
        out = tmp_path / f"round-{number}"
        running = commands.begin(*arguments, out, folder=shop.folder)
        killer = threading.Timer(took * (0.3 + 0.7 * chance.random()), running.kill)
        killer.start()
        running.wait()
        killer.cancel()
        left = files_of(out) if out.exists() else {}
        shown = {name: text for name, text in left.items() if not name.startswith(".")}
        assert shown.items() <= calm.items()
        assert shop.run(*arguments, out).code == 0
        assert files_of(out) == calm
