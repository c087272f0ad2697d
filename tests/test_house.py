"""The rooms of the house: where they lie, which may import which, and which one cuts time."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "followsuit"

MAY_IMPORT = {
    "core": set(),
    "graph": {"core"},
    "simulator": {"core", "graph"},
    "loaders": {"core", "graph"},
    "queries": {"core", "graph"},
    "influence": {"core", "graph"},
    "gnn": {"core", "graph"},
    "customers": {"core", "graph"},
    "triggers": {"core", "graph", "influence", "customers"},
    "policy": {"core", "graph", "customers"},
    "offers": {"core", "graph", "influence", "gnn", "customers", "triggers", "policy"},
    "privacy": {
        "core",
        "graph",
        "loaders",
        "influence",
        "gnn",
        "customers",
        "triggers",
        "policy",
        "offers",
    },
}
"""Of each room the others that it may import; the face in `src/followsuit` may import all."""

FACE = ("api", "cli", "testing")
"""Folders of the public face."""
AS_OF = "followsuit.graph.views.as_of"
MAY_COMPARE_INSTANTS = {
    AS_OF: "views cut time with it",
    "followsuit.graph.results.runs": "runs have an order in time",
    "followsuit.gnn.evaluation.ablation_result": "the newest ablation that was run by an instant",
    "followsuit.influence.probabilities.edges": "the active run counts unless it is of a later day",
    "followsuit.gnn.data.from_view": "a note says that the test period outlasts the data",
    "followsuit.offers.learning.learned": "settings of an earlier run are used again",
    "followsuit.offers.run.guards": "an older run doesn't replace a newer one",
    "followsuit.offers.backtest.backtest": "the labels of a cutoff are known one horizon after it",
    "followsuit.offers.backtest.calibrated": "and so are those of a cutoff to calibrate on",
    "followsuit.offers.replay.contacted": "and so are those of a contact",
    "followsuit.privacy.prune": "runs that are too old go",
    "followsuit.policy.sensitive.sensitive_purchases": "the audit looks back from its day",
    "followsuit.cli.commands.runs": "the output names the day of the oldest run",
}
"""Modules that compare a time with an `as_of`, and why they may."""
MAY_NAME_SENSITIVE = {
    "followsuit.graph.schema": "it names all columns",
    "followsuit.graph.views.sensitive": "views and withdrawals ask it what is sensitive",
    "followsuit.graph.tables": "it is the contract",
}
"""Modules that read the column `sensitive`, and why they may."""

ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_symlink())


def python_files() -> dict[str, Path]:
    """Every module of the package by its dotted name, through the links."""
    files = sorted(PACKAGE.glob("*.py"))
    for folder in FACE:
        files += sorted((PACKAGE / folder).rglob("*.py"))
    for room in ROOMS:
        files += sorted(path for path in (PACKAGE / room).rglob("*.py"))
    parts = {path: path.relative_to(PACKAGE.parent).with_suffix("").parts for path in files}
    return {".".join(names).removesuffix(".__init__"): path for path, names in parts.items()}


MODULES = python_files()


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only the type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from runtime_nodes(node)


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports at run time, in functions too; `.x` is relative."""
    imported = set()
    for node in runtime_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = {f"{module}.{alias.name}" for alias in node.names}
            # `from package import module` is an import of the module.
            imported |= {name if name in MODULES else module for name in names}
    return imported


def room_of(module: str) -> str:
    """The room that a module of ours lies in; the face's modules are in `followsuit`."""
    second = module.split(".")[1] if "." in module else ""
    return second if second in MAY_IMPORT else "followsuit"


def test_every_room_is_a_relative_link_to_a_folder_at_the_root() -> None:
    for room in ROOMS:
        link = PACKAGE / room
        assert link.readlink() == Path("..", "..", room)
        assert link.resolve() == ROOT / room
        assert (link / "__init__.py").is_file()
    assert set(ROOMS) <= set(MAY_IMPORT)
    assert {"graph", "loaders", "queries", "offers"} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_that_it_may(room: str) -> None:
    allowed = {room} | MAY_IMPORT[room]
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if room_of(module) == room
        for name in imports(path)
        if name.split(".")[0] == "followsuit" and room_of(name) not in allowed
    ]
    assert wrong == []


def test_contributing_says_which_room_may_import_which() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for room in ROOMS:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{room}/`"))
        allowed = row.strip("| ").split(" | ")[-1]
        said = set() if allowed == "none of ours" else set(allowed.split(", "))
        assert said == MAY_IMPORT[room]


def test_imports_are_absolute() -> None:
    for path in MODULES.values():
        for name in imports(path):
            assert not name.startswith("."), f"{path}: {name}"
            assert name.split(".")[0] not in MAY_IMPORT, f"{path}: {name}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    edges = [(m, name) for m, path in MODULES.items() for name in imports(path) if name in MODULES]
    assert len(edges) > len(MODULES)
    assert list(nx.simple_cycles(nx.DiGraph(edges))) == []


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("followsuit.cli.app", ("ibis", "numba", "pandas", "pyarrow", "scipy", "torch")),
        # It answers from one file of the run.
        ("followsuit.offers.explanation.explain", ("ibis", "numba", "pandas", "scipy", "torch")),
    ],
)
def test_what_starts_fast_imports_nothing_slow(module: str, left_out: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    imported = set(done.stdout.split())
    assert module in imported
    assert imported.isdisjoint(left_out)


def test_the_tests_are_laid_out_as_the_rooms_are() -> None:
    folders = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and p.name[0] not in "._"}
    assert folders <= {*ROOMS, *FACE, "support"}


ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
ORDERING_FUNCTIONS = {"less", "less_equal", "greater", "greater_equal", "between"}


def names_in(node: ast.AST) -> set[str]:
    """The names, attributes and subscripts by text that an expression is made of."""
    inner = list(ast.walk(node))
    return (
        {each.id for each in inner if isinstance(each, ast.Name)}
        | {each.attr for each in inner if isinstance(each, ast.Attribute)}
        | {str(each.value) for each in inner if isinstance(each, ast.Constant)}
    )


def comparisons(tree: ast.AST) -> Iterator[ast.AST]:
    """All expressions that ask which of two values comes first."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ops=ops) if any(isinstance(op, ORDER) for op in ops):
                yield node
            case ast.Call(func=ast.Attribute(attr=name)) if name in ORDERING_FUNCTIONS:
                yield node


def compares_instants(code: str) -> bool:
    return any({"as_of", "_as_of"} & names_in(node) for node in comparisons(ast.parse(code)))


def filters_returns(code: str) -> bool:
    """Whether a quantity or an amount is compared with 0 so that returns go."""
    for node in comparisons(ast.parse(code)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.GtE):
            names = {name.lower() for name in names_in(node)}
            if names & {"quantity", "amount"} and "0" in names:
                return True
    return False


def reads_sensitive(code: str) -> bool:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and node.attr in ("sensitive", "SENSITIVE"):
            return True
        if isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "'sensitive'":
            return True
    return False


@pytest.mark.parametrize(
    ("code", "compares", "returns", "sensitive"),
    [
        ("rows.filter(rows.at <= view.as_of - length)", True, False, False),
        ("pc.less_equal(rows['at'], self._as_of)", True, False, False),
        ("rows['at'].between(start, as_of)", True, False, False),
        ("found = (folder is None) == (as_of is None)", False, False, False),
        ("rows.filter(rows.quantity.fill_null(0) >= 0)", False, True, False),
        ("rows.filter(rows[Col.AMOUNT] < 0)", False, True, False),
        ("(rows.quantity > 0).ifelse(rows.quantity, 1)", False, False, False),
        ("rows.filter(~products.sensitive)", False, False, True),
        ("products[Col.SENSITIVE], products['sensitive']", False, False, True),
    ],
)
def test_what_counts_as_cutting(code: str, compares: bool, returns: bool, sensitive: bool) -> None:
    assert compares_instants(code) == compares
    assert filters_returns(code) == returns
    assert reads_sensitive(code) == sensitive


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_the_view_cuts_time_and_leaves_out_what_may_not_be_used(module: str) -> None:
    code = MODULES[module].read_text()
    assert module in MAY_COMPARE_INSTANTS or not compares_instants(code)
    assert module == "followsuit.graph.views.history" or not filters_returns(code)
    if room_of(module) != "simulator":  # which makes sensitive products
        assert module in MAY_NAME_SENSITIVE or not reads_sensitive(code)
