"""The rooms of the house and who imports whom, as an SVG picture within a page."""

import ast
from pathlib import Path
from statistics import fmean

import networkx as nx

TEST = Path(__file__).resolve().parents[2] / "tests" / "test_house.py"
FACE = "followsuit"

WIDTH, HEIGHT = 132, 46
ACROSS, DOWN = 24, 60
"""Pixels between two rooms of a row, and between two rows."""

Place = tuple[float, float]


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
    places = _places(graph)
    drawn = [_arrow(places[source], places[target]) for source, target in sorted(graph.edges)]
    drawn += [_box(room, place) for room, place in sorted(places.items())]
    title = "; ".join(
        f"{room} imports {', '.join(sorted(graph[room]))}" for room in sorted(graph) if graph[room]
    )
    return f"```{{raw}} html\n{_svg(title, list(places.values()), drawn)}\n```\n"


def _places(graph: nx.DiGraph) -> dict[str, Place]:
    """The upper left corner of each room: as low as can be, over the rooms that it imports."""
    rows = [sorted(row) for row in nx.topological_generations(graph.reverse())]
    columns: dict[str, float] = {}
    for row in rows:
        below = [[columns[other] for other in graph[room]] or [0.0] for room in row]
        middle = fmean(map(fmean, below))
        order = sorted(zip(map(fmean, below), row, strict=True))
        columns |= {room: middle + n - (len(row) - 1) / 2 for n, (_, room) in enumerate(order)}
    left = min(columns.values())
    return {
        room: ((columns[room] - left) * (WIDTH + ACROSS), (len(rows) - 1 - n) * (HEIGHT + DOWN))
        for n, row in enumerate(rows)
        for room in row
    }


def _box(room: str, place: Place) -> str:
    x, y = place
    text = "src/followsuit/" if room == FACE else f"{room}/"
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2 + 5:g}">{text}</text>'
    )


def _arrow(source: Place, target: Place) -> str:
    x1, y1 = source[0] + WIDTH / 2, source[1] + HEIGHT
    x2, y2 = target[0] + WIDTH / 2, target[1] - 7
    bend = (HEIGHT + DOWN) / 2
    return f'<path d="M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"/>'


def _svg(title: str, places: list[Place], drawn: list[str]) -> str:
    width, height = (max(axis) for axis in zip(*places, strict=True))
    return (
        '<svg class="rooms" role="img" '
        f'viewBox="-4 -4 {width + WIDTH + 8:g} {height + HEIGHT + 8:g}"><title>{title}</title>'
        '<marker id="head" viewBox="0 0 10 10" refX="2" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L10 5L0 10z" class="head"/></marker>'
        f"{''.join(drawn)}</svg>"
    )
