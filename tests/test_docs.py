"""The site builds without a warning, its links lead somewhere, its snippets work, and what its text
says of the code is so.
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import draw_rooms
import pytest
import typer
from pydantic import ByteSize
from support.pages import blocks, check_command, commands_of, follow, make_commands, rows

from followsuit.cli import app
from followsuit.config import read_settings
from followsuit.gnn.models.registry import MODELS
from followsuit.graph.consent import CHANNELS
from followsuit.graph.tables import TABLES
from followsuit.loaders.mapping import read_mapping
from followsuit.offers.decisions.allocated import Allocated
from followsuit.offers.decisions.decision_rows import schema_of
from followsuit.offers.explanation.not_offered import EXPLAINED
from followsuit.offers.handoff.checks import RULES
from followsuit.offers.handoff.forms import FORMS
from followsuit.offers.run.out import OUT
from followsuit.policy.contact.answers import NO_ANSWER
from followsuit.policy.declared.policy import Policy
from followsuit.policy.declared.policy_file import parse_policy
from followsuit.simulator import World
from followsuit.triggers.definitions.definition_file import parsed

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
START = "first-ten-minutes"
"""The page that makes the shop that the others use."""
FOLLOWSUIT: Any = typer.main.get_command(app)

PAGES = {str(p.relative_to(DOCS).with_suffix("")): p for p in sorted(DOCS.rglob("*.md"))}
TEXTS = {name: page.read_text() for name, page in PAGES.items()}
WITH_SNIPPETS = [
    name
    for name, text in TEXTS.items()
    if name != START and any(block.action for block in blocks(text))
]
COMMANDS = sorted(
    {c for text in TEXTS.values() for c in commands_of(text) if c[-1:] != ("--help",)}
)
"""Those with `--help` end there: their pages run them."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody has followed the first ten minutes."""
    folder = tmp_path_factory.mktemp("shop")
    make_commands(folder)
    follow(PAGES[START], folder)
    return folder


@pytest.mark.parametrize("name", WITH_SNIPPETS)
def test_the_snippets_of_a_page_work(name: str, shop: Path, tmp_path: Path) -> None:
    if "followsuit simulate shop " not in TEXTS[name]:
        follow(PAGES[name], shop)
    else:  # It begins in an empty folder.
        make_commands(tmp_path)
        follow(PAGES[name], tmp_path)


def test_every_marker_is_understood() -> None:
    for name, text in TEXTS.items():
        marked = [block for block in blocks(text) if block.action]
        assert len(marked) == len(re.findall(r"<!--", text)), name


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_line_is_one_that_followsuit_takes(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check_command(arguments)


def test_a_list_from_the_code_is_described_for_readers_of_the_plain_page() -> None:
    described, silent = set(), []
    for name, text in TEXTS.items():
        for found in re.finditer(r"^```\{(?:generated|eval-rst)\}", text, re.M):
            before = text[: found.start()].rstrip().splitlines()[-1]
            if before.startswith("#"):
                silent.append((name, before))
            described.add(name)
    assert silent == []
    reference = {name for name in PAGES if name.startswith("reference/")}
    assert described >= reference
    shown = re.compile(r"followsuit|dtypes")
    assert [n for n in reference if not any(shown.search(b.text) for b in blocks(TEXTS[n]))] == []
    assert [n for n in reference if "`make docs` builds" not in TEXTS[n]] == []


def test_every_mapping_is_one_that_followsuit_takes(tmp_path: Path) -> None:
    mappings = [b.text for t in TEXTS.values() for b in blocks(t) if "[tables." in b.text]
    assert len(mappings) == 3
    for text in mappings:
        path = tmp_path / "crm.toml"
        path.write_text(text)
        assert len(read_mapping(str(path)).tables) >= 2


def test_every_trigger_is_one_that_followsuit_takes() -> None:
    texts = [b.text for t in TEXTS.values() for b in blocks(t) if "\nwhen = [" in b.text]
    assert len(texts) >= 5
    for text in texts:
        assert parsed(text, "page.toml")


def test_every_policy_is_one_that_followsuit_takes() -> None:
    texts = [b.text for t in TEXTS.values() for b in blocks(t) if "[limits]" in b.text]
    valid = [parse_policy(text, "page.toml").policy for text in texts if "chanels" not in text]
    said = {section for policy in valid for section in policy.as_dict()}
    assert said == {"contact", "limits", "never", "holdout"}


def test_the_settings_file_is_one_that_followsuit_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = [b for b in blocks(TEXTS["reference/settings"]) if b.language == "toml"]
    Path("followsuit.toml").write_text(block.text)
    monkeypatch.delenv("FOLLOWSUIT_AFFINITY", raising=False)
    assert read_settings().memory == ByteSize(6 * 2**30)
    assert read_settings().affinity == "linear"


def test_the_make_targets_exist() -> None:
    named = re.findall(r"(?:^|`)make ([\w-]+)", "\n".join(TEXTS.values()), re.M)
    assert {"neo4j", "install"} <= set(named)
    makefile = (ROOT / "Makefile").read_text()
    assert [t for t in named if not re.search(rf"^{t}:", makefile, re.M)] == []


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
    for page, read in pages.items():
        for link in read.links | read.loaded:
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
    import describe_policy
    import meanings

    from followsuit.graph.tables import Kind

    columns = {(table.name, str(f.name)) for table in TABLES.values() for f in table.fields}
    assert set(meanings.OF_TABLE) <= columns
    assert set(meanings.COLUMNS) <= {name for _, name in columns}
    assert set(meanings.TABLES) == set(TABLES)
    assert set(meanings.KINDS) == set(Kind)
    assert set(meanings.DECISIONS) == set(schema_of(["popularity"]).names)
    assert set(meanings.POLICY) == set(describe_policy.all_keys())


def leaves(command: Any = FOLLOWSUIT, path: str = "") -> list[tuple[str, Any]]:
    """Every command that has none below it, by the words to type."""
    below = getattr(command, "commands", None)
    if below is None:
        return [(path, command)]
    return [leaf for name, one in below.items() for leaf in leaves(one, f"{path} {name}".strip())]


def test_the_reference_names_all_that_users_write_and_read(site: Path) -> None:
    import describe_code
    import describe_policy

    from followsuit.config import Settings
    from followsuit.graph.description.elements import labels, relationships
    from followsuit.loaders.mapping import ColumnMapping, TableMapping, shipped_mappings
    from followsuit.queries.library import library

    reference = {page.stem: page.read_text() for page in (site / "reference").glob("*.html")}
    queries = library().values()
    expected = {
        "commands": [
            name
            for path, command in leaves()
            for name in (path, *(o for p in command.params for o in p.opts if o[:2] == "--"))
            if name != "--help"
        ],
        "tables": [
            str(n)
            for table in TABLES.values()
            for n in (table.name, *(f.name for f in table.fields))
        ],
        "mapping": [*TableMapping.model_fields, *ColumnMapping.model_fields, *shipped_mappings()],
        "queries": [
            n for q in queries for n in (q.name, *(p.name for p in q.parameters), *q.columns)
        ],
        "settings": [
            f"{'' if name.startswith('neo4j_') else 'FOLLOWSUIT_'}{name.upper()}"
            for name in Settings.model_fields
        ],
        "policy": [
            *(key.partition(".")[2] for key in describe_policy.all_keys()),
            *(f"[{name}]" for name, field in Policy.model_fields.items() if name != "version"),
            *CHANNELS,
            *NO_ANSWER,
        ],
        "decisions": [
            *schema_of(["popularity"]).names,
            *(f"allocation.{key}" for key in Allocated(0.0, 0.0, 0.0).as_dict()),
            "decisions",
            "suppressed",
        ],
        "graph": [
            x
            for element in (*labels(), *relationships())
            for x in (element.name, *(p.name for p in element.properties))
        ],
        "errors": [error.name for error in describe_code.all_errors()],
    }
    least = re.search(r"at least (\w+)", reference["settings"])
    assert least is not None
    assert read_settings(memory=least[1]).memory == ByteSize(2**30)
    assert {"DeliveryError", "MissingExtra", "StoreBusy"} <= set(expected["errors"])
    assert {"runs list", "gnn evaluate", "--max-age"} <= set(expected["commands"])
    assert [
        (page, x)
        for page, names in expected.items()
        for x in names
        if f">{x}" not in reference[page]
    ] == []


def test_the_ranking_page_names_the_columns_of_score_and_every_rule(site: Path) -> None:
    said = re.search(r"`score --out` has (.*?)\.", TEXTS["explanation/ranking"], re.S)
    assert said is not None
    assert re.findall(r"`(\w+)`", said[1]) == list(OUT)
    page = (site / "explanation" / "ranking.html").read_text()
    assert [rule for rule in EXPLAINED if f">{rule}<" not in page] == []


def test_the_taste_page_names_every_model_and_which_need_the_extra() -> None:
    needs = {
        name.strip("`"): needed for name, _, needed in rows(TEXTS["explanation/taste"], "model")
    }
    assert list(needs) == list(MODELS)
    assert {name for name, needed in needs.items() if needed == "the extra"} == {
        "ials",
        "lightgcn",
        "social",
        "hetero",
    }


def test_the_purposes_of_consent_are_those_of_the_code() -> None:
    purposes = [purpose for purpose, _ in rows(TEXTS["explanation/privacy"], "purpose")]
    assert purposes[:3] == ["`social_use`", "`named_use`", "`contact`"]
    assert purposes[3] == ", ".join(f"`{channel}`" for channel in CHANNELS)


def test_the_page_on_the_hand_off_names_every_file_and_rule() -> None:
    text = TEXTS["how-to/hand-off"]
    files = {channel: file for channel, file, _ in rows(text, "channel")}
    forms = {f"`{c}`" if c else "none": f"`{form.file}`" for c, form in FORMS.items()}
    assert list(files.items()) == list(forms.items())
    assert rows(text, "rule") == [(f"`{rule.name}`", rule.sentence) for rule in RULES]


def test_the_dials_and_options_of_the_simulator_are_those_of_the_code() -> None:
    world, text = World(), TEXTS["how-to/simulate"]
    dials = {dial.strip("`-"): float(default) for dial, default, _ in rows(text, "dial")}
    assert dials == {name: getattr(world, name) for name in dials}
    options = {o for p in FOLLOWSUIT.commands["simulate"].params for o in p.opts if o[:2] == "--"}
    of_all = {"--help", "--log-format", "--quiet"}
    assert [option for option in options - of_all if f"`{option}" not in text] == []


def test_the_architecture_page_names_every_room() -> None:
    named = [room.strip("`/") for room, _ in rows(TEXTS["explanation/architecture"], "room")]
    assert named[0] == "src/followsuit"
    assert set(named[1:]) == set(draw_rooms.may_import())
