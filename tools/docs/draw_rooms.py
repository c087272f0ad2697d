"""The rooms of the house and who imports whom, as an SVG picture within a page."""

import ast
from pathlib import Path

import networkx as nx

TEST = Path(__file__).resolve().parents[2] / "tests" / "test_house.py"
FACE = "followsuit"

WIDTH, HEIGHT = 150, 46
ACROSS, DOWN = 40, 56
"""Pixels between two rooms of a row, and between two rows."""


def may_import() -> dict[str, set[str]]:
    """The table that `tests/test_house.py` checks the imports by."""
    for node in ast.parse(TEST.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MAY_IMPORT":
            table: dict[str, set[str]] = ast.literal_eval(node.value)
            return table
    raise LookupError(f"{TEST} has no MAY_IMPORT. Draw the rooms from where it is now.")


def rooms() -> str:
    """The picture: a room imports those that its arrows lead to, and what these import."""
    table = may_import()
    edges = [(room, other) for room, others in table.items() for other in others]
    edges += [(FACE, room) for room in table]
    graph = nx.transitive_reduction(nx.DiGraph(edges))
    rows = [sorted(row) for row in nx.topological_generations(graph)]
    widest = max(map(len, rows)) * (WIDTH + ACROSS) - ACROSS
    places = {
        room: _place(column, len(row), level, widest)
        for level, row in enumerate(rows)
        for column, room in enumerate(row)
    }
    drawn = [_arrow(places[source], places[target]) for source, target in sorted(graph.edges)]
    drawn += [_box(room, *place) for room, place in sorted(places.items())]
    height = len(rows) * (HEIGHT + DOWN) - DOWN
    title = "; ".join(
        f"{room} imports {', '.join(sorted(graph[room]))}" for room in graph if graph[room]
    )
    return f"```{{raw}} html\n{_svg(widest, height, title, drawn)}\n```\n"


def _place(column: int, of: int, level: int, widest: int) -> tuple[float, float]:
    """The upper left corner of a box; rows are centred."""
    row = of * (WIDTH + ACROSS) - ACROSS
    return (widest - row) / 2 + column * (WIDTH + ACROSS), level * (HEIGHT + DOWN)


def _box(room: str, x: float, y: float) -> str:
    text = "src/followsuit/" if room == FACE else f"{room}/"
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2 + 5:g}">{text}</text>'
    )


def _arrow(source: tuple[float, float], target: tuple[float, float]) -> str:
    x1, y1 = source[0] + WIDTH / 2, source[1] + HEIGHT
    x2, y2 = target[0] + WIDTH / 2, target[1] - 7
    bend = (y2 - y1) / 2
    return f'<path d="M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"/>'


def _svg(width: float, height: float, title: str, drawn: list[str]) -> str:
    return (
        f'<svg class="rooms" role="img" viewBox="-4 -4 {width + 8:g} {height + 8:g}">'
        f"<title>{title}</title>"
        '<marker id="head" viewBox="0 0 10 10" refX="2" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L10 5L0 10z" class="head"/></marker>'
        + "".join(drawn)
        + "</svg>"
    )
