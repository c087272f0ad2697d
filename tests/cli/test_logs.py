"""Messages for people and for logs: formats, `--quiet`, and which steps have a line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.cli_shop import Shop
from support.commands import run_each

from followsuit.cli import progress, screen

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
PRUNE = ("runs", "prune")
WRONG = ("runs", "use", "never")


def test_messages_have_a_time_and_a_level_where_asked(own_shop: Shop) -> None:
    text, fields = ("--log-format", "text"), ("--log-format", "json")
    said, failed, said_as_json, failed_as_json, plain = run_each(
        [[*PRUNE, *text], [*WRONG, *text], [*PRUNE, *fields], [*WRONG, *fields], PRUNE],
        own_shop.folder,
    )
    assert [d.code for d in (said, failed, said_as_json, failed_as_json, plain)] == [0, 2, 0, 2, 0]
    assert re.fullmatch(rf"{TIME} INFO 0 runs deleted\.\n", said.said)
    assert re.fullmatch(rf"{TIME} ERROR There is no run never; [^\n]+\n", failed.said)
    for done, level in ((said_as_json, "INFO"), (failed_as_json, "ERROR")):
        assert done.said.count("\n") == 1
        line = json.loads(done.said)
        assert list(line) == ["time", "level", "message"]
        assert (line["level"], bool(re.fullmatch(TIME, line["time"]))) == (level, True)
    assert plain.said == "0 runs deleted.\n"


def test_quiet_leaves_results_warnings_and_errors(own_shop: Shop) -> None:
    (own_shop.folder / "bad").mkdir()
    answers = {"c0001": "perhaps", "c0002": "true"}
    lines = [f"{who},contact,{granted},2025-01-01\n" for who, granted in answers.items()]
    consents = own_shop.folder / "bad" / "consents.csv"
    consents.write_text("customer_id,purpose,granted,at\n" + "".join(lines))
    said, failed, warned, logged, listed = run_each(
        [
            [*PRUNE, "--quiet"],
            [*WRONG, "--quiet"],
            ["load", "bad", "--quiet"],
            ["load", "bad", "--quiet", "--log-format", "text"],
            ["runs", "list", "--quiet"],
        ],
        own_shop.folder,
    )
    assert (said.code, said.said) == (0, "")
    assert failed.said.startswith("followsuit: There is no run never;")
    assert all(line.startswith("WARNING: ") for line in warned.said.splitlines()), warned
    levels = [line.split()[1] for line in logged.said.splitlines()]
    assert set(levels) == {"WARNING"}, logged
    assert listed.out.startswith("* ")


def test_an_unknown_format_is_one_line(tmp_path: Path) -> None:
    (done,) = run_each([["runs", "list", "--log-format", "xml"]], tmp_path)
    assert done.code == 2
    assert "Invalid value for '--log-format'" in done.said


def test_a_step_inside_another_has_no_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_LONG", -1.0)
    with progress.show("searching settings of ease") as advance:
        for _ in range(3):
            with progress.show("fitting EASE", 3):
                advance(1)
    with progress.show("ranking offers"):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["searching settings of ease: 0 s", "ranking offers: 0 s"]


def test_quiet_shows_no_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_LONG", -1.0)
    monkeypatch.setattr(screen, "_log", screen._Log(quiet=True))
    with progress.show("ranking offers"):
        pass
    assert capsys.readouterr().err == ""


def test_a_log_leaves_out_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log: Any = screen._Log(format=screen.LogFormat.JSON)
    monkeypatch.setattr(screen, "_log", log)
    screen.results(to_stderr=True).print("a table")
    screen.results().print("a table")
    assert capsys.readouterr() == ("a table\n", "")
