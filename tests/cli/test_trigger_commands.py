"""`trigger list`, `check`, `preview` and `report`."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from support.cli_shop import AS_OF, Shop
from support.commands import Outcome, run_each
from support.deliveries import deliver
from support.snapshots import day

import followsuit
from followsuit.testing.places import Place
from followsuit.triggers.trigger import REASONS

REGULAR = """
[regular]
reason = "you come often"
when = [{ did = "purchase", at_least = 3, within = "60d" }]

[birthday]
when = [{ date = "birth_date", ahead = "14d" }]
"""
PERIOD = ("--from", "2025-03-01", "--to", "2025-05-20")


def refused(done: Outcome) -> str:
    """The one line that a command refuses with."""
    assert (done.code, done.out) == (2, ""), done
    (line,) = done.said.splitlines()
    return line.removeprefix("followsuit: ")


def written(folder: Path, text: str, name: str = "own.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_list_names_conditions_windows_and_files_of_shipped_and_own_triggers(
    tmp_path: Path,
) -> None:
    own = written(tmp_path, REGULAR)
    plain, listed, printed = run_each(
        [
            ["trigger", "list"],
            ["trigger", "list", "--triggers", own],
            ["trigger", "list", "--triggers", own, "--json", "-"],
        ],
        tmp_path,
    )
    assert (plain.code, plain.said) == (0, "")
    assert "basket within 3d; no purchase of the same product within 3d" in plain.out
    assert "regular" not in plain.out
    assert "purchase at least 3 times within 60d" in listed.out
    rows = {row["name"]: row for row in json.loads(printed.out)}
    assert list(rows)[:2] == ["friend_bought", "friend_visited"]
    assert rows["friend_bought"] == {
        "name": "friend_bought",
        "looks_for": "a friend's purchase within 14d",
        "window": "14d",
        "file": "shipped",
    }
    assert rows["birthday"]["window"] == "14d ahead"
    assert rows["birthday"]["looks_for"] == "birth_date at most 14d ahead"
    assert rows["birthday"]["file"] == rows["regular"]["file"] == str(own)


def test_the_file_in_the_working_folder_is_the_default(tmp_path: Path) -> None:
    written(tmp_path, REGULAR, "followsuit-triggers.toml")
    listed, checked = run_each([["trigger", "list", "--json", "-"], ["trigger", "check"]], tmp_path)
    assert "regular" in {row["name"] for row in json.loads(listed.out)}
    assert "2 triggers in followsuit-triggers.toml are valid." in checked.said


def test_check_says_how_many_triggers_are_valid_or_what_is_wrong_where(
    shop: Shop, tmp_path: Path
) -> None:
    good = written(tmp_path, REGULAR)
    wrong = written(
        tmp_path, REGULAR + "[x]\nwhen = [{ did = 'basket', withn = '3d' }]\n", "w.toml"
    )
    unseen = written(tmp_path, "[x]\nwhen = [{ did = 'baskets' }]\n", "u.toml")
    column = written(
        tmp_path, "[x]\nwhen = [{ did = 'purchase', where = { colour = 'red' } }]\n", "c.toml"
    )
    nothing, with_option, alone, badly, never, attribute, none = run_each(
        [
            ["trigger", "check", good],
            ["trigger", "check", "--triggers", good],
            ["trigger", "check", good, "--store", tmp_path / "none.lbug"],
            ["trigger", "check", wrong],
            ["trigger", "check", unseen],
            ["trigger", "check", column],
            ["trigger", "check"],
        ],
        shop.folder,
    )
    valid = f"2 triggers in {good} are valid.\n"
    assert (nothing.code, nothing.said) == (with_option.code, with_option.said) == (0, valid)
    assert (alone.code, alone.said) == (
        0,
        f"There is no store, so only the file is checked.\n{valid}",
    )
    assert refused(badly).startswith(f"{wrong}, line 9: there is no key withn here.")
    assert "Did you mean within?" in refused(badly)
    assert "x: the store has no events of kind baskets. Did you mean basket?" in refused(never)
    assert "have no column colour" in refused(attribute)
    assert "There is no followsuit-triggers.toml here" in refused(none)


def test_preview_writes_the_reasons_of_one_trigger(shop: Shop, tmp_path: Path) -> None:
    out, csv = tmp_path / "reasons.parquet", tmp_path / "reasons.csv"
    preview = ["trigger", "preview", "friend_bought", "--as-of", AS_OF]
    first, again, unknown, unwritable = run_each(
        [
            [*preview, "--out", out],
            [*preview, "--out", csv, "--json", "-"],
            ["trigger", "preview", "friend_bougt", "--as-of", AS_OF, "--out", out],
            [*preview, "--out", tmp_path / "reasons.txt"],
        ],
        shop.folder,
    )
    table = pq.read_table(out)
    assert table.column_names == list(REASONS)
    assert str(table.schema.field("store_ids").type) == "list<element: string>"
    rows = table.to_pylist()
    assert {row["trigger"] for row in rows} == {"friend_bought"}
    assert rows == sorted(rows, key=lambda row: (row["customer_id"], row["fired_at"]))
    counts = json.loads(again.out)
    people = {row["customer_id"] for row in rows}
    assert counts == {
        "reasons": len(rows),
        "customers": len(people),
        "ties": "learned",
        "without_store": 0,
        "other_currencies": 0,
        "shortage": None,
    }
    assert f"{len(rows):>12,} reasons of {len(people):,} customers\n" in first.said
    assert "The strength uses learned tie weights." in first.said
    assert csv.read_text().splitlines()[0] == ",".join(REASONS)
    assert refused(unknown) == "There is no trigger friend_bougt. Did you mean friend_bought?"
    assert ".parquet, .csv, .json or .xlsx" in refused(unwritable)


def test_report_judges_each_trigger_and_draws_the_lifts(shop: Shop, tmp_path: Path) -> None:
    own, picture = written(tmp_path, REGULAR), tmp_path / "lifts.png"
    command = ["trigger", "report", *PERIOD, "--horizon", "30d", "--every", "14d"]
    chosen = ["--triggers", own, "--only", "regular,friend_bought,birthday"]
    printed, drawn, kinds, short, unknown = run_each(
        [
            [*command, *chosen, "--json", "-"],
            [*command, *chosen, "--plot", picture, "--json", tmp_path / "r.json"],
            [*command, *chosen, "--outcome", "visit", "--outcome", "basket", "--json", "-"],
            [*command[:-4], "--horizon", "100d"],
            [*command, "--outcome", "baskt"],
        ],
        shop.folder,
    )
    figures = json.loads(printed.out)
    assert json.loads((tmp_path / "r.json").read_text()) == figures
    assert list(figures) == ["regular", "birthday", "friend_bought"]
    for name, each in figures.items():
        assert set(each) >= {"reasons", "customers", "outcomes", "grade", "verdict"}
        assert each["grade"] == "adjusted"
        assert each["verdict"] in ("higher", "no evidence", "too few")
        assert list(each["outcomes"]) == ["offered", "purchase"]
        assert set(each["overlap"]) == set(figures) - {name}
        for outcome in each["outcomes"].values():
            assert list(outcome) == ["rate", "base", "lift"]
            assert list(outcome["lift"]) == ["value", "low", "high"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "Only an experiment shows what an offer causes." in drawn.out
    assert "friendships" in drawn.out
    assert list(json.loads(kinds.out)["regular"]["outcomes"]) == ["visit", "basket"]
    assert refused(short).startswith("No day fits: 2025-03-01 plus a horizon of 100 days")
    assert "Did you mean basket?" in refused(unknown)


def test_without_a_store_preview_and_report_say_what_to_do(tmp_path: Path) -> None:
    out = tmp_path / "reasons.parquet"
    previewed, judged = run_each(
        [
            ["trigger", "preview", "birthday", "--as-of", AS_OF, "--out", out],
            ["trigger", "report", *PERIOD],
        ],
        tmp_path,
    )
    assert refused(previewed) == refused(judged)
    assert "Run `followsuit load FOLDER" in refused(judged)
    assert not out.exists()


# On both engines.

TRIP = """
[trip]
when = [
  { did = "flight_booked", within = "31d", away = true },
  { did = "purchase", sum = "amount", at_least = 10, within = "31d" },
]
offer = { stores_near = "flight_booked", within_km = 50 }
"""


def travellers(folder: Path) -> Path:
    """Ann flies to Kiel, which has a store, and Bob to Rome, which has none."""
    flights = [("ann", "Kiel"), ("bob", "Rome"), ("cas", "Ulm")]
    paid = [("ann", "12.00", "EUR"), ("ann", "5.00", "USD"), ("bob", "11.00", "EUR")]
    tables: dict[str, list[dict[str, Any]]] = {
        "customers": [{"customer_id": c, "city": "Ulm"} for c in ("ann", "bob", "cas")],
        "products": [{"product_id": "tea"}],
        "stores": [{"store_id": "pier", "city": "Kiel"}, {"store_id": "mall", "city": "Ulm"}],
        "events": [
            {"customer_id": c, "kind": "flight_booked", "at": day(10).isoformat(), "city": city}
            for c, city in flights
        ],
        "purchases": [
            {
                "customer_id": c,
                "product_id": "tea",
                "at": day(9).isoformat(),
                "amount": amount,
                "currency": currency,
            }
            for c, amount, currency in paid
        ],
    }
    return deliver(folder, **tables)


def test_a_preview_counts_whom_it_leaves_out_on_both_engines(place: Place, tmp_path: Path) -> None:
    own = written(tmp_path, TRIP)
    with followsuit.open(
        place.name,
        neo4j_username=place.username,
        neo4j_password=place.password,
        state=place.state,
    ) as shop:
        shop.load(travellers(tmp_path / "delivery"))
        found = shop.preview("trip", "2025-01-20", triggers=own)
        assert shop.check_triggers(own).with_store
    (row,) = found.table.to_pylist()
    assert (row["customer_id"], row["store_ids"]) == ("ann", ["pier"])
    assert (row["fired_at"], row["item_kind"]) == (day(10), None)
    assert found.as_dict() == {
        "reasons": 1,
        "customers": 1,
        "ties": None,
        "without_store": 1,
        "other_currencies": 1,
        "shortage": None,
    }
