"""A customer gets all that is held about them, and nothing of anybody else."""

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from support.canary import CUSTOMER, MARK, rows
from support.deliveries import deliver, write_csv
from support.forgetting import open_store

from followsuit.loaders.load import load
from followsuit.privacy.access import JSON, FolderTaken, access
from followsuit.privacy.held import UnknownCustomer

OTHERS = ("bob", "cas", "eve", "fay", "gus", "kim")


def written(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / JSON).read_text())
    return content


def test_it_has_the_tables_and_all_that_was_computed(desk: Path, tmp_path: Path) -> None:
    with open_store(desk) as store:
        counts = access(store, "ann", tmp_path / "ann")
    held = written(tmp_path / "ann")
    assert held.pop("customer_id") == "ann"
    assert {name: len(section) for name, section in held.items()} == counts
    assert {"customers", "friendships", "purchases", "consents"} <= set(held)
    assert {"derived_offers", "run_offers", "run_decisions"} <= set(held)
    assert held["customers"][0]["birth_date"] == "1985-03-02"
    for name, section in held.items():
        with (tmp_path / "ann" / f"{name}.csv").open(newline="") as file:
            assert len(list(csv.DictReader(file))) == len(section)


def test_it_names_nobody_else(desk: Path, tmp_path: Path) -> None:
    with open_store(desk) as store:
        access(store, "ann", tmp_path / "ann")
    content = "".join(path.read_text() for path in (tmp_path / "ann").iterdir())
    assert [name for name in OTHERS if f'"{name}"' in content or f",{name}," in content] == []
    assert len(written(tmp_path / "ann")["friendships"]) == 6


def test_of_the_reasons_there_are_those_that_rest_on_the_customer_and_not_on_friends(
    desk: Path, tmp_path: Path
) -> None:
    with open_store(desk) as store:
        access(store, "ann", tmp_path / "ann")
        access(store, "bob", tmp_path / "bob")
    assert not any(
        row["item_id"] == "tea" for row in written(tmp_path / "ann").get("run_drivers", [])
    )
    reasons = written(tmp_path / "bob")["run_drivers"]
    assert [row["item_id"] for row in reasons if row["item_kind"] == "product"].count("tea") == 1


def test_every_field_that_was_delivered_is_there(desk: Path, tmp_path: Path) -> None:
    theirs = rows("ann", "tea", "kiosk", "t1", "2025-01-19T10:00:00Z")
    folder = deliver(tmp_path / "more")
    sound = {name: [r for r in table if MARK in str(r)][:1] for name, table in theirs.items()}
    for name, table in sound.items():
        write_csv(folder / f"{name}.csv", table)
    with open_store(desk) as store:
        load(store, str(folder))
        access(store, CUSTOMER, tmp_path / "held")
    content = (tmp_path / "held" / JSON).read_text().lower()
    texts = {value for table in sound.values() for row in table for value in row.values()}
    texts = {text for text in texts if text.startswith(MARK)}
    assert [text for text in texts if text.lower() not in content] == []
    assert written(tmp_path / "held")["purchases"][0]["amount"] == "12.50"


def test_the_files_are_for_their_owner_alone(desk: Path, tmp_path: Path) -> None:
    with open_store(desk) as store:
        access(store, "ann", tmp_path / "ann")
        paths = [tmp_path / "ann", *(tmp_path / "ann").iterdir()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o700, 0o600}
        with pytest.raises(FolderTaken, match="isn't empty"):
            access(store, "ann", tmp_path / "ann")
        with pytest.raises(UnknownCustomer, match="no customer nobody"):
            access(store, "nobody", tmp_path / "nobody")
    assert not (tmp_path / "nobody").exists()
