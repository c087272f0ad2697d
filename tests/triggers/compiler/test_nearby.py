"""Distances on the globe: the pairs that plain Python finds, whatever the latitude."""

import ibis
import ibis.expr.types as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.trigger_evaluator import km

from followsuit.triggers.compiler.nearby import city_stores, near

Point = tuple[float | None, float | None]
POINT = {"name": "string", "latitude": "float64", "longitude": "float64"}
STORE = {"store_id": "string", "city": "string", "latitude": "float64", "longitude": "float64"}

_coordinates = st.one_of(
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    # Around the poles, the date line and one city.
    st.tuples(st.sampled_from((-90.0, -89.99, 89.999, 90.0)), st.floats(-180, 180)),
    st.tuples(st.floats(-0.5, 0.5), st.sampled_from((-180.0, -179.9, 179.9, 180.0))),
    st.tuples(st.floats(48.3, 48.5), st.floats(9.9, 10.1)),
    st.tuples(st.none(), st.floats(-180, 180)),
)


def points(rows: list[Point]) -> ir.Table:
    named = [{"name": f"p{n}", "latitude": a, "longitude": b} for n, (a, b) in enumerate(rows)]
    return ibis.memtable(named or {name: [] for name in POINT}, schema=POINT)


def stores(rows: list[tuple[str, str | None, float | None, float | None]]) -> ir.Table:
    named = [dict(zip(STORE, row, strict=True)) for row in rows]
    return ibis.memtable(named or {name: [] for name in STORE}, schema=STORE)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(_coordinates, max_size=6),
    st.lists(_coordinates, max_size=6),
    st.sampled_from((0.001, 0.5, 12, 111.3, 900, 20_000)),
)
def test_the_near_pairs_are_those_of_the_haversine_formula(
    places: list[Point], sites: list[Point], most: float
) -> None:
    listed = stores([(f"s{n}", None, a, b) for n, (a, b) in enumerate(sites)])
    rows = near(points(places), listed, most).to_pyarrow().to_pylist()
    found = [(row["name"], row["near_store_id"]) for row in rows]
    assert len(found) == len(set(found))
    for n, (a, b) in enumerate(places):
        for m, (c, d) in enumerate(sites):
            known = a is not None and b is not None and c is not None and d is not None
            distance = km((a, b), (c, d)) if known else float("inf")
            if distance != pytest.approx(most, rel=1e-9):
                assert ((f"p{n}", f"s{m}") in found) == (distance <= most)


def test_known_distances() -> None:
    berlin, paris = (52.5200, 13.4050), (48.8566, 2.3522)
    assert km(berlin, paris) == pytest.approx(877.5, abs=0.5)
    paris_store = stores([("s", None, *paris)])
    assert near(points([berlin]), paris_store, 878).count().execute() == 1
    assert near(points([berlin]), paris_store, 877).count().execute() == 0


def around(rows: list[tuple[str, str | None, float | None, float | None]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in city_stores(stores(rows), 20).to_pyarrow().to_pylist():
        found.setdefault(row["city"], []).append(row["store_id"])
    return {city: sorted(ids) for city, ids in found.items()}


def test_stores_around_a_city_are_those_near_the_mean_of_its_stores() -> None:
    found = around(
        [
            ("west", "Ulm", 48.40, 9.80),
            ("east", "Ulm", 48.40, 10.20),
            ("middle", "Neu-Ulm", 48.40, 10.00),
            ("nowhere", None, 48.41, 10.00),
            ("far", "Rom", 41.90, 12.50),
        ]
    )
    assert found["Ulm"] == ["east", "middle", "nowhere", "west"]
    assert found["Rom"] == ["far"]
    assert set(found) == {"Ulm", "Neu-Ulm", "Rom"}


def test_a_city_without_coordinates_has_its_own_stores() -> None:
    found = around([("a", "Ys", None, None), ("b", "Ys", 1.0, None), ("c", "Rom", 41.9, 12.5)])
    assert found == {"Ys": ["a", "b"], "Rom": ["c"]}
