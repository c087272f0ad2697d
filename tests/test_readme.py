"""The README says what is so: its commands and examples run, and it is short."""

import re
from pathlib import Path

import pytest
from support.commands import run
from support.pages import blocks, check_command, commands_of, follow, make_commands

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "README.md"
README = PAGE.read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_it_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("arguments", commands_of(README), ids=" ".join)
def test_every_command_line_is_one_that_followsuit_takes(arguments: tuple[str, ...]) -> None:
    check_command(arguments)


def test_the_walk_works_and_prints_what_the_readme_shows(tmp_path: Path) -> None:
    make_commands(tmp_path)
    follow(PAGE, tmp_path)


def test_the_walk_runs_all_that_the_readme_shows() -> None:
    commands = {arguments[0] for arguments in commands_of(README)}
    assert {"simulate", "load", "score", "why", "why-not", "query", "cypher"} <= commands
    idle = [block for block in blocks(README) if not block.action and "followsuit" in block.text]
    assert idle == []


@pytest.mark.long
def test_the_demo_prints_what_the_pages_show(tmp_path: Path) -> None:
    done = run("demo", folder=tmp_path)
    printed = [" ".join(line.rstrip("─ ").split()) for line in done.out.splitlines()]
    for page in (PAGE, ROOT / "docs" / "first-ten-minutes.md"):
        text = page.read_text()
        shown = [b.text for b in blocks(text) if b.language == "text" and not b.action]
        left = iter(printed)
        lines = [" ".join(line.split()) for line in "".join(shown).splitlines()]
        assert [line for line in lines if line not in left] == [], page


def test_the_make_targets_exist() -> None:
    named = set(re.findall(r"^make ([\w-]+)|`make ([\w-]+)`", README, re.M))
    targets = {first or second for first, second in named}
    assert {"demo", "test", "docs"} <= targets
    assert [t for t in targets if not re.search(rf"^{t}:", MAKEFILE, re.M)] == []


def test_ci_runs_the_two_commands_that_the_readme_begins_with() -> None:
    first = blocks(README)[0].text
    two = [line.partition("#")[0].strip() for line in first.splitlines()]
    assert two == ["make demo", "make test"]
    steps = re.findall(r'^step ".*?" (.*)$', (ROOT / ".ci" / "run").read_text(), re.M)
    assert set(two) <= set(steps)


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) >= 20
    for link in links:
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists(), link
        assert not anchor or anchor in anchors(ROOT / path), link


def anchors(page: Path) -> set[str]:
    """The names of the headings of a page, as GitHub makes them."""
    headings = [line.lstrip("# ") for line in page.read_text().splitlines() if line[:1] == "#"]
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
