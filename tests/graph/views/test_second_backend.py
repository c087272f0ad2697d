"""Steps are Ibis expressions: Polars gives what DuckDB gives.

Polars' backend has no window functions, so steps that number rows aren't among these.
"""

from collections.abc import Callable
from datetime import timedelta

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from support.worlds import view_of_world

from followsuit.core.progress import silent
from followsuit.customers.features import customer_features, spending
from followsuit.graph.views.view import View
from followsuit.influence.log.action_log import read_log
from followsuit.offers.candidates.catalogue import catalogue
from followsuit.offers.features.association_rules import association_rules, last_baskets
from followsuit.simulator import World
from followsuit.triggers.defined import triggers_of, with_window
from followsuit.triggers.definitions.definition_file import shipped_definitions
from followsuit.triggers.recent import recent_shared
from followsuit.triggers.tie_weights import learn_tie_weights, tie_weights

pytestmark = pytest.mark.filterwarnings("ignore:`is_in`:DeprecationWarning")  # of Ibis's own text
WINDOW = timedelta(days=14)
WORLD = World(customers=150, products=25, stores=6, friendships=600, purchases=2_500, days=120)
STEPS: dict[str, Callable[[View], ir.Table]] = {
    "people": lambda view: view._history.people(view),
    "items": lambda view: view._history._items(),
    "interactions": lambda view: view._history._interactions(),
    "friendships": lambda view: view._history._friendships(),
    "first interactions": lambda view: view.first_interactions,
    "memberships": lambda view: view.memberships,
    "likes": lambda view: view.likes,
    "answers": lambda view: view.opt_ins,
    "known for a while": lambda view: view.known_for(WINDOW),
    "what follows": lambda view: view.at(view.as_of - WINDOW).following(WINDOW),
    "customers": lambda view: customer_features(view, WINDOW),
    "spending": spending,
    "association rules": lambda view: association_rules(view.shared),
    "last baskets": last_baskets,
    "recent": lambda view: recent_shared(view, WINDOW),
}
WITH_WINDOW_FUNCTIONS = {"moved", "near_store"}
TRIGGERS = [
    name
    for name, definition in shipped_definitions().items()
    if definition.statistic is None and name not in WITH_WINDOW_FUNCTIONS
]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return view_of_world(WORLD, tmp_path_factory.mktemp("shop"), assume_consent=True)


def by_polars(rows: ir.Table) -> pa.Table:
    """The rows as Polars computes them, from the tables that the expression reads."""
    polars = ibis.polars.connect()
    for table in rows.op().find(ops.DatabaseTable):
        polars.create_table(table.name, table.to_expr().to_pyarrow())
    return polars.to_pyarrow(rows.unbind())


def in_order(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    texts = [f.name for f in schema if not pa.types.is_nested(f.type)]
    return rows.select(schema.names).cast(schema).sort_by([(name, "ascending") for name in texts])


def assert_same(rows: ir.Table) -> None:
    expected = rows.to_pyarrow()
    other = in_order(by_polars(rows), expected.schema)
    expected = in_order(expected, expected.schema)
    for field in expected.schema:
        one, two = expected[field.name].to_pylist(), other[field.name].to_pylist()
        if pa.types.is_floating(field.type):
            assert two == pytest.approx(one, rel=1e-9, nan_ok=True), field.name
        else:
            assert two == one, field.name


@pytest.mark.parametrize("step", STEPS)
def test_a_step_gives_the_same_rows(view: View, step: str) -> None:
    rows = STEPS[step](view)
    assert step == "association rules" or rows.count().execute() > 0  # This world has none.
    assert_same(rows)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_trigger_has_the_same_reasons(view: View, trigger: str) -> None:
    ties = tie_weights(view, learn_tie_weights(read_log(view.shared), WINDOW, silent))
    definitions = with_window({trigger: shipped_definitions()[trigger]}, WINDOW)
    (made,) = triggers_of(definitions, ties)
    assert_same(made.reasons(view))


def test_the_catalogue_is_the_same(view: View) -> None:
    offers = catalogue(view)
    assert offers is not None
    for rows in (offers.covered, offers.allowed(view.first_interactions)):
        assert_same(rows)
