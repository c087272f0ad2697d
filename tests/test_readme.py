"""The README says what is so: its commands, tables and examples are held against the code."""

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from pydantic import ByteSize
from support import commands

from followsuit.cli import app
from followsuit.config import Settings, read_settings
from followsuit.gnn.models.registry import MODELS
from followsuit.graph.consent import CHANNELS
from followsuit.graph.tables import TABLES, Kind
from followsuit.loaders.mapping import ColumnMapping, TableMapping, read_mapping, shipped_mappings
from followsuit.offers.pipeline import OUT
from followsuit.queries.library import library
from followsuit.simulator import World

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
FOLLOWSUIT = typer.main.get_command(app)


class Block(NamedTuple):
    """A fenced block: its language, its text, and the marker before it."""

    language: str
    text: str
    marker: str


def blocks(text: str) -> list[Block]:
    found = re.finditer(r"(?:<!-- ([\w -]+) -->\n)?```(\w+)\n(.*?)^```$", text, re.M | re.S)
    return [Block(m[2], m[3], m[1] or "") for m in found]


def marked(marker: str) -> str:
    """The text of the one block with this marker."""
    (block,) = [b for b in blocks(README) if b.marker == marker]
    return block.text


def walk_through() -> list[Block]:
    start, end = (README.index(f"<!-- {x} -->") for x in ("walk-through", "end of walk-through"))
    return blocks(README[start:end])


def command_lines(text: str) -> list[list[str]]:
    """The arguments of every `followsuit` line."""
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [line[1:] for line in lines if line[:1] == ["followsuit"]]


def rows(first_column: str) -> list[tuple[str, ...]]:
    """The rows of the table whose first column is called this."""
    _, table = README.split(f"\n| {first_column} |")
    lines = table.partition("\n\n")[0].splitlines()[2:]
    return [tuple(line.strip("| ").split(" | ")) for line in lines]


def masked(text: str) -> list[str]:
    """Lines without what differs from place to place: numbers, ids, paths and rules."""
    words = [
        re.sub(r"\S*[\d/]\S*", "#", line.replace("─", " ")).split() for line in text.splitlines()
    ]
    return [" ".join(line) for line in words if line]


COMMANDS = [
    c for block in blocks(README) if block.language == "sh" for c in command_lines(block.text)
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_line_is_one_that_followsuit_takes(arguments: list[str]) -> None:
    command: Any = FOLLOWSUIT
    rest = list(arguments)
    while commands_of := getattr(command, "commands", None):
        command = commands_of[rest.pop(0)]
    # Parsing raises for an option that is unknown, a value of a wrong type, a missing argument.
    assert command.make_context(arguments[0], rest).params


def test_every_command_is_mentioned() -> None:
    runs = FOLLOWSUIT.commands["runs"]
    names = [*FOLLOWSUIT.commands, *(f"runs {name}" for name in runs.commands)]
    assert {"demo", "score", "runs list"} <= set(names)
    assert [name for name in names if not re.search(rf"[` ]{name}[` \n]", README)] == []


def test_the_walk_through_works_and_prints_what_the_readme_shows(tmp_path: Path) -> None:
    steps = walk_through()
    assert {block.language for block in steps} == {"sh", "text"}
    printed: list[str] = []
    for block in steps:
        if block.language == "sh":
            lines = command_lines(block.text)
            assert len(lines) == len(block.text.splitlines())
            printed = []
            for arguments in lines:
                outcome = commands.run(*arguments, folder=tmp_path)
                assert outcome.code == 0, f"{arguments}: {outcome.said}"
                printed += masked(outcome.out) + masked(outcome.said)
        else:
            left = iter(printed)
            missing = [line for line in masked(block.text) if line not in left]
            assert missing == [], f"not, or not in this order, among {printed}"
    python = subprocess.run(
        [sys.executable, "-c", marked("python")], cwd=tmp_path, capture_output=True, text=True
    )
    assert python.returncode == 0, python.stderr
    assert masked(python.stdout)[0].removesuffix(".") in " ".join(printed_by_why())


def printed_by_why() -> list[str]:
    """What the README shows as the answer of `why`."""
    steps = walk_through()
    return [
        line
        for command, shown in pairwise(steps)
        if "followsuit why " in command.text
        for line in masked(shown.text)
    ]


def test_the_demo_shows_the_columns_of_score_out() -> None:
    shown = tuple(name for name in OUT if name != "item_kind")
    assert tuple(marked("demo").splitlines()[0].split()) == shown
    said = re.search(r"`score --out` has (.*?);", README, re.S)
    assert said is not None
    assert re.findall(r"`(\w+)`", said[1]) == list(OUT)


def test_the_contract_is_that_of_the_code() -> None:
    expected = []
    for table in TABLES.values():
        columns = [
            f"`{f.name}{'*' if f.required else ''}`" + ("" if f.kind is Kind.TEXT else f" {f.kind}")
            for f in table.fields
        ]
        expected.append((f"`{table.name}`", ", ".join(columns)))
    assert rows("table") == expected
    assert [kind for kind in Kind if f"**{kind}**" not in README and kind is not Kind.TEXT] == []


def test_the_query_table_is_that_of_the_headers() -> None:
    expected = []
    for query in library().values():
        parameters = [
            f"`{p.name}*`" if p.default is None else f"`{p.name}={p.default}`"
            for p in query.parameters
        ]
        expected.append((f"`{query.name}`", query.question, ", ".join(parameters) or "none"))
    assert rows("query") == expected


def test_the_settings_are_those_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names, values = [], {}
    for key, variable, default, _ in rows("in the file"):
        name = variable.strip("`").removeprefix("FOLLOWSUIT_").lower()
        assert key == (f"`{name}`" if name != "neo4j_password" else "not allowed")
        assert variable.startswith(("`FOLLOWSUIT_", "`NEO4J_"))
        names.append(name)
        if default.startswith("`"):
            values[name] = default.strip("`")
    assert names == list(Settings.model_fields)
    assert set(values) == {"store", "memory", "timeout", "affinity"}
    monkeypatch.delenv("FOLLOWSUIT_AFFINITY")
    assert read_settings(**values) == read_settings()
    least = re.search(r"at least `(\w+)`", README)
    assert least is not None
    assert read_settings(memory=least[1]).memory == ByteSize(2**30)


def test_the_models_of_taste_are_those_of_the_code() -> None:
    needs = {name.strip("`"): needed for name, _, needed in rows("model")}
    assert list(needs) == list(MODELS)
    assert {name for name, needed in needs.items() if needed == "the extra"} == {
        "ials", "lightgcn", "social", "hetero",
    }  # fmt: skip
    section = README.partition("## Taste")[2].partition("\n## ")[0]
    gnn = FOLLOWSUIT.commands["gnn"].commands
    assert [name for name in gnn if not re.search(rf"`(followsuit gnn )?{name}`", section)] == []
    options = {o for command in gnn.values() for p in command.params for o in p.opts}
    options -= {"--store", "--refresh", "--seed", "--help"}
    assert [o for o in options if o[:2] == "--" and o not in section] == []


def test_the_mapping_is_understood_and_names_every_key(tmp_path: Path) -> None:
    path = tmp_path / "crm.toml"
    path.write_text(marked("mapping"))
    assert set(read_mapping(str(path)).tables) == {"purchases", "stores", "visits"}
    section = README.partition("## Mapping")[2].partition("\n## ")[0]
    keys = [*TableMapping.model_fields, *ColumnMapping.model_fields]
    assert [key for key in keys if not re.search(rf"\b{key}\b", section)] == []
    assert [name for name in shipped_mappings() if f"`{name}`" not in section] == []


def test_the_dials_and_sizes_of_the_simulator_are_those_of_the_code() -> None:
    world = World()
    dials = {dial.strip("`-"): float(default) for dial, default, _ in rows("dial, 0 to 1")}
    assert dials == {name: getattr(world, name) for name in dials}
    options = {o for p in FOLLOWSUIT.commands["simulate"].params for o in p.opts if o[:2] == "--"}
    section = README.partition("## The simulator")[2].partition("\n## ")[0]
    assert [option for option in options if f"`{option}" not in section] == []


def test_the_purposes_of_consent_are_those_of_the_code() -> None:
    purposes = [purpose for purpose, _ in rows("purpose")]
    assert purposes[:3] == ["`social_use`", "`named_use`", "`contact`"]
    assert purposes[3] == ", ".join(f"`{channel}`" for channel in CHANNELS)


def test_the_make_targets_exist() -> None:
    named = set(re.findall(r"^make ([\w-]+)|`make ([\w-]+)`", README, re.M))
    targets = {first or second for first, second in named}
    assert {"demo", "test", "neo4j"} <= targets
    assert [t for t in targets if not re.search(rf"^{t}:", MAKEFILE, re.M)] == []


def test_ci_runs_the_two_commands_that_the_readme_begins_with() -> None:
    first = blocks(README)[0].text
    two = [line.partition("#")[0].strip() for line in first.splitlines()]
    assert two == ["make demo", "make test"]
    steps = re.findall(r'^step ".*?" (.*)$', (ROOT / ".ci" / "run").read_text(), re.M)
    assert set(two) <= set(steps)


def test_links_lead_somewhere() -> None:
    headings = [line.lstrip("# ") for line in README.splitlines() if line.startswith("#")]
    anchors = {"#" + re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) >= 3
    assert [x for x in links if x not in anchors and not (ROOT / x).exists()] == []
