"""Compiled triggers give the reasons that plain Python gives, on random shops and triggers."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st
from support.snapshots import view_from
from support.toml_text import toml_of
from support.trigger_evaluator import reasons
from support.trigger_histories import INSTANTS, Tables, definitions, shops

from followsuit.graph.views.view import View
from followsuit.triggers.defined import DefinedTrigger
from followsuit.triggers.definitions.definition_file import TriggerError, parsed
from followsuit.triggers.tie_weights import tie_weights
from followsuit.triggers.trigger import REASONS

few = settings(
    # Shrinking would take minutes; a note says which reasons differ.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def view_of(tables: Tables, as_of: datetime, folder: str) -> View:
    delivered = ["customers", "products", "stores", "offers"]
    return view_from(Path(folder), as_of, delivered=delivered, **tables)


def compiled(name: str, definition: dict[str, Any], view: View) -> list[dict[str, Any]]:
    (parsed_one,) = parsed(toml_of({name: definition}), "triggers.toml").values()
    rows = DefinedTrigger(parsed_one, tie_weights(view)).reasons(view)
    found: list[dict[str, Any]] = rows.select(*REASONS).to_pyarrow().to_pylist()
    return found


def in_order(rows: Any) -> list[tuple[Any, ...]]:
    columns = [name for name in REASONS if name != "strength"]
    plain = [{**row, "store_ids": row["store_ids"] and tuple(row["store_ids"])} for row in rows]
    return sorted((tuple(row[name] for name in columns) for row in plain), key=repr)


def strengths(rows: Any) -> list[float]:
    keyed = sorted((repr(in_order([row])), row["strength"]) for row in rows)
    return [strength for _, strength in keyed]


def compare(tables: Tables, texts: list[dict[str, Any]], as_of: datetime) -> None:
    with tempfile.TemporaryDirectory() as folder:
        view = view_of(tables, as_of, folder)
        for definition in texts:
            note(toml_of({"mine": definition}))
            try:
                found = compiled("mine", definition, view)
            except TriggerError as error:
                event(f"not valid: {str(error).split(': ')[1]}")
                continue
            wanted = reasons("mine", definition, tables, as_of)
            event("reasons" if wanted else "no reasons")
            note(f"{set(in_order(wanted)) ^ set(in_order(found))} differ")
            assert in_order(found) == in_order(wanted)
            assert strengths(found) == pytest.approx(strengths(wanted), abs=1e-6)


@st.composite
def cases(draw: st.DrawFn, *, again: bool = False) -> tuple[Tables, list[Any], datetime]:
    around = draw(st.sampled_from(INSTANTS))
    tables = draw(shops(around))
    step = timedelta(microseconds=draw(st.sampled_from((-1, 0, 0, 1))))
    texts = draw(st.lists(definitions(again=again), min_size=5, max_size=5))
    return tables, texts, around + step


@few
@given(cases())
def test_compiled_triggers_give_the_reasons_of_plain_python(
    case: tuple[Tables, list[Any], datetime],
) -> None:
    compare(*case)


@settings(few, max_examples=4)
@given(cases(again=True))
def test_pauses_are_replayed_as_in_plain_python(
    case: tuple[Tables, list[Any], datetime],
) -> None:
    tables, texts, as_of = case
    # Plain Python replays every night since the first customer joined.
    for row in tables["customers"]:
        if row["joined_at"] is not None:
            row["joined_at"] = max(row["joined_at"], as_of - timedelta(days=22))
    compare(tables, texts, as_of)
