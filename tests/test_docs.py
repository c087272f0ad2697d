"""The site builds without a warning, its links lead somewhere, and its snippets work.

A comment before a fenced block says what becomes of it, in the order of a page:

    <!-- file NAME -->   write it to this file
    <!-- run -->         run it, as bash or as Python
    <!-- shows -->       what the block before it prints, or some lines of it
"""

import os
import re
import stat
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
START = "first-ten-minutes"
"""The page that makes the shop that the others use."""


class Block(NamedTuple):
    """A fenced block: what to do with it, its language and its text."""

    action: str
    name: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    found = re.finditer(
        r"<!-- (run|shows|file (\S+)) -->\n```(\w+)\n(.*?)^```$", page.read_text(), re.M | re.S
    )
    return [Block(m[1].split()[0], m[2] or "", m[3], m[4]) for m in found]


PAGES = {str(p.relative_to(DOCS).with_suffix("")): p for p in sorted(DOCS.rglob("*.md"))}
WITH_SNIPPETS = [name for name, page in PAGES.items() if blocks(page) and name != START]


def follow(page: Path, folder: Path) -> None:
    """Do what a reader of the page would do."""
    printed = ""
    for block in blocks(page):
        if block.action == "file":
            path = folder / block.name
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
        elif block.action == "run":
            printed = run(block, folder)
        else:
            left = iter(masked(printed))
            missing = [line for line in masked(block.text) if line not in left]
            assert missing == [], f"{page} shows what is not, or not in this order, in\n{printed}"


def run(block: Block, folder: Path) -> str:
    """All that a block prints."""
    start = {"bash": ["bash", "-euo", "pipefail"], "python": [sys.executable]}[block.language]
    done = subprocess.run(
        [*start, "-c", block.text],
        cwd=folder,
        env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}"
    return done.stdout


def masked(text: str) -> list[str]:
    """Lines without what differs from place to place: numbers and ids with digits."""
    lines = [
        re.sub(r"\S*[\d/]\S*", "#", line.replace("─", " ")).split() for line in text.splitlines()
    ]
    return [" ".join(line) for line in lines if line]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody has followed the first ten minutes."""
    folder = tmp_path_factory.mktemp("shop")
    command = folder / "bin" / "followsuit"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m followsuit "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    follow(PAGES[START], folder)
    return folder


@pytest.mark.parametrize("name", WITH_SNIPPETS)
def test_the_snippets_of_a_page_work(name: str, shop: Path) -> None:
    follow(PAGES[name], shop)


def test_every_marker_is_understood() -> None:
    for page in PAGES.values():
        assert len(blocks(page)) == len(re.findall(r"<!--", page.read_text())), page


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    for name in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(name, reason=f"{name} isn't installed: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--nitpicky", "--quiet"]
    done = subprocess.run([*command, DOCS, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


class Links(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {value for value in [values.get("id")] if value}
        target = values.get("href") or values.get("src")
        if target:
            (self.links if tag == "a" else self.loaded).add(target)


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    pages = {page: Links(page.read_text()) for page in site.rglob("*.html")}
    assert len(pages) > len(PAGES)
    wrong = []
    for page, parsed in pages.items():
        for link in parsed.links | parsed.loaded:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            anchored = not parts.fragment or target not in pages
            if not target.exists() or not (anchored or parts.fragment in pages[target].anchors):
                wrong.append(f"{page.relative_to(site)}: {link}")
    assert wrong == []


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = Links(page.read_text()).loaded
        assert [x for x in loaded if urlsplit(x).scheme not in ("", "data")] == [], page


def test_every_page_is_in_the_navigation(site: Path) -> None:
    links = Links((site / "index.html").read_text()).links
    assert [name for name in PAGES if name != "index" and f"{name}.html" not in links] == []


def test_the_meanings_are_those_of_columns_that_exist() -> None:
    import meanings

    from followsuit.graph.schema import NODES
    from followsuit.graph.tables import TABLES, Kind

    columns = {(table.name, str(f.name)) for table in TABLES.values() for f in table.fields}
    assert set(meanings.OF_TABLE) <= columns
    assert set(meanings.COLUMNS) <= {name for _, name in columns}
    assert set(meanings.TABLES) == set(TABLES)
    assert set(meanings.KINDS) == set(Kind)
    assert set(meanings.NODES) == {node.label for node in NODES}


def test_the_reference_names_every_command_query_setting_and_error(site: Path) -> None:
    import describe_code
    import typer

    from followsuit.cli import app
    from followsuit.config import Settings
    from followsuit.queries.library import library

    reference = {page.stem: page.read_text() for page in (site / "reference").glob("*.html")}
    expected = {
        "commands": [
            name
            for command in typer.main.get_command(app).commands.values()
            for parameter in command.params
            for name in parameter.opts
            if name.startswith("--")
        ],
        "queries": list(library()),
        "settings": [name.upper() for name in Settings.model_fields],
        "errors": [error.name for error in describe_code.all_errors()],
    }  # fmt: skip
    assert {"DeliveryError", "MissingExtra", "StoreBusy"} <= set(expected["errors"])
    assert [x for page, names in expected.items() for x in names if x not in reference[page]] == []
